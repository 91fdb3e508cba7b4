"""Makes the students' versions of the assignments and compiles their checks. Called by `make release`.

Usage: release.py [ASSIGNMENT]...
"""

import argparse
import sys
from pathlib import Path

import grade
import judge

parser = argparse.ArgumentParser(description="Makes the students' versions of the assignments.")
parser.add_argument("assignments", nargs="*", metavar="ASSIGNMENT")
parser.add_argument("--course", type=Path, default=grade.HERE.parent, help=argparse.SUPPRESS)
options = parser.parse_args()
try:
    course = grade.Course(options.course.expanduser().resolve())
    names = options.assignments or course.names()
    grade.prepare(course, names)
except (grade.GradeError, judge.JudgeError) as error:
    print(f"release: {error}", file=sys.stderr)
    sys.exit(1)
for name in names:
    print(f"{course.folder.name}/release/{name}/{name}.ipynb is made")
