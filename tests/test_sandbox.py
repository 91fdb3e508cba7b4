"""Attacks the sandbox that runs student code, from cells: what they reach, use up, and say to each other.

Most attacks are short Python programs that a cell starts, since they are easier to read than the same in Rust.
"""

import os
import platform
import shutil
import sys
import threading
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

import kernel
import sandbox as box
from conftest import IN_CI, REPOSITORY
from sandbox import Limits, Sandbox, SandboxError, Used

pytestmark = pytest.mark.skipif(
    shutil.which("bwrap") is None and not IN_CI, reason="bubblewrap (bwrap) is not installed"
)

SECRET = "a-token-of-the-instructor"
PYTHON = f"""
fn python(code: &str) {{
    let done = std::process::Command::new("{sys.executable}").args(["-I", "-c", code]).output().unwrap();
    print!("{{}}", String::from_utf8_lossy(&done.stdout));
    eprint!("{{}}", String::from_utf8_lossy(&done.stderr));
}}
"""
# The names that the attacks below use.
BEGIN = "import ctypes, errno, fcntl, glob, mmap, os, resource, socket, sys, time\n"


def cell(code):
    return f'{PYTHON}\npython(r####"{BEGIN}{code}"####);'


def said(sandbox, code):
    """What a Python program says in the sandbox."""
    ran = sandbox.run(cell(code))
    assert ran.status == "ok", ran
    return "".join(text for _, text in ran.outputs).strip()


def runs(sandbox, code):
    """What becomes of a Rust program that does this. To start a kernel takes longer than most attacks."""
    ran = sandbox.run(f"{PYTHON}\nfn main() {{ {code} }}")
    assert ran.status == "ok", ran
    return sandbox.run("", quiet=True)


def works(sandbox):
    """An honest cell after an attack."""
    ran = sandbox.run('let numbers = [3, 4]; println!("{}", numbers.iter().map(|x| x * x).sum::<i32>());')
    return sandbox.alive and ran.outputs == [("stdout", "25\n")]


@pytest.fixture(scope="module")
def running():
    """One sandbox for many attacks, and a second one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZERO_INIT_SECRET", SECRET)
        with Sandbox(Limits()) as first, Sandbox(Limits()) as second:
            yield first, second


@pytest.fixture
def shared(running):
    yield running[0]
    assert works(running[0])


def family(sandbox):
    try:
        return psutil.Process(sandbox.process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


# --- What code in the sandbox reaches --------------------------------------------------------------------------------


@pytest.mark.slow
def test_crates_that_are_compiled_already_are_found(shared):
    """Else each kernel would compile them again. What is compiled, and how, is told by the times of files."""
    code = f"import sys; sys.path.insert(0, '{REPOSITORY}/tools'); import kernel; print(kernel.key(None))"
    assert said(shared, code) == kernel.key(None)


@pytest.mark.slow
def test_no_setting_of_the_kernel_can_be_written(shared):
    files = """
found = [f"{folder}/{name}" for top in ("/proc/sys", "/sys") for folder, _, names in os.walk(top) for name in names]
found += [path for path in glob.glob("/proc/*") if os.path.isfile(path)]
found += glob.glob("/proc/self/*") + glob.glob("/proc/1/*") + glob.glob("/proc/*/*/*")
found = [path for path in found if "/fd/" not in path]  # its own pipes
def can_write(path):
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
        return True
    except OSError:
        return False
print(len(found) > 500, [path for path in found if can_write(path)][:9])
"""
    assert said(shared, files) == "True []"
    for process in family(shared)[1:]:  # the first is bubblewrap's own
        assert 0 not in process.uids()


@pytest.mark.slow
def test_nothing_of_who_grades_is_seen(shared):
    assert (
        said(
            shared,
            f"""
found = []
for path in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline"):
    try:
        found += [path] if "{SECRET[:7]}" "{SECRET[7:]}" in open(path, errors="replace").read() else []
    except OSError:
        pass
