"""Finds a name of docs/reference/capabilities.md in the sources, the headers, the package or the help of `cor`."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import projectcor
from harness import ROOT

WORD = r"[A-Za-z]\w*"


@cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


# Rust


@cache
def sources(crate: str) -> dict[Path, str]:
    """The files of a crate without their comments."""
    folder = ROOT / "crates" / crate.replace("_", "-") / "src"
    return {path: re.sub(r"//[^\n]*", "", text_of(path)) for path in sorted(folder.rglob("*.rs"))}


def blocks(head: str, text: str) -> Iterator[str]:
    """What stands between a line that begins so and ends with a brace, and the brace that begins a line."""
    for match in re.finditer(rf"^{head}[^\n;{{]*\{{\n(.*?)^\}}", text, re.M | re.S):
        yield match[1]


def functions(text: str) -> set[str]:
    return set(re.findall(r"^ *pub (?:async |const )*fn (\w+|\$name)\b", text, re.M))


def made_by_macros(kind: str, text: str, crate: str) -> set[str]:
    """Functions of a type whose `impl` a macro of the crate writes, where `text` calls that macro."""
    found: set[str] = set()
    for source in sources(crate).values():
        for macro in re.finditer(r"^macro_rules! (\w+) \{\n(.*?)^\}", source, re.M | re.S):
            name, body = macro[1], macro[2]
            if re.search(rf"^{name}!\({kind}\b", text, re.M):
                found |= functions(body)
            if re.search(rf"impl(?:<\w+>)? {kind}\b", body) and "$name" in functions(body):
                for call in re.finditer(rf"^{name}! \{{\n(.*?)^\}}", text, re.M | re.S):
                    found |= set(re.findall(r"^    (\w+): ", call[1], re.M))
    return found


def library(crate: str) -> str:
    return sources(crate)[ROOT / "crates" / crate.replace("_", "-") / "src/lib.rs"]


@cache
def rust_members(crate: str, module: str, kind: str) -> set[str]:
    """The public functions of a type and the variants of an enum; empty text for the type itself.

    `module` is a public module of the crate, empty for what the crate itself exports.
    """
    modules = set(re.findall(r"^pub mod (\w+);", library(crate), re.M))
    folder = ROOT / "crates" / crate.replace("_", "-") / "src"

    def module_of(path: Path) -> str:
        first = path.relative_to(folder).parts[0].removesuffix(".rs")
        return first if first in modules else ""

    texts = [text for path, text in sources(crate).items() if module_of(path) == module]
    found: set[str] = set()
    for text in texts:
        if not re.search(rf"^pub (?:struct|enum|trait) {kind}\b", text, re.M):
            continue
        found |= {"", *made_by_macros(kind, text, crate)}
        for variants in blocks(rf"pub enum {kind}\b", text):
            found |= set(re.findall(r"^    ([A-Z]\w*)", variants, re.M))
        # The functions of a type may stand in several files.
        for body in (body for other in texts for body in blocks(rf"impl(?:<[^\n>]*>)? {kind}\b(?! for)", other)):
            found |= functions(body)
    return found


def is_in_rust(item: str) -> bool:
    match = re.fullmatch(rf"(cor_\w+)::(?:([a-z]\w*)::)?({WORD})(?:::({WORD}))?", item)
    if match is None or not (ROOT / "crates" / match[1].replace("_", "-")).is_dir():
        return False
    crate, module, kind, member = match[1], match[2] or "", match[3], match[4] or ""
    exports = re.findall(r"^pub use ([^;]*);", library(crate), re.M)
    is_public = module != "" or any(re.search(rf"\b{kind}\b", export) for export in exports)
    return is_public and member in rust_members(crate, module, kind)


# Python


def is_in_python(item: str) -> bool:
    match = re.fullmatch(rf"({WORD}(?:\.{WORD})*)(?:\(({WORD})=\))?", item)
    if match is None:
        return False
    first, *rest = match[1].split(".")
    found: object = getattr(projectcor, first, None) if first in projectcor.__all__ else None
    for name in rest:
        found = getattr(found, name, None)
    if found is None or match[2] is None:
        return found is not None
    return callable(found) and match[2] in inspect.signature(found).parameters


# C


@cache
def c_header() -> str:
    return re.sub(r"/\*.*?\*/", "", text_of(ROOT / "include/projectcor.h"), flags=re.S)


@cache
def c_functions() -> set[str]:
    return set(re.findall(r"^(?!typedef|#)\w[\w *]*?\b(cor_\w+)\(", c_header(), re.M))


def is_in_c(item: str) -> bool:
    kind, _, member = item.partition(".")
    if not member:
        return kind in c_functions()
    struct = re.search(rf"^typedef struct {kind} \{{(.*?)^\}} {kind};", c_header(), re.M | re.S)
    return struct is not None and re.search(rf"\b{member};", struct[1]) is not None


# C++


@cache
def cpp_members(kind: str) -> set[str]:
    """The public members of a class in the namespace `cor`."""
    text = re.sub(r"^namespace detail \{.*?^\} +// namespace detail", "", cpp_header(), flags=re.M | re.S)
    text = re.sub(r"//[^\n]*", "", text)
    found: set[str] = set()
    for match in re.finditer(
        rf"^(class|struct)(?: \[\[\w+\]\])? {kind}(?: : [\w: ]+)? \{{\n(.*?)^\}};", text, re.M | re.S
    ):
        access = "private" if match[1] == "class" else "public"
        for line in match[2].splitlines():
            if label := re.fullmatch(r" (public|private|protected):", line):
                access = label[1]
            elif access == "public" and line.startswith("  ") and not line.startswith("   "):
                found |= set(re.findall(r"^  PROJECTCOR_[A-Z]+\((\w+)", line))
                # The first name before a parenthesis, a value or the end, outside the parentheses of its type.
                for name in re.finditer(r"[ &*](\w+)(?=[({;]| =)", line):
                    before = line[: name.start()]
                    if before.count("(") == before.count(")") and before.count("<") == before.count(">"):
                        found.add(name[1])
                        break
        found.add("")
    return found


def cpp_header() -> str:
    return text_of(ROOT / "include/projectcor.hpp")


def is_in_cpp(item: str) -> bool:
    match = re.fullmatch(rf"cor::({WORD})(?:::({WORD}))?", item)
    return match is not None and (match[2] or "") in cpp_members(match[1])


# The program, as the package contains it


@cache
def help_of(*command: str) -> str | None:
    """What `cor … --help` prints; `None` where there is no such command."""
    program = [sys.executable, "-m", "projectcor", *command, "--help"]
    done = subprocess.run(program, capture_output=True, text=True, encoding="utf-8", timeout=60, check=False)
    return done.stdout if done.returncode == 0 else None


def subcommands(*command: str) -> set[str]:
    listed = (help_of(*command) or "").partition("\nCommands:\n")[2].partition("\n\n")[0]
    return set(re.findall(r"^  (\w+)", listed, re.M)) - {"help"}


def is_in_program(item: str) -> bool:
    match = re.fullmatch(r"cor((?: [a-z]+)+)(?: (-)| (--[a-z][a-z-]*)(?: (\w+))?)?", item)
    if match is None:
        return False
    *parents, command = match[1].split()
    if command not in subcommands(*parents):
        return False
    text = help_of(*parents, command) or ""
    if match[2]:
        return "or - for standard input" in text
    if match[3] is None:
        return True
    option = re.search(rf"^ +(?:-\w, )?{match[3]}(?: <([^>]*)>)?(?: |$)", text, re.M)
    return option is not None and (match[4] is None or match[4] in (option[1] or "").split("|"))
