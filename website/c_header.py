"""What include/projectcor.h declares, with the comments."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

# A comment and what follows it up to its end: a macro, an enum or struct with its body, a typedef or a function.
_ENTRY = re.compile(
    r"/\*\*(?P<comment>(?:(?!\*/).)*)\*/\s*\n"
    r"(?P<code>#define (?:[^\n]*\\\n)*[^\n]*"
    r"|enum \w+.*?\n\};"
    r"|typedef struct \w+ \{.*?\n\} \w+;"
    r"|(?:typedef )?[a-z][^;{}#]*?;)",
    re.S,
)
_MEMBER = re.compile(r"(?:/\*\*(?P<comment>(?:(?!\*/).)*)\*/\s*\n)?\s*(?P<code>[^\s/{}][^;,{}]*?)[;,]\n", re.S)


@dataclass
class Member:
    """A value of an enum, or a member of a struct."""

    name: str
    code: str
    text: str


@dataclass
class Entry:
    """Something that the header declares."""

    kind: str
    name: str
    code: str
    text: str
    members: list[Member] = field(default_factory=list)


def plain(comment: str) -> str:
    """The text of a comment, without the stars at the start of its lines."""
    lines = [re.sub(r"^\s*\*? ?", "", line) for line in comment.strip().splitlines()]
    return "\n".join(line.rstrip() for line in lines).strip()


def _members(kind: str, code: str) -> list[Member]:
    body = code[code.index("{") + 1 : code.rindex("}")]
    found = []
    for match in _MEMBER.finditer(body):
        declaration = " ".join(match["code"].split())
        pattern = r"(\w+) =" if kind == "enum" else r"(\w+)(?:\[\w*\])?$"
        name = re.search(pattern, declaration)
        if not name:
            raise ValueError(f"a member without a name: {declaration}")
        found.append(Member(name[1], declaration, plain(match["comment"] or "")))
    return found


def _entry(comment: str, code: str) -> Entry:
    text = plain(comment)
    if code.startswith("#define"):
        return Entry("macro", code.split()[1].split("(")[0], code, text)
    if code.startswith("enum"):
        # What C++ needs besides is not for the reader.
        shown = re.sub(r"\n#ifdef __cplusplus.*?#endif[^\n]*\n", "", code, flags=re.S)
        return Entry("enum", code.split()[1], shown, text, _members("enum", shown))
    if re.match(r"typedef struct \w+ \{", code):
        return Entry("struct", code.split()[2], code, text, _members("struct", code))
    if handle := re.match(r"typedef struct (\w+) \1;", code):
        return Entry("handle", handle[1], code, text)
    if callback := re.match(r"typedef [^(]*\(\*(\w+)\)", code):
        return Entry("callback", callback[1], code, text)
    if function := re.match(r"[^(]*?(\w+)\(", code):
        return Entry("function", function[1], code, text)
    raise ValueError(f"the header declares something unknown: {code}")


def entries(header: str) -> list[Entry]:
    """Everything with a comment, in the order of the header."""
    return [_entry(match["comment"], match["code"]) for match in _ENTRY.finditer(header)]


def introduction(header: str) -> str:
    """The comment at the top."""
    return plain(header[header.index("/*") + 2 : header.index("*/")])


def function_names(header: str) -> set[str]:
    """The functions, found without the comments: what the entries must be complete against."""
    code = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
    code = re.sub(r"^#.*(?:\\\n.*)*$", "", code, flags=re.M)
    return set(re.findall(r"\b(cor_\w+)\((?!\*)", re.sub(r"typedef[^;{]*\(\*\w+\)[^;]*;", "", code)))