venv = sorted(os.listdir("{sys.prefix}"))
print(found, venv, os.path.exists("{REPOSITORY}/notebooks/assignments/source"), socket.gethostname())
""",
        )
        == f"[] {[name for name in ('bin', 'lib', 'lib64', 'pyvenv.cfg') if os.path.exists(f'{sys.prefix}/{name}')]} "
        "False sandbox"
    )


@pytest.mark.parametrize(("also", "status"), [("true", "ok"), ("false", "dead")])
def test_a_program_is_kept_as_a_kernel_is(monkeypatch, also, status):
    monkeypatch.setenv("ZERO_INIT_SECRET", SECRET)
    source = f"""fn main() {{
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        assert!(status.contains("Seccomp:\\t2") && !status.contains("Uid:\\t0") && status.contains("NoNewPrivs:\\t1"));
        assert!(!std::path::Path::new("{REPOSITORY}/notebooks/assignments/source").exists());
        assert!(std::env::vars().all(|(_, value)| value != "{SECRET}"));
        assert!(std::fs::write("/usr/mine", "").is_err() && std::fs::write("/tmp/mine", "").is_ok());
        assert!(std::fs::read_dir("/sys/class/net").is_err() && {also});
    }}"""
    with Sandbox(Limits(), compiler=box.compiler([])) as sandbox:
        assert sandbox.run(source).status == "ok"
        assert sandbox.run("", quiet=True).status == status


@pytest.mark.slow
def test_files_can_be_made_only_where_they_are_counted(shared):
    assert (
        said(
            shared,
            """
tops = ["/", *glob.glob("/*"), "/proc/self", "/root/.cargo"]
below = [folder for top in tops for folder in [top, *glob.glob(top + "/*"), *glob.glob(top + "/*/*")]]
folders = {os.path.realpath(folder) for folder in below if os.access(folder, os.X_OK)}
made = []
for folder in folders:
    try:
        with open(folder + "/mine", "w"):
            made.append(folder)
    except OSError:
        pass
print([folder for folder in made if not folder.startswith("/tmp")], "/tmp" in made)
""",
        )
        == "[] True"
    )


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers are those of x86_64")
def test_system_calls_that_no_student_needs_are_refused(shared):
    refused, unknown = "EPERM", "ENOSYS"
    calls = {
        "unshare(CLONE_NEWUSER)": (272, 0x10000000, 0, refused),
        "clone(CLONE_NEWUSER)": (56, 0x10000000 | 17, 0, refused),
        "clone(CLONE_NEWNET)": (56, 0x40000000 | 17, 0, refused),
        "clone(CLONE_NEWUSER), the upper half set": (56, 1 << 40 | 0x10000000 | 17, 0, refused),
        "clone3": (435, 0, 0, unknown),
        "open_tree": (428, 0, 0, unknown),
        "move_mount": (429, 0, 0, unknown),
        "fsopen": (430, 0, 0, unknown),
        "fsconfig": (431, 0, 0, unknown),
        "mount_setattr": (442, 0, 0, unknown),
        "io_uring_setup": (425, 8, 0, unknown),
        "memfd_secret": (447, 0, 0, unknown),
        "a call of a later kernel": (500, 0, 0, unknown),
        "a call of x32": (0x40000000 | 39, 0, 0, refused),
        "setns": (308, 0, 0, refused),
        "mount": (165, 0, 0, refused),
        "memfd_create": (319, 0, 0, refused),
        "vmsplice": (278, 0, 0, refused),
        "sendmsg": (46, 0, 0, refused),
        "shmget": (29, 0, 4096, refused),
        "msgget": (68, 0, 0o1600, refused),
        "semget": (64, 0, 1, refused),
        "ptrace": (101, 0, 0, refused),
        "bpf": (321, 0, 0, refused),
        "perf_event_open": (298, 0, 0, refused),
        "keyctl": (250, 0, -3, refused),
        "inotify_init1": (294, 0, 0, refused),
        "a socket for packets": (41, 16, 3, refused),
        "a socket of datagrams": (41, 1, 2, refused),
        "datagrams over the network": (41, 2, 2 | 0o2000000, refused),
        "a raw socket": (41, 2, 3, refused),
        "a lease of a file": (72, 0, 1024, refused),
        "a hint on a file": (72, 0, 1036, refused),
        "a larger pipe": (72, 1, 1031, refused),
    }
    numbers = {name: call[:3] for name, call in calls.items()}
    answers = said(
        shared,
        f"""
