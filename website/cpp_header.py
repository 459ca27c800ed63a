"""What include/projectcor.hpp declares, with the comments, as tree-sitter reads it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import tree_sitter_cpp
from tree_sitter import Language, Node, Parser

# Includes would bring in what is not ours; the macros make the setters, and this one the functions that throw.
_EXPAND = ["g++", "-E", "-CC", "-P", "-nostdinc", "-x", "c++", "-fexceptions", "-D__cpp_lib_chrono=201907", "-"]
_TYPES = {"class_specifier": "class", "struct_specifier": "struct", "enum_specifier": "enum"}
_FUNCTIONS = {"function_definition", "declaration", "field_declaration"}


@dataclass
class Member:
    """A value of an enum, or a function or variable of a class; the overloads that share a comment are one."""

    name: str
    declarations: list[str]
    text: str


@dataclass
class Entry:
    """A type of the namespace `cor`, or a function of it."""

    kind: str
    name: str
    declarations: list[str]
    text: str
    members: list[Member] = field(default_factory=list)


def _text(node: Node) -> str:
    return (node.text or b"").decode()


def _comment(node: Node) -> str:
    """The text of a documentation comment, else nothing."""
    found = re.match(r"///<? ?(.*)", _text(node))
    return found[1] if found else ""


def _named(nodes: list[Node]) -> Iterator[tuple[Node, str]]:
    """What is declared, each with the comment before it or behind it on its line."""
    before: list[str] = []
    found: list[tuple[Node, str]] = []
    for node in nodes:
        if node.type != "comment":
            found.append((node, "\n".join(before)))
            before = []
        elif _text(node).startswith("///<"):
            found[-1] = (found[-1][0], _comment(node))
        elif _text(node).startswith("///"):
            before.append(_comment(node))
        else:
            before = []
    yield from found


def _declaration(node: Node) -> str:
    """The code without a body, on one line."""
    inner = next((child for child in node.named_children if child.type in _FUNCTIONS), None)
    owner = inner if node.type == "template_declaration" and inner else node
    bodies = ("compound_statement", "field_initializer_list")
    ends = [child.start_byte for child in owner.children if child.type in bodies]
    code = (node.text or b"")[: min(ends, default=node.end_byte) - node.start_byte].decode()
    return " ".join(code.split()).rstrip("; ")


_NAMES = {"identifier", "field_identifier", "operator_name", "operator_cast"}


def _name(node: Node) -> str | None:
    """The name that a declaration gives; None for a nested type or a friend."""
    declarator = node.child_by_field_name("declarator")
    if node.type == "template_declaration":
        inner = next((child for child in node.named_children if child.type in _FUNCTIONS), None)
        return _name(inner) if inner else None
    if node.type == "operator_cast":
        return _text(node).split("(")[0].strip()
    if node.type in _NAMES:
        return _text(node)
    if declarator is None:
        # References name what they refer to without a field.
        declarator = next((c for c in node.named_children if c.type.endswith("declarator") or c.type in _NAMES), None)
    return _name(declarator) if declarator else None


def _members(body: Node, public: bool) -> Iterator[Member]:
    members: dict[str, Member] = {}
    shown: list[Node] = []
    for node in body.named_children:
        if node.type == "access_specifier":
            public = _text(node) == "public"
        elif public:
            shown.append(node)
    for node, text in _named(shown):
        if node.type == "enumerator":
            code = _text(node)
            members[code] = Member(code.split()[0], [code.split()[0]], text)
        elif node.type in _FUNCTIONS or node.type == "template_declaration":
            code, name = _declaration(node), _name(node)
            if name is None or "= delete" in code or ("= default" in code and not text):
                continue
            if name in members:
                members[name].declarations.append(code)
                members[name].text = members[name].text or text
            else:
                members[name] = Member(name, [code], text)
    yield from members.values()


def _entry(node: Node, text: str) -> Entry | None:
    template, inner = "", node
    if node.type == "template_declaration":
        inner = next(child for child in node.named_children if child.type in _TYPES or child.type in _FUNCTIONS)
        template = " ".join((node.text or b"")[: inner.start_byte - node.start_byte].decode().split()) + " "
    if inner.type in _TYPES:
        body, name = inner.child_by_field_name("body"), inner.child_by_field_name("name")
        if body is None or name is None:
            return None
        code = template + " ".join((inner.text or b"")[: body.start_byte - inner.start_byte].decode().split())
        kind = _TYPES[inner.type]
        return Entry(kind, _text(name), [code], text, list(_members(body, public=kind != "class")))
    if inner.type in _FUNCTIONS:
        code = _declaration(node).removeprefix("inline ")
        name_of_it = _name(node)
        return Entry("function", name_of_it, [code], text) if name_of_it else None
    return None


def entries(header: Path) -> list[Entry]:
    """Everything public in the namespace `cor`, in the order of the header."""
    code = re.sub(r"^#include.*$", "", header.read_text(encoding="utf-8"), flags=re.M)
    expanded = subprocess.run(_EXPAND, input=code, text=True, check=True, capture_output=True).stdout
    root = Parser(Language(tree_sitter_cpp.language())).parse(expanded.encode()).root_node
    found: dict[str, Entry] = {}
    for namespace in root.named_children:
        body = namespace.child_by_field_name("body")
        if namespace.type != "namespace_definition" or body is None:
            continue
        for node, text in _named(body.named_children):
            entry = _entry(node, text)
            if entry and entry.kind == "function" and entry.name in found:
                found[entry.name].declarations += entry.declarations
                found[entry.name].text += "\n\n" + entry.text
            elif entry:
                found[entry.name] = entry
    return list(found.values())


def introduction(header: Path) -> list[str]:
    """The lines of the comment at the top."""
    lines = []
    for line in header.read_text(encoding="utf-8").splitlines():
        if not line.startswith("//"):
            break
        lines.append(line.removeprefix("//").removeprefix(" "))
    return lines
