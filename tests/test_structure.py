"""The structure of the repository, as its pages and its picture show it."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
SOURCES = REPOSITORY / "src"


def imports_of(file: Path) -> set[str]:
    """The modules of the crate that a module uses, as `argument/network`. Tests inside of the module do not count."""
    code = file.read_text(encoding="utf-8").split("#[cfg(test)]\n")[0]
    modules = {"/".join(pair) for pair in re.findall(r"\bcrate::(\w+)::(\w+)", code)}
    if file.parent.parent == SOURCES:
        modules |= {f"{file.parent.name}/{module}" for module in re.findall(r"\bsuper::(\w+)", code)}
    return {module for module in modules if (SOURCES / f"{module}.rs").exists()}


def test_no_module_of_the_crate_imports_one_that_imports_it():
    files = {str(file.relative_to(SOURCES).with_suffix("")): file for file in SOURCES.rglob("*.rs")}
    # The files of a folder such as notebook/figure belong to the module of that name.
    graph: dict[str, set[str]] = {}
    for name, file in files.items():
        module = "/".join(name.split("/")[:2])
        graph.setdefault(module, set()).update(imports_of(file) - {module})
    assert graph["argument/network"] >= {"argument/init", "support/matrix"}
    while graph:
        leaves = [module for module, imports in graph.items() if not imports & graph.keys()]
        assert leaves, f"these import each other in a circle: {sorted(graph)}"
        for leaf in leaves:
            del graph[leaf]


def test_the_picture_names_what_there_is():
    picture = ElementTree.parse(REPOSITORY / "notebooks/figures/structure.svg")
    names = {element.text for element in picture.iter() if element.get("class") == "path" and element.text}
    assert all((REPOSITORY / name).exists() for name in names), names
    folders = {f"src/{folder.name}" for folder in SOURCES.iterdir() if folder.is_dir()}
    assert folders <= names


def test_pages_name_files_that_there_are():
    for page in ("CONTRIBUTING.md", "README.md"):
        text = (REPOSITORY / page).read_text(encoding="utf-8")
        names = re.findall(r"`((?:src|tests|tools|notebooks|benches|examples)/[\w./-]+)`", text)
        assert names
        # A new notebook's name is the example of one that is not there yet: it has the next number.
        new = f"notebooks/{len(list((REPOSITORY / 'notebooks').glob('*.ipynb'))) + 1}_name.ipynb"
        missing = [name for name in names if not (REPOSITORY / name).exists() and name != new]
        assert not missing, f"{page}: {missing}"
