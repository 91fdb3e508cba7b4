"""Checks that all a cell prints comes with it, whatever the cell has done, and that a lost kernel is noticed."""

import types
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

import kernel_client
from kernel_client import CellTooLoudError, CellTooSlowError, Kernel, KernelError, process_ended, start_kernel
from outputs import kind


@pytest.fixture(scope="module")
def kernel(tmp_path_factory) -> Iterator[Kernel]:
    with start_kernel(tmp_path_factory.mktemp("work")) as kernel:
        yield kernel


LINES = "".join(f"late {number}\n" for number in range(200))
PRINTS_LATE = 'let _ = std::thread::spawn(|| { for i in 0..200 { eprintln!("late {i}"); } }).join();'
NO_PRINTING = "macro_rules! println { ($($all:tt)*) => {} }\nmacro_rules! eprintln { ($($all:tt)*) => {} }"


@pytest.mark.parametrize(
    ("source", "printed"),
    [
        ("let one = 1;", {}),
        (PRINTS_LATE, {"stderr": LINES}),
        ('println!("a"); eprintln!("b"); println!("c");', {"stdout": "a\nc\n", "stderr": "b\n"}),
        ('eprint!("no end of line");', {"stderr": "no end of line"}),
        (NO_PRINTING, {}),
        ('{ ::std::eprintln!("still"); };', {"stderr": "still\n"}),
    ],
)
def test_all_that_a_cell_prints_comes_with_it(kernel, source, printed):
    assert {kind(output): output.get("text") for output in kernel.run(source)} == printed


def test_a_process_that_ends_is_told_from_a_text_that_says_so(kernel):
    assert process_ended(kernel.run("::core::panic!()")) is False
    said = kernel.run('{ ::std::println!("Subprocess terminated"); };')
    assert not process_ended(said)
    assert process_ended(kernel.run("{ ::std::process::exit(0); };"))
    assert kernel.run("let two = 2;") == []


def test_a_cell_that_is_stopped_leaves_nothing_to_the_next(kernel):
    with pytest.raises(CellTooSlowError):
        kernel.run("loop {}", seconds=0)
    kernel.interrupt()
    assert [output.data for output in kernel.run("1 + 1")] == [{"text/plain": "2"}]


class Waiting:
    """A client in which the messages of a cell wait: so many lines, and that the cell is done."""

    def __init__(self, lines: int) -> None:
        self.lines = lines

    def start_channels(self) -> None:
        pass

    def execute(self, source: str, **_: Any) -> str:
        return "request"

    def get_iopub_msg(self, timeout: float) -> dict[str, Any]:
        self.lines -= 1
        line = {"msg_type": "stream", "parent_header": {}, "content": {"name": "stdout", "text": "a\n"}}
        return line if self.lines >= 0 else dict(self.get_shell_msg(0), msg_type="status")

    def get_shell_msg(self, timeout: float) -> dict[str, Any]:
        return {"parent_header": {"msg_id": "request"}, "content": {"status": "ok", "execution_state": "idle"}}


@pytest.mark.parametrize(("lines", "is_read"), [(500, True), (5000, False)])
def test_what_has_come_while_the_machine_stood_still_is_read_but_not_without_end(tmp_path, monkeypatch, lines, is_read):
    monkeypatch.setattr(kernel_client, "MOST_LATE", 1000)
    manager: Any = types.SimpleNamespace(blocking_client=lambda: Waiting(lines))
    with (tmp_path / "log").open("w+", encoding="utf-8") as log:
        kernel = Kernel(manager, log, most_text=float("inf"))
        if is_read:
            assert kernel.execute("", seconds=-600)[0].text == "a\n" * lines
        else:
            with pytest.raises(CellTooSlowError):
                kernel.execute("", seconds=-600)


@pytest.mark.slow
def test_a_cell_that_prints_without_end_is_given_up(tmp_path):
    with start_kernel(tmp_path, most_text=1000) as kernel:
        assert kernel.run('println!("{}", "x".repeat(900));')[0].text == "x" * 900 + "\n"
        with pytest.raises(CellTooLoudError) as raised:
            kernel.run('loop { println!("again and again"); }')
        assert "again and again" in raised.value.outputs[0].text


CLOSE_STDERR = 'unsafe extern "C" { fn close(file: i32) -> i32; }\nunsafe { close(2) };'


@pytest.mark.slow
def test_a_kernel_that_is_lost_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(kernel_client, "MARK_SECONDS", 1)
    with start_kernel(tmp_path) as kernel:
        with pytest.raises(KernelError):
            kernel.run(CLOSE_STDERR)  # a mark cannot come any more
        for process in psutil.Process(kernel.process).children():
            process.kill()
        with pytest.raises(KernelError, match="the kernel ended"):
            kernel.run("1")
