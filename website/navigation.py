"""The navigation: the sections of docs/index.md in its order, and the generated reference."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Union

# A page is its file, or a title with its file or with its own pages.
Entry = Union[str, dict[str, "str | list[Entry]"]]

_ITEM = re.compile(r"^[*|].*?\[([^\]]+)\]\(([^)#\s]+\.md)\)")


def sections(root: Path) -> dict[str, list[tuple[str, str]]]:
    """The sections of docs/index.md, each with the titles and the places of its pages."""
    found: dict[str, list[tuple[str, str]]] = {}
    title = ""
    for line in (root / "docs/index.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            title = line[3:]
        elif (item := _ITEM.match(line)) and not item[2].startswith("../"):
            found.setdefault(title, []).append((item[1].replace("`", ""), item[2]))
    return found


def decisions(root: Path) -> list[Entry]:
    """The records, by the table of docs/decisions/index.md."""
    found: list[Entry] = []
    for line in (root / "docs/decisions/index.md").read_text(encoding="utf-8").splitlines():
        if row := re.match(r"\| (\d+) \| \[([^\]]+)\]\(([^)]+)\)", line):
            found.append({f"{row[1]}. {row[2].replace('`', '')}": f"decisions/{row[3]}"})
    return found


def listed(pages: list[tuple[str, str]], folder: str = "") -> list[Entry]:
    entries: list[Entry] = []
    for title, place in pages:
        entries.append({title: folder + place})
    return entries


def navigation(root: Path, generated: dict[str, list[tuple[str, str]]], pictures: bool) -> list[Entry]:
    """The navigation as mkdocs.yml has it."""
    pages = sections(root)
    tables = listed(pages["Reference"])
    contributing = [page for page in pages["For contributors"] if not page[1].startswith("decisions/")]
    reference: list[Entry] = [
        *tables,
        {"Commands of cor": listed(generated["cor"], "reference/cor/")},
        {"Python": nested(generated["python"], "reference/python/")},
        {"C": nested(generated["c"], "reference/c/")},
        {"C++": nested(generated["cpp"], "reference/cpp/")},
    ]
    home: list[Entry] = [{"Overview": "index.md"}, {"All pages": "contents.md"}]
    if pictures:
        home.append({"Pictures": "pictures.md"})
    return [
        {"Home": home},
        {"Quick starts": listed(pages["Quick starts"])},
        {"Guides": listed(pages["Guides"])},
        {"Reference": reference},
        {"Explanation": listed(pages["Explanation"])},
        {"Decisions": ["decisions/index.md", *decisions(root)]},
        {
            "Project": [
                {"Changes": "project/changes.md"},
                {"Contributing": "project/contributing.md"},
                *listed(contributing),
                {"Tests": "project/tests.md"},
                {"Faults under test": "project/faults.md"},
                {"Benchmark": "project/benchmark.md"},
                {"Results of the benchmark": "project/benchmark-results.md"},
                {"Vulnerabilities": "project/security.md"},
            ]
        },
    ]


def nested(pages: list[tuple[str, str]], folder: str) -> list[Entry]:
    """Pages whose first is the page of their section."""
    (_, first), *rest = pages
    return [folder + first, *listed(rest, folder)]
