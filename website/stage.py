"""The repository's pages as sources of the site: the same Markdown, with links that hold there."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

HOST = "https://github.com/projectcor/projectcor"
# Pages outside of docs/, and where they are on the site.
MOVED = {
    "README.md": "index.md",
    "docs/index.md": "contents.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "CHANGELOG.md": "project/changes.md",
    "SECURITY.md": "project/security.md",
    "tests/README.md": "project/tests.md",
    "tests/faults/README.md": "project/faults.md",
    "bench/README.md": "project/benchmark.md",
    "bench/RESULTS.md": "project/benchmark-results.md",
}
# What a search shows first: pages that say how to do something, and last those about the work on the project.
BOOST = {"quickstart": 2, "guides": 2, "decisions": 0.3, "project": 0.3}
IMAGES = {".svg", ".png", ".gif", ".jpg", ".jpeg"}
_LINK = re.compile(r"(?P<start>!?)(?P<text>\[(?:[^\[\]]|\[[^\]]*\])*\]|\])\((?P<target>[^)\s]+)\)")
_ITEM = re.compile(r"(?P<indent> *)(?:[*+-]|\d+[.)]) ")


class Stage:
    """Writes pages into a folder."""

    def __init__(self, root: Path, folder: Path, *, mermaid: bool) -> None:
        self.root = root
        self.folder = folder
        self.mermaid = mermaid
        names = [path.relative_to(root).as_posix() for path in sorted((root / "docs").rglob("*.md"))]
        self.pages = {name: name.removeprefix("docs/") for name in names} | MOVED
        self.images: dict[str, str] = {}

    def write(self) -> None:
        for name, place in self.pages.items():
            target = self.folder / place
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(self.page(name), encoding="utf-8")
        for name, place in self.images.items():
            target = self.folder / place
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.root / name, target)

    def page(self, name: str) -> str:
        source = (self.root / name).read_text(encoding="utf-8")
        text = "\n".join(self.lines(name, source)) + "\n"
        if "```mermaid" in text and self.mermaid:
            up = os.path.relpath("assets/mermaid.js", PurePosixPath(self.pages[name]).parent)
            text += f'\n<script src="{up}"></script>\n'
        boost = BOOST.get(PurePosixPath(self.pages[name]).parts[0], 1)
        return f"---\nsearch:\n  boost: {boost}\n---\n{text}"

    def lines(self, name: str, source: str) -> Iterator[str]:
        """The lines of a page as Python-Markdown needs them."""
        fence, language, blank, in_list = "", "", True, False
        for line in source.splitlines():
            mark = re.match(r" *(```+)(.*)$", line)
            if fence:
                if mark and mark[1] == fence and not mark[2].strip():
                    fence = ""
                elif language == "rust" and re.match(r" *#( |$)", line):
                    # rustdoc hides such lines, too.
                    continue
                yield line
                continue
            if mark:
                fence, language = mark[1], re.split(r"[, ]", mark[2])[0]
                if language == "mermaid" and not self.mermaid:
                    language = "text"
                if not blank and not in_list:
                    yield ""
                yield f"{line[: line.index('`')]}{fence}{language}"
                blank, in_list = False, False
                continue
            item = _ITEM.match(line)
            if item and not blank and not in_list:
                # A list after a paragraph begins after an empty line there.
                yield ""
            in_list = bool(item) or (in_list and bool(line.strip()))
            blank = not line.strip()
            yield self.linked(name, line)

    def linked(self, name: str, line: str) -> str:
        """A line with the links that hold on the site. Code stays."""
        parts = re.split(r"(`+[^`]*`+)", line)
        holes = [part for index, part in enumerate(parts) if index % 2]
        text = "".join(part if index % 2 == 0 else f"\0{index // 2}\0" for index, part in enumerate(parts))
        text = _LINK.sub(lambda match: self.link(name, match), text)
        return re.sub(r"\0(\d+)\0", lambda match: holes[int(match[1])], text)

    def link(self, name: str, match: re.Match[str]) -> str:
        target = match["target"]
        return f"{match['start']}{match['text']}({self.target(name, target)})"

    def target(self, name: str, target: str) -> str:
        if re.match(r"[a-z]+:|#", target):
            return target
        place, hash_, anchor = target.partition("#")
        path = PurePosixPath(os.path.normpath(PurePosixPath(name).parent / place)).as_posix()
        if not (self.root / path).exists():
            raise FileNotFoundError(f"{name}: {target} leads nowhere")
        here = PurePosixPath(self.pages[name]).parent
        if path in self.pages:
            return os.path.relpath(self.pages[path], here) + hash_ + anchor
        if PurePosixPath(path).suffix in IMAGES:
            self.images[path] = path.removeprefix("docs/")
            return os.path.relpath(self.images[path], here)
        kind = "tree" if (self.root / path).is_dir() else "blob"
        return f"{HOST}/{kind}/main/{path}{hash_}{anchor}"
