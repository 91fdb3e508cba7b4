"""Makes a course of one's own, outside of this repository: its solutions and hidden tests are nobody else's.

Usage: new_course.py DIRECTORY
"""

import secrets
import shlex
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[2]

SETTINGS = """\
# The settings of this course, after those of zero-init.
from pathlib import Path

c = get_config()  # noqa: F821
load_subconfig({settings!r})  # noqa: F821

course = Path(__file__).resolve().parent
c.CourseDirectory.root = str(course)
c.CourseDirectory.course_id = {name!r}
c.CourseDirectory.db_url = f"sqlite:///{{course / 'gradebook.db'}}?timeout=120"
"""

# What is of a class stays out of a repository, as does the secret.
IGNORED = """\
/secret
/submitted/
/submitted.csv
/autograded/
/feedback/
/given_back/
/gradebook.db
/grades.csv
/statistics.html
/.grading/
/.nbgrader.log
"""


def main(folder: Path) -> int:
    if folder.is_relative_to(REPOSITORY):
        print(f"course: {folder} is inside of this repository; a course of your own goes outside", file=sys.stderr)
        return 1
    if folder.exists() and any(folder.iterdir()):
        print(f"course: {folder} is not empty", file=sys.stderr)
        return 1
    (folder / "source").mkdir(parents=True)
    shutil.copytree(HERE.parent / "source" / "blank", folder / "source" / "blank")
    settings = SETTINGS.format(settings=str(HERE.parent / "nbgrader_config.py"), name=folder.name)
    (folder / "nbgrader_config.py").write_text(settings, encoding="utf-8")
    (folder / ".gitignore").write_text(IGNORED, encoding="utf-8")
    (folder / "secret").write_text(secrets.token_hex(16) + "\n", encoding="utf-8")
    (folder / "secret").chmod(0o600)
    said = f"COURSE={shlex.quote(str(folder))}"
    print(f"{folder} is made. Say {said} with make teach, release, grade-check, collect, grade and give-back.")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1]:
        sys.exit("usage: make course DIR=FOLDER")
    sys.exit(main(Path(sys.argv[1]).expanduser().resolve()))
