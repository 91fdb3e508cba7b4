# The settings of this nbgrader course. What replaces nbgrader's own steps, and why, is in grading/plugin.py.
import os
import sys
from pathlib import Path

course = Path(__file__).resolve().parent
grading = course / "grading"
sys.path[:0] = [str(grading), str(grading.resolve().parents[2] / "tools")]

c = get_config()  # noqa: F821
c.CourseDirectory.root = str(course)
c.CourseDirectory.course_id = "zero-init"
# Several submissions are graded at a time, and each waits its turn for the gradebook.
c.CourseDirectory.db_url = f"sqlite:///{course / 'gradebook.db'}?timeout=120"

c.ClearSolutions.code_stub = {"rust": 'panic!("not done yet") // YOUR CODE HERE, in place of this line'}
c.ClearSolutions.text_stub = "*Your answer, in place of this line.*"
# A rubric stands in a locked cell, which the grader sees and the release does not.
c.ClearMarkScheme.enforce_metadata = False

c.Grade.sandbox = os.environ.get("SANDBOX", "on") != "off"

import pages  # noqa: E402,F401  (it makes the formgrader's page)
import plugin  # noqa: E402,F401  (it takes the place of steps that trust a submission)
