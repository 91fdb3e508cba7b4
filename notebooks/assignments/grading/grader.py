"""Grades the cells of one submission: runs them in a sandbox, and has each check decided by the judge."""

import re
from dataclasses import dataclass, field

from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader import utils

import judge
import program
from program import is_check
from sandbox import WORDS, Limits, Ran, Sandbox, SandboxError, Used, compiler

# A submission that ends its process again and again is given up after as many new ones.
MOST_SANDBOXES = 15

# As many characters are kept of all that a submission prints, and of the reason why a check is not passed.
MOST_PRINTED = 1_000_000
LONGEST_REASON = 4_000

# Characters of what the compiler says. The runner cuts at the same length; but where it runs as the same user as the
# student's code, that code can forge its answers.
LONGEST_COMPLAINT = 15_000

NOT_SHOWN = "what cells print after the first check is not shown in this course\n"


@dataclass
class Verdict:
    """What became of a check: passed, or why not."""

    passed: bool = False
    hidden: bool = False  # whether a part of the check that students do not see gave the reason
    why_not: str = "this check was not reached: what came before it took too long, or ended the program too often"


@dataclass
class Graded:
    """The verdicts by grade id, and what the other cells printed by their position."""

    verdicts: dict[str, Verdict] = field(default_factory=dict)
    outputs: dict[int, list[tuple[str, str]]] = field(default_factory=dict)
    printed: int = 0
    used: Used = field(default_factory=Used)
    waited: bool = False  # whether something was stopped that may have been slow only because the machine was busy

    def keep(self, position: int, outputs: list[tuple[str, str]]) -> None:
        """Keeps what a cell printed, as long as the whole is not too much."""
        self.outputs[position] = kept = []
        for stream, text in outputs:
            if part := text[: max(0, MOST_PRINTED - self.printed)]:
                self.printed += len(part)
                kept.append((stream, part))

    def write_into(self, cells: list[NotebookNode]) -> None:
        """Gives the code cells of the notebook the verdicts and the outputs."""
        for position, cell in enumerate(cells):
            if cell.cell_type != "code":
                continue
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            if name in self.verdicts:
                cell.outputs = [output_of(self.verdicts[name])]
            else:
                cell.outputs = [
                    new_output("stream", name=stream, text=text) for stream, text in self.outputs.get(position, [])
                ]


def output_of(verdict: Verdict) -> NotebookNode:
    """A verdict, as nbgrader reads it: an error is no point, its absence all."""
    if verdict.passed:
        return new_output("stream", name="stdout", text="passed\n")
    return new_output("error", ename="Not passed", evalue=verdict.why_not, traceback=verdict.why_not.splitlines())


