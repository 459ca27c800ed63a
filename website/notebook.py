"""A notebook that ran: `scripts/site` calls this with the Python of the environment that has Jupyter and the wheel.

    python -m website.notebook SCRIPT PAGE

Runs a script whose cells begin with `# %%` as a notebook, and writes what Jupyter shows of it as an HTML page.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import nbformat
from nbconvert import HTMLExporter
from nbconvert.preprocessors import ExecutePreprocessor


def notebook(script: str) -> nbformat.NotebookNode:
    """The cells of the script, Markdown where a cell says so."""
    made = nbformat.v4.new_notebook()
    for cell in re.split(r"^# %%", script, flags=re.M)[1:]:
        kind, _, text = cell.partition("\n")
        if "[markdown]" in kind:
            lines = [re.sub(r"^# ?", "", line) for line in text.strip().splitlines()]
            made.cells.append(nbformat.v4.new_markdown_cell("\n".join(lines)))
        else:
            made.cells.append(nbformat.v4.new_code_cell(text.strip()))
    return made


def main(source: Path, page: Path) -> None:
    made = notebook(source.read_text(encoding="utf-8"))
    ExecutePreprocessor(timeout=120, kernel_name="python3").preprocess(made, {"metadata": {"path": str(page.parent)}})
    exporter = HTMLExporter(exclude_input_prompt=True, exclude_output_prompt=True)
    # Scripts of other hosts, for formulas and widgets, of which the notebook has none.
    for script in ("mathjax_url", "require_js_url", "jquery_url", "mermaid_js_url"):
        setattr(exporter, script, "")
    html, _ = exporter.from_notebook_node(made)
    page.write_text(html, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