call = ctypes.CDLL(None, use_errno=True).syscall
call.restype, call.argtypes = ctypes.c_long, [ctypes.c_long] * 7
for name, (number, first, second) in {numbers!r}.items():
    ctypes.set_errno(0)
    answer = call(number, first, second, 0, 0, 0, 0)
    if answer == 0 and number == 56:
        os._exit(0)
    print(name, errno.errorcode.get(ctypes.get_errno(), answer), sep=": ")
""",
    )
    assert answers.splitlines() == [f"{name}: {call[3]}" for name, call in calls.items()]


def test_a_processor_whose_calls_are_not_known_is_refused(monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "pdp11")
    with pytest.raises(SandboxError, match="processor of this kind"):
        box.system_call_filter()


@pytest.mark.skipif(os.geteuid() != 0, reason="this is about grading as root")
def test_root_without_another_user_is_refused(monkeypatch):
    monkeypatch.setattr(box.Path, "read_text", lambda *_, **__: "0 1000 1\n")
    with pytest.raises(SandboxError, match="no other user"):
        box.own_user()


# --- What one sandbox says to another, or to a later one of the same submission --------------------------------------


@pytest.mark.slow
def test_two_sandboxes_have_nothing_to_signal_with(running):
    first, second = running
    shared_file = sys.executable
    act = f"""
ways = {{}}
file = os.open("{shared_file}", os.O_RDONLY)
folder = os.open("/usr", os.O_RDONLY)
def way(name, do):
    try:
        ways[name] = do()
    except OSError as error:
        ways[name] = errno.errorcode[error.errno]
way("flock", lambda: fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB))
way("flock of a folder", lambda: fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB))
way("lockf", lambda: fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB))
way("who has a lock", lambda: fcntl.fcntl(file, 5, b"\\1" + bytes(31)))
way("lease", lambda: fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK))
way("notify", lambda: fcntl.fcntl(folder, fcntl.F_NOTIFY, fcntl.DN_ACCESS))
way("time", lambda: os.utime("{shared_file}"))
way("attribute", lambda: os.setxattr("{shared_file}", "user.mine", b"1"))
way("mode", lambda: os.chmod("{shared_file}", 0o777))
name = socket.socket(socket.AF_UNIX)
way("abstract socket", lambda: name.bind("\\0mine"))
way("port", lambda: socket.socket().bind(("127.0.0.1", 9999)))
print(ways)
"""
    alone = said(first, act)
    # One that does the same and stays, without a word, until the sandbox ends.
    stays = act.replace("print(ways)", 'open("/tmp/acted", "w").close(); time.sleep(600)')
    first.run(f'{PYTHON}\nstd::thread::spawn(|| python(r####"{BEGIN}{stays}"####));')
    said(first, 'while not os.path.exists("/tmp/acted"): time.sleep(0.05)')
    assert said(second, act) == alone
    assert "'flock': None" in alone and "'lease': 'EPERM'" in alone and "'abstract socket': None" in alone
    assert works(first) and works(second)


@pytest.mark.slow
def test_a_clone_below_tmp_is_seen_by_the_sandboxs_user(tmp_path, monkeypatch):
    (tmp_path / "crate").write_text("seen", encoding="utf-8")
    visible = box.visible
    monkeypatch.setattr(box, "visible", lambda kernel: [*visible(kernel), str(tmp_path / "crate")])
    with Sandbox(Limits()) as sandbox:
        assert said(sandbox, f'print(open("{tmp_path}/crate").read(), open("/tmp/mine", "w").write("x"))') == "seen 1"


@pytest.mark.slow
def test_a_new_process_starts_with_new_files():
    used = Used()
    with Sandbox(Limits(), used=used) as sandbox:
        said(sandbox, 'open("/tmp/tried", "w").close()')
        assert sandbox.run("std::process::exit(0);").status == "dead"
    before = used.cpu
    with Sandbox(Limits(), used=used) as sandbox:
        assert said(sandbox, 'print([name for name in os.listdir("/tmp") if name == "tried"])') == "[]"
    assert used.cpu > before > 1


# --- What a submission may use ---------------------------------------------------------------------------------------

SMALL = 400_000_000  # bytes: a compiler takes 150 MB, the processes of an attack by themselves up to 300 MB
SMALL_FOR_KERNEL = 900_000_000  # and a kernel with it 700 MB


def hoard(pieces: int) -> str:
    """Keeps so many times 10 MB. That is less than twice the limit, at which a process gets no more by itself."""
    return f"kept = [b'x' * 10**7 for _ in range({pieces})]; time.sleep(99)"


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(
            """
