"""The tables and the plot of `bench/run.py`."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

# Client and way (plain, h1, h2): what each round measured.
Seen = dict[tuple[str, str], list[float]]

WAYS = {"plain": "plain", "h1": "TLS, HTTP/1.1", "h2": "TLS, HTTP/2"}
TLS = ("h1", "h2")


@dataclass(frozen=True)
class Aim:
    """One client over another, of the better of these ways of each, is to be at most this."""

    what: str
    own: str
    own_ways: tuple[str, ...]
    other: str
    other_ways: tuple[str, ...]
    most: float


AIMS = (
    Aim("Rust, `reqwest`, HTTP/2 over reqwest alone", "Rust, reqwest", ("h2",), "reqwest, prepared", ("h2",), 1.10),
    Aim(
        "Rust, `direct`, plain over a hyper-util pool", "Rust, direct", ("plain",), "hyper-util pool", ("plain",), 0.80
    ),
    Aim("Rust, `direct`, TLS over a hyper-util pool", "Rust, direct", TLS, "hyper-util pool", ("h1",), 0.80),
    Aim("Rust, `direct`, plain over epoll by hand", "Rust, direct", ("plain",), "epoll by hand", ("plain",), 1.10),
    Aim(
        "Rust, `direct`, TLS over a bare hyper HTTP/2 connection",
        "Rust, direct",
        TLS,
        "hyper connection",
        ("h2",),
        1.05,
    ),
    Aim("C, `direct`, TLS over libcurl", "C, direct", TLS, "libcurl", TLS, 0.45),
    Aim("C, `reqwest`, TLS over libcurl", "C, reqwest", TLS, "libcurl", TLS, 0.55),
    Aim(
        "Python dicts, `direct`, TLS over pycurl with msgspec",
        "Python dicts, direct",
        TLS,
        "pycurl, msgspec",
        TLS,
        0.45,
    ),
    Aim(
        "Python dicts, `reqwest`, TLS over pycurl with msgspec",
        "Python dicts, reqwest",
        TLS,
        "pycurl, msgspec",
        TLS,
        0.65,
    ),
    Aim("Python async over blocking", "Python dicts, async, direct", TLS, "Python dicts, direct", TLS, 1.15),
    Aim("the same with 20 ms of latency", "Python async, 20 ms, direct", TLS, "Python, 20 ms, direct", TLS, 1.15),
    Aim("pandas over ready dicts", "Python ready pandas, direct", TLS, "Python ready dicts, direct", TLS, 0.90),
    Aim("polars over ready dicts", "Python ready polars, direct", TLS, "Python ready dicts, direct", TLS, 0.90),
    Aim("Arrow over ready dicts", "Python ready arrow, direct", TLS, "Python ready dicts, direct", TLS, 0.90),
    Aim(
        "one call, Rust over a bare hyper connection",
        "one call: Rust, direct",
        TLS,
        "one call: hyper connection",
        ("h1",),
        1.15,
    ),
    Aim(
        "one call, C over a bare hyper connection",
        "one call: C, direct",
        TLS,
        "one call: hyper connection",
        ("h1",),
        1.15,
    ),
    Aim(
        "one call, Python over a bare hyper connection",
        "one call: Python, direct",
        TLS,
        "one call: hyper connection",
        ("h1",),
        1.6,
    ),
)


def median(seen: Seen, client: str, ways: tuple[str, ...]) -> Optional[float]:
    """The median of the cheapest of these ways."""
    medians = [statistics.median(seen[client, way]) for way in ways if seen.get((client, way))]
    return min(medians) if medians else None


def tables(seen: Seen) -> str:
    clients = list(dict.fromkeys(client for client, _ in seen))
    lines = ["CPU per update in µs, user and system: median (least to most). One call: its median latency in µs.", ""]
    lines += [f"| client | {' | '.join(WAYS.values())} |", "|---|--:|--:|--:|"]
    for client in clients:
        cells = [cell(seen.get((client, way), [])) for way in WAYS]
        lines.append(f"| {client} | {' | '.join(cells)} |")
    lines += ["", "Ratios of medians, of the cheaper HTTP version of each where both were measured:", ""]
    lines += ["| ratio | measured | aim | |", "|---|--:|--:|---|"]
    for aim in AIMS:
        own, other = median(seen, aim.own, aim.own_ways), median(seen, aim.other, aim.other_ways)
        if own and other:
            ratio = own / other
            lines.append(f"| {aim.what} | {ratio:.2f} | ≤ {aim.most:.2f} | {'' if ratio <= aim.most else 'missed'} |")
    return "\n".join(lines)


def cell(runs: list[float]) -> str:
    return f"{statistics.median(runs):.1f} ({min(runs):.1f} to {max(runs):.1f})" if runs else ""


def write(root: Path, text: str, seen: Seen, run: str) -> None:
    head = f"""# Results

`make bench` writes this page. {run}.

Every client makes a row, checks it, sends it, and reads the response; README.md says how they differ. The server
answers at once, so the figures are what a client costs, not what COR allows. Compare figures of this page with
each other alone.

"""
    (root / "bench" / "RESULTS.md").write_text(head + text + "\n")
    (root / "bench" / "benchmark.svg").write_text(plot(seen, run))


def plot(seen: Seen, run: str) -> str:
    """Bars of CPU per update over TLS: the cheaper HTTP version of each client, ours in another colour."""
    names = ["Rust, direct", "Rust, reqwest", "hyper-util pool", "reqwest, prepared"]
    names += ["C, direct", "C, reqwest", "libcurl"]
    names += ["Python dicts, direct", "Python dicts, reqwest", "pycurl, msgspec"]
    bars = [(name, value) for name in names if (value := median(seen, name, TLS)) is not None]
    most = max(value for _, value in bars)
    width, bar, left = 720, 22, 190
    height = 60 + len(bars) * (bar + 8)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"',
        ' font-family="sans-serif" font-size="13">',
        "<style>text { fill: #24292f } .own { fill: #0969da } .other { fill: #8c959f }",
        "@media (prefers-color-scheme: dark) {",
        "  text { fill: #e6edf3 } .own { fill: #58a6ff } .other { fill: #6e7681 } }</style>",
        f'<text x="{left}" y="22" font-weight="bold">CPU per update over TLS, µs (less is better)</text>',
    ]
    for at, (name, value) in enumerate(bars):
        y = 36 + at * (bar + 8)
        length = (width - left - 60) * value / most
        kind = "own" if name.startswith(("Rust", "C,", "Python")) else "other"
        parts += [
            f'<text x="{left - 8}" y="{y + 16}" text-anchor="end">{name}</text>',
            f'<rect class="{kind}" x="{left}" y="{y}" width="{length:.0f}" height="{bar}" rx="3"/>',
            f'<text x="{left + length + 6:.0f}" y="{y + 16}">{value:.1f}</text>',
        ]
    parts.append(f'<text x="{left}" y="{height - 8}" font-size="11">{run}</text></svg>')
    return "\n".join(parts) + "\n"
