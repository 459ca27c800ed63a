"""The pages of the C interface, from the comments of include/projectcor.h."""

from __future__ import annotations

import re
from pathlib import Path

from website.c_header import Entry, entries, introduction
from website.markup import definition, escape, fence, joined, named, paragraphs

# Pages: file, title, and how the names of their functions begin. The longest beginning wins.
GROUPS = [
    ("configuration.md", "Configuration", ["cor_config_"]),
    ("client.md", "Client", ["cor_client_", "cor_auth_status_"]),
    ("bulk.md", "Many updates", ["cor_bulk_", "cor_item_result_", "cor_client_update_projects"]),
    ("sync.md", "Plan and sync", ["cor_client_plan", "cor_client_sync"]),
    ("update.md", "Updates", ["cor_update_"]),
    ("create.md", "Creates", ["cor_create_"]),
    ("project.md", "Projects", ["cor_project_", "cor_deleted_"]),
    ("errors.md", "Errors", ["cor_error_", "cor_status_", "cor_outcome_", "cor_kind_"]),
    ("library.md", "Library", ["cor_version", "cor_handles_", "cor_field_", "cor_"]),
]
TYPES = [
    ("types.md", "Handles, callbacks and macros", ("handle", "callback", "macro")),
    ("structs.md", "Structs", ("struct",)),
    ("enums.md", "Enumerations", ("enum",)),
]
_NAME = re.compile(r"`?\b((?:cor|COR|PROJECTCOR)_\w+)\b(?:\(\))?`?")


def page_of(entry: Entry) -> str:
    if entry.kind != "function":
        return next(page for page, _, kinds in TYPES if entry.kind in kinds)
    fitting = [(len(start), page) for page, _, starts in GROUPS for start in starts if entry.name.startswith(start)]
    return max(fitting)[1]


class Pages:
    """The entries, and where each is."""

    def __init__(self, header: str) -> None:
        self.header = header
        self.entries = entries(header)
        self.place: dict[str, str] = {}
        for entry in self.entries:
            for name in (entry.name, *(member.name for member in entry.members if entry.kind == "enum")):
                self.place[name] = f"{page_of(entry)}#{name}"

    def text(self, text: str, own: str = "") -> str:
        """A text as Markdown, with a link from each name to its entry."""

        def link(match: re.Match[str]) -> str:
            shown = match[0].strip("`")
            place = self.place.get(match[1])
            return f"[`{shown}`]({place})" if place and match[1] != own else f"`{shown}`"

        # Names are taken out before the rest is escaped, since they have underscores.
        parts, end = [], 0
        for match in _NAME.finditer(text):
            parts += [escape(named(text[end : match.start()])), link(match)]
            end = match.end()
        return "".join([*parts, escape(named(text[end:]))])

    def comment(self, text: str, own: str) -> str:
        """The text of a function's comment: paragraphs, and its parameters as a list."""
        parts = []
        for part in paragraphs(text):
            if part.lstrip().startswith("@param"):
                for name, rest in re.findall(r"@param (\w+)\s+(.*?)(?=\n@param|\Z)", part, re.S):
                    parts.append(f"`{name}`\n:   {self.text(joined(rest), own)}\n")
            else:
                parts.append(self.text(joined(part), own) + "\n")
        return "\n".join(parts)

    def entry(self, entry: Entry) -> str:
        code = entry.code
        if entry.kind in ("struct", "enum"):
            # The members follow with their comments.
            code = re.sub(r"\s*/\*\*.*?\*/", "", code, flags=re.S)
        heading = f"## {escape(entry.name)} {{ #{entry.name} }}\n"
        parts = [heading, fence("c", code), self.comment(entry.text, entry.name)]
        for member in entry.members:
            anchor = member.name if entry.kind == "enum" else ""
            parts.append(definition(anchor, member.code, self.text(joined(member.text), member.name)))
        return "\n".join(parts)

    def index(self, pages: list[tuple[str, str]]) -> str:
        """The page that comes first: the conventions, and every name."""
        before, _, rest = introduction(self.header).partition("\nCONVENTIONS\n")
        text, *example = paragraphs(before)
        parts = ["# C\n", self.text(joined(text)) + "\n", fence("c", "\n\n".join(example)), "## Conventions\n"]
        for part in re.split(r"\n(?=[A-Z]\w+\. {2,})", rest.strip("\n")):
            title, dot, body = part.partition(".")
            body, *after = paragraphs(body)
            parts.append(f"**{escape(title)}{dot}** {self.text(joined(body))}\n")
            parts += [self.text(joined(other)) + "\n" for other in after]
        for file, title in pages:
            names = [f"[`{e.name}`]({file}#{e.name})" for e in self.entries if page_of(e) == file]
            parts.append(f"## {title} {{ #list-{file.removesuffix('.md')} }}\n\n" + ", ".join(names) + "\n")
        return "\n".join(parts)


def write(header: Path, folder: Path) -> list[tuple[str, str]]:
    """Writes the pages. Returns their titles and file names."""
    folder.mkdir(parents=True, exist_ok=True)
    made = Pages(header.read_text(encoding="utf-8"))
    pages = [(file, title) for file, title, _ in GROUPS] + [(file, title) for file, title, _ in TYPES]
    for file, title in pages:
        parts = [f"# {title}\n", *(made.entry(entry) for entry in made.entries if page_of(entry) == file)]
        (folder / file).write_text("\n".join(parts), encoding="utf-8")
    (folder / "index.md").write_text(made.index(pages), encoding="utf-8")
    return [("C", "index.md"), *((title, file) for file, title in pages)]
