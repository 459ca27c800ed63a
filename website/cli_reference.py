"""The pages of the program's commands, from the help that the program prints itself."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from website.markup import anchor, definition, escape, fence, joined, named, paragraphs

FLAG = re.compile(r"(?<![\w`-])(--[a-z][a-z-]+)")


@dataclass
class Option:
    """An option or an argument: as it is written, and what it does."""

    name: str
    text: list[str] = field(default_factory=list)

    @property
    def key(self) -> str:
        """The long name, else the first."""
        words = re.findall(r"--[a-z][a-z-]*", self.name) or re.findall(r"[<\[-][^\s,]*", self.name)
        return str(words[0])


@dataclass
class Command:
    """A command with the parts of its help."""

    path: tuple[str, ...]
    about: list[str]
    usage: str
    sections: list[tuple[str, str]]
    children: list[Command]

    @property
    def name(self) -> str:
        return " ".join(self.path)

    @property
    def page(self) -> str:
        return "-".join(self.path) + ".md"


def help_of(cor: Path, path: tuple[str, ...]) -> str:
    command = [str(cor), *path[1:], "--help"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def read(cor: Path, path: tuple[str, ...] = ("cor",)) -> Command:
    """A command and all commands below it."""
    before, _, after = help_of(cor, path).partition("\nUsage: ")
    if not after:
        raise ValueError(f"the help of {' '.join(path)} has no line Usage")
    usage, _, rest = after.partition("\n\n")
    sections = list(sections_of(rest))
    children = [read(cor, (*path, name)) for title, body in sections if title == "Commands" for name in names_of(body)]
    return Command(path, paragraphs(before), joined(usage), sections, children)


def sections_of(text: str) -> Iterator[tuple[str, str]]:
    """Title and body of each section. A title starts a line and ends with a colon."""
    title, body = "", list[str]()
    for line in text.splitlines():
        # A sentence that ends with a colon belongs to its section.
        if re.match(r"\S.*:$", line) and len(line.split()) < 6:
            if title:
                yield title, "\n".join(body)
            title, body = line[:-1], []
        else:
            body.append(line)
    if title:
        yield title, "\n".join(body)


def names_of(body: str) -> list[str]:
    """The commands of a list of commands, without help."""
    return [name for name in re.findall(r"^  ([a-z][a-z-]*)\b", body, re.M) if name != "help"]


def options_of(body: str) -> list[Option]:
    """The options of a section, each with the paragraphs of its description."""
    found: list[Option] = []
    for line in body.splitlines():
        if start := re.match(r" {2,6}(-.*|[<\[].*)$", line):
            # In the short form, the description follows on the same line.
            name, _, text = re.sub(r" {2,}", "\n", start[1]).partition("\n")
            found.append(Option(name, [text]))
        elif found:
            found[-1].text.append(line)
        elif line.strip():
            raise ValueError(f"no option before the line: {line}")
    return found


def described(text: str) -> str:
    return escape(FLAG.sub(r"`\1`", named(text)))


def option_markdown(command: Command, option: Option) -> str:
    key = anchor(command.name) + option.key.rstrip(".") if option.key.startswith("-") else ""
    text = [described(joined(part)) for part in paragraphs("\n".join(option.text))]
    return definition(key, option.name, "\n\n    ".join(text))


def markdown(command: Command) -> str:
    """The page of one command."""
    parts = [f"# {command.name}\n"]
    parts += [described(joined(part)) + "\n" for part in command.about]
    parts.append(fence("text", command.usage))
    for title, body in command.sections:
        parts.append(f"## {escape(title)}\n")
        if title == "Commands":
            parts.append("| command | what it does |\n|---|---|")
            for child in command.children:
                parts.append(f"| [`{child.name}`]({child.page}) | {described(joined(child.about[0]))} |")
            parts.append("")
        elif re.match(r"\s*[-<\[]", body):
            parts += [option_markdown(command, option) for option in options_of(body)]
        else:
            parts.append(fence("text", body))
    return "\n".join(parts)


def walk(command: Command) -> Iterator[Command]:
    yield command
    for child in command.children:
        yield from walk(child)


def write(cor: Path, folder: Path) -> list[tuple[str, str]]:
    """Writes a page for each command. Returns their titles and file names."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = list(walk(read(cor)))
    for command in pages:
        (folder / command.page).write_text(markdown(command), encoding="utf-8")
    return [(command.name, command.page) for command in pages]
