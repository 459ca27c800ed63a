"""Pictures of what users see, made by runs against sandboxes: the sandbox's page, a report and a notebook."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCHEMES = {"light": "1", "dark": "0"}
ROWS = 1500
LIMIT = 150

PAGE = """# Pictures

Made by `make docs` from a run of the program that it documents.

## The sandbox

`cor sandbox` shows its projects and their latest changes in a browser.
[The sandbox](guides/sandbox.md) has its options.

{sandbox}

## The report of a run

`cor projects sync --report report.html` writes one HTML file with the counts, the changes and the rows that were not
applied. This sandbox accepts {limit} requests a second and refuses the others; the client does not know the limit and
estimates it from the responses. {rows} rows; the chart shows how many finished in each second. [Keep a table in
sync](guides/sync.md) has the options of a run, [rate limiting](rate-limiting.md) has longer runs under other limits.

{report}
"""

NOTEBOOK = """
## A notebook

`examples/python/notebook.py`, cell by cell in Jupyter. [Keep a table in sync](guides/sync.md) describes its plan and
its result.

{notebook}
"""


@contextmanager
def sandbox(cor: Path, seed: Path) -> Iterator[dict[str, str]]:
    """A sandbox with projects; yields the environment in which `cor` talks to it."""
    command = [str(cor), "sandbox", "--port", "0", "--json", "--seed", str(seed), "--rate-limit", str(LIMIT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            ready = json.loads(process.stdout.readline())
            address = ready["base_url"]
            yield {
                **os.environ,
                "COR_BASE_URL": address,
                "COR_MAIN_URL": f"{address}/v1",
                "COR_ACCESS_TOKEN": ready["token"],
            }
        finally:
            process.terminate()


def shot(chromium: Path, address: str, picture: Path, scheme: str, height: int) -> None:
    """A picture of a page, in light or dark, twice as fine as a plain screen."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [str(chromium), "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        command += [f"--user-data-dir={profile}", f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}"]
        command += [f"--window-size=1000,{height}", "--force-device-scale-factor=2", f"--screenshot={picture}", address]
        subprocess.run(command, check=True, timeout=120, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if not picture.is_file():
        raise FileNotFoundError(f"{chromium} made no picture of {address}")


def tables(folder: Path) -> tuple[Path, Path]:
    """Projects as they are before, and a table of changes, of which COR does not apply some rows."""
    kinds = ["Website relaunch", "Spring campaign", "Brand book", "Menu", "Product film", "Trade fair stand"]
    seed, changes = folder / "seed.jsonl", folder / "changes.csv"
    projects, rows = [], ["id,name,status,end,estimated_time"]
    for number in range(ROWS):
        name = f"{kinds[number % len(kinds)]} {number // len(kinds) + 1}"
        project = {"source": "SALESFORCE", "id": f"SF-{1000 + number}", "name": name, "status": "active"}
        projects.append(json.dumps({**project, "start": "2025-02-01", "end": "2025-05-30", "estimated_time": 40}))
        status = ["in_progress", "finished", ""][number % 3]
        # A day that does not exist, and a project that COR does not have.
        day = "31/06/2025" if number % 211 == 100 else f"2025-06-{1 + number % 30:02}"
        key = f"SF-{90000 + number}" if number % 97 == 50 else project["id"]
        rows.append(f"{key},,{status},{day},{50 + number % 9 * 20}")
    seed.write_text("\n".join(projects) + "\n", encoding="utf-8")
    changes.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return seed, changes


def shown(subject: str, text: str) -> str:
    """The Markdown of a picture, in the reader's scheme."""
    return "\n".join(f"![{text}](pictures/{subject}-{one}.png#only-{one}){{ .picture }}" for one in SCHEMES)


def write_notebook(python: Path, chromium: Path, folder: Path) -> None:
    """Runs the notebook of the examples, and takes pictures of it."""
    with tempfile.TemporaryDirectory() as name:
        page = Path(name) / "notebook.html"
        command = [str(python), "-m", "website.notebook", str(ROOT / "examples/python/notebook.py"), str(page)]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
        if run.returncode:
            raise RuntimeError(f"the notebook ended with {run.returncode}: {run.stderr}")
        for scheme in SCHEMES:
            shot(chromium, page.as_uri(), folder / f"notebook-{scheme}.png", scheme, 1900)


def write(cor: Path, chromium: Path, pages: Path, notebook: Path | None) -> None:
    """Writes pictures/*.png and the page that shows them."""
    folder = pages / "pictures"
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        seed, changes = tables(work)
        report = work / "report.html"
        with sandbox(cor, seed) as environment:
            command = [str(cor), "projects", "sync", changes.name, "--source", "SALESFORCE", "--report", report.name]
            # Run in its folder: the report has the name of the table, and the page no path of this machine.
            run = subprocess.run(
                [*command, "--state", "state.db", "--yes"], cwd=work, env=environment, capture_output=True, text=True
            )
            # Status 1: some rows were not applied, which the report shows.
            if run.returncode != 1 or not report.is_file():
                raise RuntimeError(f"the run for the pictures ended with {run.returncode}: {run.stderr}")
            for scheme in SCHEMES:
                shot(chromium, environment["COR_BASE_URL"], folder / f"sandbox-{scheme}.png", scheme, 900)
                shot(chromium, report.as_uri(), folder / f"report-{scheme}.png", scheme, 1100)
    text = PAGE.format(
        limit=LIMIT,
        rows=ROWS,
        sandbox=shown("sandbox", "The page of the sandbox"),
        report=shown("report", "The report of a run"),
    )
    if notebook:
        write_notebook(notebook, chromium, folder)
        text += NOTEBOOK.format(notebook=shown("notebook", "A plan, a run and its data frame in a notebook"))
    (pages / "pictures.md").write_text(text, encoding="utf-8")