try:
    for n in range(10**6):
        os.close(os.open(f"/tmp/{n}", os.O_CREAT))
finally:
    time.sleep(99)
""",
            id="empty files",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            """
for _ in range(15):
    if os.fork() == 0:
        kept = []
        while len(kept) < 120:
            one, other = socket.socketpair()
            kept.append((one, other))
            for end in kept[-1]:
                end.setblocking(False)
                try:
                    while True:
                        end.send(bytes(1 << 16))
                except OSError:
                    pass
        time.sleep(99)
        os._exit(0)
os.wait()
""",
            id="buffers of sockets",
        ),
        pytest.param(
            """
large = mmap.mmap(-1, 1 << 40, mmap.MAP_PRIVATE | 0x4000, mmap.PROT_READ)
for place in range(0, 1 << 40, 1 << 21):
    large[place]
time.sleep(99)
""",
            id="page tables",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            """
place = ctypes.c_void_p
libc = ctypes.CDLL(None)
libc.mmap.restype, libc.mmap.argtypes = place, [place, *[ctypes.c_long] * 5]
for n in range(60_000):  # with unlike rights: of two that are alike the kernel makes one
    libc.mmap(None, 4096, 1 + n % 2, 0x22, -1, 0)
for _ in range(40):
    if os.fork() == 0:
        time.sleep(99)
        os._exit(0)
os.wait()
""",
            id="mappings",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            """
for n in range(9):
    with open(f"/tmp/{n}", "wb") as file:
        file.write(bytes(10**8))
    os.symlink("a" * 4000, f"/tmp/link{n}")
time.sleep(99)
""",
            id="files",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            """
def thread():
    kept = [b"x" * 10**7 for _ in range(60)]
    time.sleep(99)
import threading
from contextlib import suppress
from pathlib import Path
threading.Thread(target=thread).start()
ctypes.CDLL(None).syscall({"x86_64": 60, "aarch64": 93}[os.uname().machine], 0)  # ends the first thread alone
""",
            id="a process without its first thread",
        ),
        pytest.param(hoard(60), id="memory"),
    ],
)
def test_memory_of_every_kind_is_counted(code):
    # So many files take a busy machine more than half a minute.
    with Sandbox(Limits(memory=SMALL, cell=300), compiler=box.compiler([])) as sandbox:
        ran = runs(sandbox, f'python(r####"{BEGIN}{code}"####);')
        assert ran.status == "big", ran
        assert sandbox.used.memory > SMALL
        # They have been ended, and the kernel needs a moment for what they held.
        assert psutil.wait_procs(family(sandbox), timeout=60)[1] == []


@pytest.mark.slow
def test_memory_is_counted_where_a_kernel_runs():
    with Sandbox(Limits(memory=SMALL_FOR_KERNEL)) as sandbox:
        assert sandbox.run(cell(hoard(100))).status == "big" and sandbox.used.memory > SMALL_FOR_KERNEL


@pytest.mark.slow
def test_processes_are_limited(shared):
    count = """