def plain(text: str) -> str:
    """Without the colours of a terminal."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


class Grader:
    """Runs submissions to one assignment, whose source notebook is given."""

    def __init__(
        self,
        source: NotebookNode,
        name: str,
        limits: Limits | None = None,
        isolated: bool = True,
        hide: bool = False,  # whether the words of hidden tests are kept from students
    ) -> None:
        self.limits, self.isolated, self.hide = limits or Limits(), isolated, hide
        self.assignment = judge.read(source)
        self.judge = judge.build(self.assignment, name)

    def grade(self, cells: list[NotebookNode]) -> Graded:
        """Grades the cells of a notebook (those that are locked as in the source), from the first to the last."""
        graded = Graded({name: Verdict() for name in self.assignment.checks})
        steps = [(position, cell) for position, cell in enumerate(cells) if cell.cell_type == "code"]
        if self._grade_program(steps, graded):
            return graded
        done: list[NotebookNode] = []
        checked = False
        for _ in range(MOST_SANDBOXES):
            if not steps or graded.used.seconds > self.limits.submission:
                break
            with Sandbox(self.limits, self.isolated, graded.used) as sandbox:
                restored = self._restore(sandbox, done)
                while restored and steps and sandbox.alive:
                    position, cell = steps.pop(0)
                    if is_check(cell):
                        name = cell.metadata.nbgrader["grade_id"]
                        graded.verdicts[name] = self._check(sandbox, name)
                        checked = True
                        continue
                    ran = sandbox.run(cell.source, quiet=program.functions(cell.source) is not None)
                    # A function may have kept what a hidden test gave it.
                    graded.keep(position, [("stdout", NOT_SHOWN)] if self.hide and checked else outputs_of(ran))
                    if sandbox.alive:
                        done.append(cell)
                    elif utils.is_locked(cell) and all(utils.is_locked(earlier) for earlier in done):
                        raise SandboxError(f"a cell of the assignment itself does not run: {outputs_of(ran)}")
                graded.waited |= sandbox.by_wall_clock
        return graded

    def _grade_program(self, steps: list[tuple[int, NotebookNode]], graded: Graded) -> bool:
        """Grades cells that are nothing but functions, and that compile. Says whether they are."""
        made = program.made_of([cell for _, cell in steps], self.judge.used)
        command = compiler(made.crates) if made else None
        if made is None or command is None:
            return False
        checks = []
        for name in (cell.metadata.nbgrader["grade_id"] for _, cell in steps if is_check(cell)):
            if missing := [function for function in self.judge.used[name] if function in made.missing]:
                graded.verdicts[name] = not_called(missing, ["No cell of the notebook defines it."])
            else:
                checks.append(name)
        decided = False
        for _ in range(MOST_SANDBOXES):
            if not checks or graded.used.seconds > self.limits.submission:
                break
            with Sandbox(self.limits, self.isolated, graded.used, command) as sandbox:
                compiled = sandbox.run(made.text).status == "ok"
                if not compiled and not decided:
                    return False
                # What compiled before and now does not (it may depend on the time) is tried again: a kernel would
                # decide checks a second time.
                while compiled and checks and sandbox.alive:
                    name, decided = checks.pop(0), True
                    graded.verdicts[name] = self._check(sandbox, name)
                graded.waited |= sandbox.by_wall_clock
        checked = False
        for position, cell in steps:
            checked |= is_check(cell)
            graded.keep(position, [("stdout", NOT_SHOWN)] if self.hide and checked else [])
        return True

    def _restore(self, sandbox: Sandbox, done: list[NotebookNode]) -> bool:
        """Runs again what ran before. A cell that ends the process this time is not run a third time."""
        for cell in list(done):
            sandbox.run(cell.source, quiet=program.functions(cell.source) is not None)
            if not sandbox.alive:
                done.remove(cell)
                return False
        return True

    def _check(self, sandbox: Sandbox, name: str) -> Verdict:
        functions = self.judge.used[name]
        trouble, said = sandbox.answer(functions, [str(self.judge.program), name])
        if said == "passed":
            return Verdict(passed=True, why_not="")
        if trouble is None:
            hidden = said.startswith("hidden\n")
            said = said.removeprefix("hidden\n")[:LONGEST_REASON] or "the check ended without a word"
            return Verdict(hidden=hidden, why_not="a hidden test is not passed" if hidden and self.hide else said)
        if trouble.status in WORDS:
            return Verdict(why_not=WORDS[trouble.status])
        printed = plain("".join(text for _, text in trouble.outputs))[:LONGEST_COMPLAINT]
        errors = re.findall(r"^\[E\d+\] Error: (.*)$", printed, re.MULTILINE)
        return not_called(functions, [f"The Rust compiler says: {error}." for error in errors])


def not_called(functions: list[str], reasons: list[str]) -> Verdict:
    """The verdict on a check whose functions, by their signatures, could not be called."""
    return Verdict(
        why_not="\n".join(
            [
                "this could not be called as the task gives it:",
                *(f"    {function}" for function in functions),
                *reasons,
                "Does the cell that defines it run, is its first line unchanged, and has no variable its name?",
            ]
        ),
    )


def outputs_of(ran: Ran) -> list[tuple[str, str]]:
    """What a cell printed, with a word on how it ended, as pairs of a stream and its text."""
    outputs = [(stream if stream == "stderr" else "stdout", plain(text)) for stream, text in ran.outputs]
    if ran.status in WORDS:
        outputs.append(("stderr", WORDS[ran.status] + "\n"))
    return outputs
