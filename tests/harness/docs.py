"""The pages of the documentation, and the code blocks on them that tests run."""

from __future__ import annotations

import re

from harness import ROOT

PAGES = ["README.md", *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))]


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of this language on a page, in order. A block of another language, such as `text`, is not run."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{re.escape(language)}\n(.*?)^```$", text, re.M | re.S)


def pages_with(language: str) -> list[str]:
    """The pages that have code blocks of this language."""
    return [page for page in PAGES if blocks(page, language)]
