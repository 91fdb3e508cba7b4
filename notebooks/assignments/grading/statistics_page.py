"""A page about the class, for the instructor: statistics.html, written by `make grade`."""

import re
import statistics
from collections import Counter
from collections.abc import Iterable
from html import escape
from typing import Any

STYLE = """
:root { color-scheme: light dark; }
body { font-family: sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 0.3rem 0.8rem 0.3rem 0; border-bottom: 1px solid #8888; }
td.number { text-align: right; white-space: nowrap; }
td.reason { overflow-wrap: anywhere; }
svg { width: 100%; min-width: 3rem; max-width: 10rem; height: 0.9rem; }
rect { fill: #0072b2; } rect.rest { fill: #8884; }
"""


def bar(share: float, words: str) -> str:
    """A part of a whole as a picture."""
    return (
        f'<svg role="img" aria-label="{escape(words)}" viewBox="0 0 160 14" preserveAspectRatio="none">'
        f'<rect class="rest" width="160" height="14"/><rect width="{160 * share:.1f}" height="14"/></svg>'
    )


def reasons(tasks: list[dict[str, Any]]) -> str:
    """Why a check was not passed, the most frequent reasons first."""
    counted = Counter(task["why_not"].partition("\n")[0][:160] for task in tasks if not task["passed"])
    return "<br>".join(f"{count} × {escape(reason)}" for reason, count in counted.most_common(3))


def name_of(student: str) -> str:
    """A student's name without the number that Moodle gives anew in each assignment."""
    return re.sub(r"_\d+$", "", student)


def absent(name: str, students: dict[str, set[str]]) -> list[str]:
    """Those who have handed in another assignment and not this one; `students` has who handed in each assignment.

    Two of the same name are taken for one person, unless another assignment has more of that name than this one.
    """
    here = Counter(map(name_of, students[name]))
    most: Counter[str] = Counter()
    for known in students.values():
        most |= Counter(map(name_of, known))
    others = set().union(*students.values()) - students[name]
    return sorted(student for student in others if here[name_of(student)] < most[name_of(student)])


def section(name: str, records: dict[str, Any], missing: list[str]) -> str:
    """What there is to say of one assignment, of which these submissions were graded."""
    rows = []
    for task in dict.fromkeys(task for record in records.values() for task in record.tasks):
        said = [record.tasks[task] for record in records.values() if task in record.tasks]
        good = sum(verdict["passed"] for verdict in said)
        words = f"{good} of {len(said)}"
        rows.append(
            f'<tr><th scope="row">{escape(task)}</th><td class="number">{words}</td>'
            f'<td>{bar(good / len(said), words)}</td><td class="reason">{reasons(said)}</td></tr>'
        )
    seconds = [record.seconds for record in records.values()]
    slow = ", ".join(escape(student) for student, record in sorted(records.items()) if record.again) or "none"
    return (
        f"<h2>{escape(name)}</h2><p>{len(records)} submissions. "
        f"Grading one took {statistics.median(seconds):.1f} s (median), {max(seconds):.1f} s at most. "
        f"Perhaps too slow only because the machine was busy: {slow}.</p>"
        '<table><thead><tr><th scope="col">Check</th><th scope="col">Passed</th><th scope="col">Share</th>'
        f'<th scope="col">Most frequent reasons why not</th></tr></thead><tbody>{"".join(rows)}</tbody></table>'
        f"<p>Not handed in by: {', '.join(map(escape, missing)) or 'nobody'}.</p>"
    )


def page(records: dict[tuple[str, str], Any], handed_in: Iterable[tuple[str, str]]) -> str:
    """The page for the records of submissions, by student and assignment.

    `handed_in` has these and more: what could not be graded, and what has a name that no assignment has.
    """
    students: dict[str, set[str]] = {}
    for student, name in handed_in:
        students.setdefault(name, set()).add(student)
    sections = [
        section(name, {who: record for (who, of), record in records.items() if of == name}, absent(name, students))
        for name in sorted({name for _, name in records})
    ]
    return (
        (
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>The class</title>'
            f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>'
            f"<body><h1>The class</h1>{''.join(sections) or '<p>Nothing is graded yet.</p>'}</body></html>\n"
        )
        .encode("utf-8", "replace")
        .decode()
    )
