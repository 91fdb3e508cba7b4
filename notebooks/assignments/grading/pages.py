"""placeholder until merged"""

import os
from typing import Any

import nbgrader
from nbconvert.exporters import HTMLExporter
from nbformat import NotebookNode
from traitlets.config import Config


def feedback(notebook: NotebookNode, known: dict[str, Any]) -> str:
    base = os.path.join(os.path.dirname(nbgrader.__file__), "server_extensions/formgrader")
    c = Config(ClearMarkScheme={"enforce_metadata": False})
    c.HTMLExporter.template_name = "feedback"
    c.HTMLExporter.extra_template_basedirs = [base + "/templates"]
    c.HTMLExporter.extra_template_paths = [base + "/static/node_modules/bootstrap/dist/css"]
    exporter = HTMLExporter(config=c)
    for step in (
        "nbgrader.preprocessors.ClearHiddenTests",
        "nbgrader.preprocessors.ClearMarkScheme",
        "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
    ):
        exporter.register_preprocessor(step, enabled=True)
    return str(exporter.from_notebook_node(notebook, {"nbgrader": known, "unique_key": known["notebook"]})[0])
