"""Results in a notebook: one page of HTML, escaped, with colours that can be read on light and on dark ground."""

from __future__ import annotations

from html import escape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from projectcor._types import ChangeRow

__all__ = ["page"]

# Each has a contrast of 4 and more to white, and to the grounds of dark themes.
_GREEN, _RED, _AMBER, _GREY = "#1a8a4f", "#d6453d", "#b0740a", "#7a828a"
_COLOURS = {"+": _GREEN, "!": _RED, "~": _AMBER, "=": _GREY}


def page(
    head: str,
    changes: list[ChangeRow | str],
    failures: list[tuple[str, list[str]]],
    more: str | None,
    notes: list[str],
) -> str:
    """The result as a heading, a table of changes, the failures by their reason, and remarks."""
    parts = [f"<p><b>{escape(head)}</b></p>"]
    if changes:
        titles = "".join(f"<th>{title}</th>" for title in ("project", "where", "what", "field", "old", "new"))
        rows = "".join(map(_change, changes))
        parts.append(f"<table><thead><tr>{titles}</tr></thead><tbody>{rows}</tbody></table>")
    for line, examples in failures:
        shown = "<br>".join([_coloured(_RED, f"! {line}"), *map(escape, examples)])
        parts.append(f"<p>{shown}</p>")
    parts += [f"<p>{escape(note)}</p>" for note in ([] if more is None else [more]) + notes]
    return "".join(parts)


def _change(change: ChangeRow | str) -> str:
    if isinstance(change, str):
        return f'<tr><td colspan="6">{_coloured(_GREY, change)}</td></tr>'
    sign, project, where, what, fields, remark = change
    colour = _GREY if sign == "=" else _GREEN
    cells = [
        f"<td>{escape(name)}</td><td>{_coloured(_GREY, old)}</td><td>{_coloured(colour, new)}</td>"
        for name, old, new in fields
    ]
    head = f"<th>{_coloured(_COLOURS[sign], f'{sign} {project}')}</th><td>{escape(where)}</td><td>{escape(what)}</td>"
    rows = [f"<tr>{head}{cells[0] if cells else '<td></td><td></td><td></td>'}</tr>"]
    rows += [f"<tr><th></th><td></td><td></td>{cell}</tr>" for cell in cells[1:]]
    if remark:
        rows.append(f'<tr><th></th><td colspan="5">{escape(remark)}</td></tr>')
    return "".join(rows)


def _coloured(colour: str, text: str) -> str:
    return f'<span style="color:{colour}">{escape(text)}</span>' if text else ""
