"""The pages of the Python package, from its sources and stubs. Nothing is imported."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import griffe

from website.markup import definition, escape, fence, joined, paragraphs
from website.native_docs import native_docs

# Pages: file, title, introduction, and their names.
CLIENTS = ["Client", "Projects", "Results", "BulkResult", "ItemResult", "Progress", "Summary"]
ASYNC = ["AsyncClient", "AsyncProjects", "AsyncResults"]
UPDATES = [
    "ProjectUpdate", "ProjectFields", "CreateFields", "CLEAR", "Clear", "IncomeType", "Json", "FIELDS", "SOURCES",
]  # fmt: skip
SYNC = ["Plan", "SyncResult", "Change", "FieldChange", "RowProblem"]
READING = ["ProjectList", "ReadResults", "ReadResult", "AsyncProjectList", "AsyncReadResults"]
PAGES: list[tuple[str, str, list[str]]] = [
    ("client.md", "Client and calls", CLIENTS),
    ("async.md", "Async client", ASYNC),
    ("updates.md", "Updates and fields", UPDATES),
    ("projects.md", "Projects and answers", ["Project", "Deleted", "AuthStatus", "compare", "FieldComparison"]),
    ("reading.md", "Reading", READING),
    ("sync.md", "Plan and sync", SYNC),
    ("errors.md", "Errors", ["CorError", "Issue"]),
    ("testing.md", "Testing", []),
]


class Reference:
    """The package, and the page of each public name."""

    def __init__(self, root: Path) -> None:
        self.native = native_docs(root / "crates/cor-py/src")
        self.package = griffe.load(
            "projectcor", search_paths=[root / "python"], allow_inspection=False, docstring_parser="google"
        )
        testing: Any = self.package["testing"]
        self.testing = {str(name): testing.members[str(name)] for name in testing.exports}
        self.names = {str(name): self.package.members[str(name)] for name in self.package.exports or []}
        self.page: dict[str, str] = {name: page for page, _, names in PAGES for name in names}
        for name in self.names:
            if name.endswith("Error"):
                self.page[name] = "errors.md"
        self.page.update(dict.fromkeys(self.testing, "testing.md"))
        self.page["__version__"] = "index.md"
        missing = sorted(self.names.keys() - self.page.keys())
        if missing:
            raise ValueError(f"website/python_reference.py gives no page to {', '.join(missing)}")

    def link(self, text: str, own: str = "") -> str:
        """Prose of a docstring: code in double backticks, with links to the names that have an entry."""

        def code(match: re.Match[str]) -> str:
            name = match[1].removeprefix("projectcor.").split("(")[0]
            first = name.split(".")[0]
            if first in self.page and first != own:
                return f"[`{match[1]}`]({self.page[first]}#{first})"
            return f"`{match[1]}`"

        text = re.sub(r"``([^`]+)``", r"`\1`", joined(text))
        return re.sub(r"`([^`]+)`", code, escape(text))

    def doc(self, value: Any, key: str) -> griffe.Docstring | None:
        if value.docstring:
            found: griffe.Docstring = value.docstring
            return found
        if text := self.native.get(key):
            return griffe.Docstring(text, parser="google", parent=value)
        return None

    def body(self, value: Any, key: str) -> Iterator[str]:
        """A docstring as Markdown."""
        docstring = self.doc(value, key)
        if not docstring:
            return
        own = key.split(".")[0]
        for section in docstring.parse("google", warnings=False):
            kind = section.kind.value
            if kind == "text":
                yield from self.prose(section.value, own)
            elif kind in ("parameters", "attributes", "other parameters"):
                yield "**Parameters**\n" if kind != "attributes" else "**Attributes**\n"
                for item in section.value:
                    typed = self.annotation(value, item) if kind == "attributes" else ""
                    yield f"`{item.name}{typed}`\n:   {self.link(item.description, own)}\n"
            elif kind in ("raises", "warns"):
                yield "**Raises**\n"
                for item in section.value:
                    yield f"{self.link(f'``{item.annotation}``', own)}\n:   {self.link(item.description, own)}\n"
            elif kind in ("returns", "yields"):
                yield f"**{kind.title()}**\n"
                for item in section.value:
                    yield f"{self.link(item.description, own)}\n"
            elif kind == "admonition":
                yield f"**{escape(section.title or section.value.kind.title())}**\n"
                yield from self.prose(section.value.description, own)
            elif kind == "examples":
                yield "**Examples**\n"
                for part, text in section.value:
                    yield fence("pycon", text) if part.value == "examples" else self.link(text, own) + "\n"
            else:
                raise ValueError(f"{key}: its docstring has a section {kind}, which website/ does not know")

    def is_internal(self, target: Any, base: str) -> bool:
        """Whether a base class is of the package and has no entry."""
        if base in self.page or base not in target.module.members:
            return False
        return str(target.resolve(base)).startswith("projectcor")

    def annotation(self, value: Any, item: Any) -> str:
        member = value.members.get(item.name) if hasattr(value, "members") else None
        found = getattr(member, "annotation", None) or getattr(member, "returns", None)
        return f": {found}" if found else ""

    def prose(self, text: str, own: str) -> Iterator[str]:
        for part in paragraphs(text):
            if ">>>" in part:
                yield fence("pycon", part)
            elif re.match(r" *[*-] ", part):
                items = re.split(r"\n(?= *[*-] )", part)
                yield "\n".join(f"* {self.link(re.sub(r'^ *[*-] ', '', item), own)}" for item in items) + "\n"
            elif part.rstrip().endswith("::"):
                yield self.link(part.rstrip()[:-1], own) + "\n"
            elif part.startswith("    "):
                yield fence("python", part)
            else:
                yield self.link(part, own) + "\n"

    def signature(self, value: Any, name: str) -> str:
        """The signatures of a function, one parameter on each line where they are long."""
        owner = value.parent.overloads if value.parent and value.parent.kind.value in ("class", "module") else {}
        overloads = value.overloads or owner.get(value.name) or [value]
        return "\n".join(one_signature(item, name) for item in overloads)

    def members(self, value: Any) -> Iterator[tuple[str, Any]]:
        """The public members, with those of base classes that have no entry of their own."""
        for name, member in value.all_members.items():
            target = member.final_target if member.is_alias else member
            owner = target.parent.name if target.parent else ""
            inherited = owner != value.name
            if name.startswith("_") and name not in ("__iter__", "__next__"):
                continue
            if inherited and owner in self.page:
                continue
            yield name, target
        # A function of a stub that has only overloads is no member.
        for name, overloads in value.overloads.items():
            if name not in value.all_members and not name.startswith("_"):
                yield name, overloads[0]

    def entry(self, name: str, value: Any) -> str:
        """A class, a function or a value, with its members."""
        target = value.final_target if value.is_alias else value
        heading = f"## {escape(name)}"
        # Markdown reads the id of __version__ as bold text.
        parts = [f"{heading} {{ #{name} }}\n" if name.isalnum() else f'<a id="{name}"></a>\n\n{heading}\n']
        kind = target.kind.value
        if kind == "function":
            parts.append(fence("python", self.signature(target, name)))
        elif kind == "class":
            bases = ", ".join(str(base) for base in target.bases if not self.is_internal(target, str(base)))
            constructor = target.all_members.get("__init__")
            typed = any("TypedDict" in str(base) or base == "ProjectFields" for base in map(str, target.bases))
            head = f"class {name}({bases})" if bases else f"class {name}"
            if constructor and not typed:
                head += "\n\n" + one_signature(constructor, name).split(" -> ")[0].removeprefix("def ")
            parts.append(fence("python", head))
        else:
            annotation = f": {target.annotation}" if target.annotation else ""
            parts.append(fence("python", f"{name}{annotation}"))
        parts += self.body(target, name)
        if kind == "class":
            parts += self.member_entries(name, target)
        return "\n".join(parts)

    def member_entries(self, name: str, target: Any) -> Iterator[str]:
        described = set(re.findall(r"^ {4}(\w+):", (self.doc(target, name) or griffe.Docstring("")).value, re.M))
        for member_name, member in self.members(target):
            key = f"{name}.{member_name}"
            if member.kind.value == "function":
                if member_name.startswith("__") and not self.doc(member, key):
                    continue
                yield f"### {escape(key)} {{ #{key} }}\n"
                yield fence("python", self.signature(member, member_name))
                yield from self.body(member, key)
            elif member.kind.value == "attribute" and member_name not in described:
                text = " ".join(self.body(member, key)).strip().replace("\n\n", " ")
                code = f"{member_name}: {member.annotation}" if member.annotation else member_name
                if not text and member.value is not None:
                    code += f" = {member.value}"
                yield definition(key, code, text)


def one_signature(value: Any, name: str) -> str:
    parameters: list[str] = []
    seen_star = False
    for parameter in value.parameters:
        kind = parameter.kind.value if parameter.kind else ""
        if parameter.name in ("self", "cls") and not parameters:
            continue
        stars = {"variadic positional": "*", "variadic keyword": "**"}.get(kind, "")
        seen_star = seen_star or stars == "*"
        if kind == "keyword-only" and not seen_star:
            parameters.append("*")
            seen_star = True
        text = f"{stars}{parameter.name}"
        if parameter.annotation is not None:
            text += f": {parameter.annotation}"
        if parameter.default is not None and not stars:
            text += f" = {parameter.default}" if parameter.annotation is not None else f"={parameter.default}"
        parameters.append(text)
    result = f" -> {value.returns}" if value.returns is not None else ""
    start = "async def" if "async" in value.labels else "def"
    line = f"{start} {name}({', '.join(parameters)}){result}"
    if len(line) <= 78:
        return line
    return f"{start} {name}(\n" + "".join(f"    {one},\n" for one in parameters) + f"){result}"


def write(root: Path, folder: Path) -> list[tuple[str, str]]:
    """Writes the pages. Returns their titles and file names."""
    folder.mkdir(parents=True, exist_ok=True)
    made = Reference(root)
    everything = {**made.names, **made.testing}
    for file, title, first in PAGES:
        parts = [f"# {title}\n"]
        if file == "testing.md":
            parts += made.prose(str(made.package["testing"].docstring.value), "")
        rest = [name for name, page in made.page.items() if page == file and name not in first]
        parts += [made.entry(name, everything[name]) for name in [*first, *rest]]
        (folder / file).write_text("\n".join(parts), encoding="utf-8")
    parts = ["# Python\n", *made.prose(str(made.package.docstring and made.package.docstring.value), "")]
    for file, title, _ in PAGES:
        names = [f"[`{name}`]({file}#{name})" for name, page in made.page.items() if page == file]
        parts.append(f"## {title} {{ #list-{file.removesuffix('.md')} }}\n\n{', '.join(names)}\n")
    parts.append(made.entry("__version__", everything["__version__"]))
    (folder / "index.md").write_text("\n".join(parts), encoding="utf-8")
    return [("Python", "index.md"), *((title, file) for file, title, _ in PAGES)]
