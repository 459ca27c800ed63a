"""Plain text of the code as Markdown."""

from __future__ import annotations

import re
import textwrap

# What Markdown would read as markup in plain text. Code between backticks stays.
_SPECIAL = re.compile(r"([\\*_<>\[\]#|])")
_CODE = re.compile(r"(`[^`]+`)")


# Names of fields and variables, which are code wherever they stand.
_NAME = re.compile(r"(?<![`\w$.-])(\$?_?[A-Za-z]+(?:_[A-Za-z]+)+|_[a-z]+)(?![`\w.-]*`|\w)")


def named(text: str) -> str:
    """Plain text in which names with underscores are code."""
    return "".join(part if index % 2 else _NAME.sub(r"`\1`", part) for index, part in enumerate(_CODE.split(text)))


def escape(text: str) -> str:
    """Plain text, in which only backticks mean something."""
    return "".join(
        part if index % 2 else _SPECIAL.sub(r"\\\1", part).replace("&", "&amp;")
        for index, part in enumerate(_CODE.split(text))
    )


def anchor(text: str) -> str:
    """An anchor for a name, such as cor-projects-sync--id-column."""
    return re.sub(r"[^\w.-]+", "-", text.lower()).strip("-")


def fence(language: str, code: str) -> str:
    return f"```{language}\n{textwrap.dedent(code).strip(chr(10))}\n```\n"


def definition(anchor: str, code: str, text: str) -> str:
    """A name with what it stands for, and an anchor where there is one."""
    start = f'<a id="{anchor}" class="entry"></a>' if anchor else ""
    return f"{start}`{code}`\n" + (f":   {text}\n" if text else "")


def paragraphs(text: str) -> list[str]:
    """The paragraphs of a text, each with its lines as they were."""
    return [part.strip("\n") for part in re.split(r"\n\s*\n", text) if part.strip()]


def joined(paragraph: str) -> str:
    """A paragraph on one line."""
    return " ".join(paragraph.split())