children = []
try:
    for _ in range(2000):
        child = os.fork()
        if child == 0:
            time.sleep(99)
            os._exit(0)
        children.append(child)
except OSError as error:
    print(len(children) < 400, errno.errorcode[error.errno])
for child in children:
    os.kill(child, 9)
"""
    assert said(shared, count) == "True EAGAIN"


@pytest.mark.slow
@pytest.mark.parametrize("group", [True, False], ids=["group", "no group"])
def test_the_processor_time_of_all_processes_counts(group, monkeypatch):
    if not group:
        monkeypatch.setattr(box, "new_group", lambda _: None)
    spin = """
import signal
for _ in range(99):
    if os.fork() == 0:
        end = time.process_time() + 0.3
        while time.process_time() < end:
            pass
        os._exit(0)
    os.wait()
"""
    with Sandbox(Limits(cell=3), compiler=box.compiler([])) as sandbox:
        ran = runs(sandbox, f'python(r####"{BEGIN}{spin}"####);')
        assert (ran.status, ran.by_wall_clock) == ("slow", False)
        assert 3 < ran.seconds < 6


@pytest.mark.slow
def test_sleep_counts_also_when_a_cell_runs_again():
    used = Used()
    limits = Limits(cell=30, submission=20)
    sleep = "std::thread::sleep(std::time::Duration::from_secs(4));"
    slept = 0
    while used.seconds < limits.submission:
        with Sandbox(limits, used=used) as sandbox:
            while sandbox.alive and sandbox.run(sleep).status == "ok":
                slept += 1
    assert used.asleep > 8 and slept < 7
    with Sandbox(Limits(cell=2)) as sandbox:
        ran = sandbox.run(sleep)
        assert (ran.status, ran.by_wall_clock) == ("slow", False)


@pytest.mark.slow
def test_memory_that_no_process_is_seen_to_have_is_not_given(shared):
    tried = """
try:
    mmap.mmap(-1, 4096)  # shared, and of no file
except OSError as error:
    print(errno.errorcode[error.errno], os.path.exists("/dev/zero"))
"""
    assert said(shared, tried) == "EPERM False"


@pytest.mark.slow
@pytest.mark.parametrize(
    "waits",
    [
        "loop { pause(); }",
        "sleep(3); _exit(0); } else { usleep(150_000);",
    ],
    ids=["for ever", "with pauses"],
)
def test_who_waits_for_a_child_of_vfork_does_not_stop_the_clock(waits):
    code = f"""
unsafe extern "C" {{
    fn vfork() -> i32;
    fn pause() -> i32;
    fn sleep(s: u32) -> u32;
    fn usleep(s: u32) -> i32;
    fn _exit(s: i32) -> !;
}}
loop {{ unsafe {{ if vfork() == 0 {{ {waits} }} }} }}"""
    with Sandbox(Limits(cell=12), compiler=box.compiler([])) as sandbox:
        ran = runs(sandbox, code)
        assert ran.status == "slow" and not ran.by_wall_clock


def comes_last(sandbox):
    """Gives a sandbox's processes a low priority, and their sessions too: Linux may share out processors by these."""
    sandbox.watch.look()
    for process in sandbox.watch.family:
        for task in Path(f"/proc/{process.pid}/task").iterdir():
            os.setpriority(os.PRIO_PROCESS, int(task.name), 10)
        session = Path(f"/proc/{process.pid}/autogroup")
        while session.exists() and "nice 10" not in session.read_text():
            with suppress(BlockingIOError):  # it may be changed only so often
                session.write_text("10")


