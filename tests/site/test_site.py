"""The built site: links, anchors, what it loads, its search, and its pages against those of the repository."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from harness import ROOT
from harness.browser import browser, measure, open_page
from harness.html_page import HtmlPage, dead_links, foreign_loads, read
from harness.program import target
from markdown_it import MarkdownIt

from website.stage import MOVED, Stage

SITE = target() / "site"
BOTH = ["index.md", "other.md"]
# The picture that needs the wheel, if this build has it.
NOTEBOOK = ["notebook"] if (SITE / "pictures/notebook-light.png").is_file() else []
STAGE = Stage(ROOT, target() / "site-src/pages", mermaid=True)


def place(page: str) -> Path:
    """The file of the site for a page of the repository."""
    return SITE / STAGE.pages[page].replace(".md", ".html")


def test_every_link_and_anchor_leads_somewhere() -> None:
    assert dead_links(SITE) == []


@pytest.mark.parametrize("link", ["missing.html", "index.html#missing", "#missing"])
def test_a_dead_link_is_found(tmp_path: Path, link: str) -> None:
    (tmp_path / "index.html").write_text(f'<p id="here"><a href="{link}">there</a>', encoding="utf-8")
    assert len(dead_links(tmp_path)) == 1


def test_no_page_loads_anything_from_another_host() -> None:
    assert foreign_loads(SITE) == []


@pytest.mark.parametrize(
    "element",
    [
        '<script src="https://example.com/a.js"></script>',
        '<link rel="stylesheet" href="//example.com/a.css">',
        "<style>body { background: url(https://example.com/a.png) }</style>",
        '<img srcset="https://example.com/a.png 2x">',
    ],
)
def test_a_load_from_another_host_is_found(tmp_path: Path, element: str) -> None:
    (tmp_path / "index.html").write_text(element, encoding="utf-8")
    assert len(foreign_loads(tmp_path)) == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[there](missing.md)", "missing.md"),
        ("[there](#missing)", "#missing"),
        ("[there](other.md#missing)", "#missing"),
    ],
)
def test_a_dead_link_fails_the_build(tmp_path: Path, text: str, reason: str) -> None:
    build = strict_build(tmp_path, {"index.md": text, "other.md": "# Other"}, BOTH)
    assert build.returncode != 0
    assert reason in build.stderr


def test_a_page_outside_the_navigation_fails_the_build(tmp_path: Path) -> None:
    build = strict_build(tmp_path, {"index.md": "# Home", "other.md": "# Other"}, ["index.md"])
    assert build.returncode != 0
    assert "other.md" in build.stderr


def test_a_right_page_builds(tmp_path: Path) -> None:
    build = strict_build(tmp_path, {"index.md": "[there](other.md#other)", "other.md": "# Other"}, BOTH)
    assert build.returncode == 0, build.stderr


def strict_build(folder: Path, pages: dict[str, str], nav: list[str]) -> subprocess.CompletedProcess[str]:
    (folder / "pages/assets").mkdir(parents=True)
    for name in ("extra.css", "favicon.svg"):
        (folder / "pages/assets" / name).write_bytes((ROOT / "website/assets" / name).read_bytes())
    for name, text in pages.items():
        (folder / "pages" / name).write_text(text, encoding="utf-8")
    config = {"INHERIT": str(ROOT / "website/mkdocs.yml"), "docs_dir": "pages", "site_dir": "site", "nav": nav}
    (folder / "mkdocs.yml").write_text(json.dumps(config), encoding="utf-8")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--config-file", str(folder / "mkdocs.yml")]
    return subprocess.run(command, capture_output=True, text=True)


def test_a_link_to_no_file_of_the_repository_is_refused() -> None:
    with pytest.raises(FileNotFoundError, match="leads nowhere"):
        STAGE.target("docs/index.md", "../missing.py")


@pytest.mark.parametrize("page", sorted(STAGE.pages))
def test_a_page_has_the_same_parts_as_on_a_code_host(page: str) -> None:
    source = re.sub(r"<!--.*?-->\n?", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.S)
    expected = HtmlPage(f"<article>{MarkdownIt('gfm-like', {'linkify': False}).render(source)}</article>").elements
    # Not counted: paragraphs, which items of a list may have or not, and links, which some hosts make of addresses.
    assert read(place(page)).elements == expected


def test_every_page_of_docs_is_on_the_site() -> None:
    pages = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert pages | set(MOVED) == set(STAGE.pages)
    assert [page for page in STAGE.pages if not place(page).is_file()] == []


@pytest.mark.parametrize(
    ("word", "location"),
    [("drift", "guides/drift.html"), ("Retry-After", "explanation/cor-api.html"), ("keep-remote", "reference/cor/")],
)
def test_the_search_index_has_a_word(word: str, location: str) -> None:
    index = json.loads((SITE / "search/search_index.json").read_text(encoding="utf-8"))
    found = [entry["location"] for entry in index["docs"] if word in entry["text"] + entry["title"]]
    assert any(one.startswith(location) for one in found)


def need_scripts() -> None:
    if not (SITE / "assets/iframe-worker.js").is_file():
        pytest.skip("needs npm")


def test_a_search_in_a_browser_finds_pages_from_the_disk() -> None:
    need_scripts()
    document, foreign = open_page(f"{(SITE / 'index.html').as_uri()}?q=drift")
    results = document[document.index('data-md-component="search-result"') :]
    assert "guides/drift.html" in results
    assert foreign == []


def test_a_search_for_an_unknown_word_finds_nothing() -> None:
    need_scripts()
    document, _ = open_page(f"{(SITE / 'index.html').as_uri()}?q=xyzzyplugh")
    results = document[document.index('data-md-component="search-result"') :]
    assert ".html" not in results[: results.index("</nav>") if "</nav>" in results else 2000].split("<script")[0]


def test_a_diagram_is_drawn_without_another_host() -> None:
    need_scripts()
    document, foreign = open_page((SITE / "explanation/outages.html").as_uri())
    assert 'class="mermaid"' in document
    assert "stateDiagram-v2" not in document.split("<article")[1].split("</article")[0]
    assert foreign == []


def test_a_request_to_another_host_shows_in_the_browser(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text('<script src="https://example.com/a.js"></script>', encoding="utf-8")
    _, foreign = open_page((tmp_path / "index.html").as_uri())
    assert "https://example.com/a.js" in foreign


def test_no_page_is_wider_than_a_phone_or_asks_another_host() -> None:
    pages = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html") if path.name != "404.html")
    measured, foreign = measure(SITE, pages, 390)
    assert {page: width for page, width in measured.items() if width > 390} == {}
    assert measured.keys() == set(pages)
    assert foreign == []


def test_a_wide_page_and_its_requests_are_found(tmp_path: Path) -> None:
    page = '<div style="width: 500px">wide</div><script src="https://example.com/a.js"></script>'
    (tmp_path / "index.html").write_text(page, encoding="utf-8")
    measured, foreign = measure(tmp_path, ["index.html"], 390)
    assert measured["index.html"] > 390
    assert foreign == ["https://example.com/a.js"]


def test_pictures_are_on_the_site_in_light_and_dark() -> None:
    browser()
    pictures = {path.name for path in (SITE / "pictures").glob("*.png")}
    names = ["report", "sandbox", *NOTEBOOK]
    assert pictures == {f"{name}-{scheme}.png" for name in names for scheme in ("dark", "light")}


def test_a_notebook_of_cells_is_what_a_script_says() -> None:
    if not NOTEBOOK:
        pytest.skip("needs the wheel: scripts/wheel")
    read_cells = "import json, sys, website.notebook as n; print(json.dumps(n.notebook(sys.stdin.read())))"
    script = "# %% [markdown]\n# # Title\n# Text.\n\n# %%\nvalue = 1\nvalue\n"
    command = [str(target() / "venv/notebook/bin/python"), "-c", read_cells]
    made = subprocess.run(command, input=script, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    cells = [(cell["cell_type"], cell["source"]) for cell in json.loads(made)["cells"]]
    assert cells == [("markdown", "# Title\nText."), ("code", "value = 1\nvalue")]
