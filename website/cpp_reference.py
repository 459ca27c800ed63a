"""The pages of the C++ interface, from the comments of include/projectcor.hpp."""

from __future__ import annotations

import re
from pathlib import Path

from website.cpp_header import Entry, Member, entries, introduction
from website.markup import definition, escape, fence, joined, named, paragraphs

# Pages: file, title, what they describe. A name without a page ends the build.
PAGES = [
    ("client.md", "Client", ["Client", "Config", "AuthStatus", "AuthResult", "version"]),
    ("projects.md", "Calls about projects", ["Projects", "CallOptions", "Project", "Deleted"]),
    ("updates.md", "Updates and creates", ["ProjectUpdate", "ProjectCreate", "Field", "Date", "Decimal"]),
    ("errors.md", "Errors", ["Result", "Error", "ErrorKind", "Outcome", "Issue", "name_of"]),
    ("many.md", "Many updates", ["Results", "ItemResult", "Row", "BulkOptions", "Progress", "Pause", "Summary"]),
    (
        "reading.md",
        "Reading",
        ["ProjectFilter", "ReadOptions", "ReadSummary", "try_compare", "compare", "ReadBack", "FieldComparison"],
    ),
    (
        "sync.md",
        "Plan and sync",
        ["SyncOptions", "SyncSummary", "Change", "FieldChange", "RowStatus", "RowProblem"],
    ),
]
# A type of ours with a member or without, a function, or a name of the standard library.
_NAME = re.compile(
    r"`?\b(?:(?:cor::)?(?P<type>[A-Z]\w+(?:::\w+)?)\b(?:\(\))?|(?P<function>\w+)\(\)|(?P<other>std::[\w:]+))`?"
)
# Types whose names are words too.
_WORDS = {"Date", "Field", "Client", "Project", "Error", "Row", "Change", "Result"}


class Pages:
    """The entries, and where each is."""

    def __init__(self, header: Path) -> None:
        self.entries = {entry.name: entry for entry in entries(header)}
        self.place: dict[str, str] = {}
        pages = {name: file for file, _, names in PAGES for name in names}
        if different := pages.keys() ^ self.entries.keys():
            raise ValueError(f"website/cpp_reference.py and projectcor.hpp differ in: {', '.join(sorted(different))}")
        for name, entry in self.entries.items():
            self.place[name] = f"{pages[name]}#{name}"
            for member in entry.members:
                if anchor := place(entry, member):
                    self.place[f"{name}::{member.name}"] = f"{pages[name]}#{anchor}"

    def text(self, text: str, own: str = "") -> str:
        """A text as Markdown, with a link from the name of a type or member to its entry."""
        owner = own.partition("::")[0]
        parts, end = [], 0
        for match in _NAME.finditer(text):
            shown = match[0].strip("`")
            if match["type"]:
                target = self.place.get(match["type"])
                if not target or match["type"] == own or shown in _WORDS:
                    continue
            else:
                target = self.place.get(f"{owner}::{match['function']}")
            code = f"[`{shown}`]({target})" if target and f"{owner}::{match['function']}" != own else f"`{shown}`"
            parts += [escape(named(text[end : match.start()])), code]
            end = match.end()
        return "".join([*parts, escape(named(text[end:]))])

    def entry(self, entry: Entry) -> str:
        parts = [f"## {entry.name} {{ #{entry.name} }}\n", fence("cpp", ";\n".join(entry.declarations) + ";")]
        parts += [self.text(joined(part), entry.name) + "\n" for part in paragraphs(entry.text)]
        for member in entry.members:
            # Setters come twice, for a named and for a temporary object, which is the same to a reader.
            shown = [code for code in member.declarations if not code.endswith("&&")] or member.declarations
            text = self.text(joined(member.text), f"{entry.name}::{member.name}")
            for number, code in enumerate(shown):
                anchor = place(entry, member) if number == 0 else ""
                parts.append(definition(anchor, code, text if number == len(shown) - 1 else ""))
        return "\n".join(parts)


def place(entry: Entry, member: Member) -> str:
    """The anchor of a member; operators and constructors have none."""
    return f"{entry.name}.{member.name}" if member.name.isidentifier() and member.name != entry.name else ""


def index(made: Pages, header: Path) -> str:
    """The page that comes first: what the header's first comment says, and every name."""
    text = "\n".join(introduction(header))
    first, _, rest = text.partition("\n\n")
    example, _, rules = rest.partition("\n* ")
    parts = ["# C++\n", made.text(joined(first)) + "\n", fence("cpp", example)]
    parts += [f"* {made.text(joined(rule))}" for rule in rules.split("\n* ")]
    for file, title, names in PAGES:
        links = ", ".join(f"[`{name}`]({made.place[name]})" for name in names)
        parts.append(f"\n## {title} {{ #list-{file.removesuffix('.md')} }}\n\n{links}")
    return "\n".join(parts) + "\n"


def write(header: Path, folder: Path) -> list[tuple[str, str]]:
    """Writes the pages. Returns their titles and file names."""
    folder.mkdir(parents=True, exist_ok=True)
    made = Pages(header)
    for file, title, names in PAGES:
        parts = [f"# {title}\n", *(made.entry(made.entries[name]) for name in names)]
        (folder / file).write_text("\n".join(parts), encoding="utf-8")
    (folder / "index.md").write_text(index(made, header), encoding="utf-8")
    return [("C++", "index.md"), *((title, file) for file, title, _ in PAGES)]