@pytest.mark.slow
def test_ninety_that_spin_do_not_slow_an_honest_neighbour():
    """By the clock of its sandbox. On the wall it takes many times as long, since it comes last."""
    spin = "for _ in 0..90 { std::thread::spawn(|| loop {}); }"
    honest = "let mut x = 1_u64; for i in 0..20_000_000_u64 { x = std::hint::black_box(x ^ i); } x"
    with Sandbox(Limits(cell=20)) as neighbour, Sandbox(Limits(cell=600)) as greedy:
        assert works(neighbour)  # the first cell takes longer than others
        alone = neighbour.run(honest)
        assert alone.status == "ok"
        comes_last(neighbour)
        greedy.run(spin, quiet=True)  # else it would compile one more cell beside the ninety
        beside = neighbour.run(honest)
        assert beside.status == "ok" and beside.seconds < 3 * alone.seconds + 1
        assert works(neighbour)


# --- What comes out --------------------------------------------------------------------------------------------------


def grown(do):
    """How many bytes this process grows by at the most, as it seems from many looks."""
    process, most, over = psutil.Process(), 0, threading.Event()
    before = process.memory_info().rss

    def look():
        nonlocal most
        while not over.wait(0.02):
            most = max(most, process.memory_info().rss - before)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        return do(), most
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize(
    "line",
    [b"x", b'{"status": "ok", "outputs": [["a", "\\ud800"]]}\n', b"[" * 100],
    ids=["no line", "lines", "brackets"],
)
def test_what_is_kept_of_endless_answers_is_bounded(line, tmp_path, monkeypatch):
    """The runner is not believed, either: here another program answers in its place."""
    endless = tmp_path / "endless.py"
    endless.write_text(
        'import os\nos.write(1, b\'{"status": "ready"}\\n\')\ninput()\n'
        f"while True:\n    os.write(1, {line!r} * 1000)\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(box, "HERE", tmp_path)
    endless.rename(tmp_path / "runner.py")
    with Sandbox(Limits(), isolated=False) as sandbox:
        for _ in range(5):
            ran, bytes_more = grown(lambda: sandbox.run("1"))
            assert ran.status in ("ok", "dead") and bytes_more < 20_000_000
            assert all(text == "?" for _, text in ran.outputs)
        assert ran.status == ("ok" if line.endswith(b"\n") else "dead")


@pytest.mark.slow
def test_a_flood_of_line_ends_is_loud():
    with Sandbox(Limits()) as sandbox:
        ran, bytes_more = grown(lambda: sandbox.run('panic!("{}", "\\n".repeat(9_900_000));'))
        assert ran.status == "loud" and bytes_more < 20_000_000


@pytest.mark.slow
def test_the_judge_has_limits_of_its_own():
    def judged(code):
        ran, said = sandbox.answer(["fn one(x: f64) -> f64"], [sys.executable, "-I", "-c", code])
        return ran.status if ran else said

    with Sandbox(Limits(check=1, judge_memory=200_000_000)) as sandbox:
        source = ":dep exercise = { workspace = true }\nfn one(x: f64) -> f64 { x }"
        assert sandbox.run(source).status == "ok"
        assert judged("print('passed')") == "passed"
        assert judged("print('no: ' + 'x' * 10**7)").startswith("no: xxx")
        assert judged("try:\n    bytes(10**9)\nexcept MemoryError:\n    import os; os.abort()") == "big"
        assert judged("while True: pass") == "slow"
        assert works(sandbox)


@pytest.mark.slow
def test_grading_ends_with_no_process_and_no_folder_left(tmp_path, monkeypatch):
    monkeypatch.setattr(box.tempfile, "tempdir", str(tmp_path))
    with Sandbox(Limits()) as sandbox:
        said(sandbox, "os.fork() or (os.setsid(), os.closerange(0, 9), time.sleep(99))")
        processes = family(sandbox)
    assert not any(process.is_running() and process.status() != "zombie" for process in processes)
    assert not list(tmp_path.iterdir())
    assert sandbox.group is None or not sandbox.group.exists()
