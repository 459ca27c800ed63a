"""Writes the sample of a CRM export beside this file.

    python3 tests/data/crm/generate.py            write the tables anew
    python3 tests/data/crm/generate.py FOLDER     write them into FOLDER

The seed is fixed and only `Random.random` is drawn from, so every Python version writes the same bytes.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import TypeVar

SEED = 20_251_128
DEALS = 190
REPEATED = 10
HEADER = [
    "account",
    "opportunity_id",
    "sales_agent",
    "deal_stage",
    "product",
    "close_date",
    "close_value",
    "created_on",
]

# Invented names, with what spreadsheets and parsers trip over: accents, other scripts, separators, quotes, line breaks.
ACCOUNTS = [
    "Åkerlund Träd AB",
    "Bäckerei Süß & Söhne",
    "Café Ñandú, S.A.",
    'Taller "El Rápido"',
    "Łódź Logistyka; Sp. z o.o.",
    "L'Étoile d'Été",
    "Žižkov Software s.r.o.",
    "北辰商事",
    "Αθηνά Shipping",
    "Norte Sur\nSucursal Córdoba",
    'Plain "quoted", with a comma',
    "Example Works",
    "Lindenhof Mill",
    "Ombú Textiles",
    "Harbour & Hill",
]
AGENTS = ["Renée Dubois", "José Muñoz", "Ingrid Sørensen", 'Ann "Annie" Lee', "Zoë O'Neill", "Paweł Wiśniewski"]
PRODUCTS = ["Basic", "Plus", "Pro", "Pro, yearly", "Plus\n(old price list)"]
T = TypeVar("T")


def pick(random: Random, values: Sequence[T]) -> T:
    return values[int(random.random() * len(values))]


def one_in(random: Random, n: int) -> bool:
    return random.random() * n < 1


def identifier(random: Random) -> str:
    """Eight letters and digits, with a letter in front: no program takes the column for numbers."""
    letters, digits = "ABCDEFGHJKLMNPQRSTUVWXYZ", "0123456789"
    return pick(random, letters) + "".join(pick(random, letters + digits) for _ in range(7))


def value(random: Random) -> str:
    """An amount as the source system writes it: a point and one decimal."""
    amount = int(random.random() * 10 ** (2 + int(random.random() * 6)))
    return f"{amount}.{pick(random, ['0', '0', '0', '5'])}"


def deals() -> list[dict[str, str]]:
    """The rows in the order of the table; the last ones repeat ids of earlier rows, as an export of changes does."""
    random = Random(SEED)
    rows = []
    for _ in range(DEALS):
        stage = pick(random, ["Won", "Won", "Lost", "In_Progress"])
        created = date(2024, 1, 1) + timedelta(days=int(random.random() * 600))
        closed = created + timedelta(days=1 + int(random.random() * 150))
        still_open = stage == "In_Progress"
        cells = [
            "" if one_in(random, 3) else pick(random, ACCOUNTS),
            identifier(random),
            pick(random, AGENTS),
            stage,
            pick(random, PRODUCTS),
            "" if still_open else closed.isoformat(),
            "" if still_open or one_in(random, 10) else "0.0" if stage == "Lost" else value(random),
            created.isoformat(),
        ]
        rows.append(dict(zip(HEADER, cells)))
    for n in range(REPEATED):
        earlier = rows[n * DEALS // REPEATED]
        closed = date.fromisoformat(earlier["created_on"]) + timedelta(days=200 + n)
        # An empty account stays empty: what the earlier row set is kept.
        later = {"account": "", "deal_stage": "Won", "close_date": closed.isoformat(), "close_value": value(random)}
        rows.append({**earlier, **later})
    return rows


def regional(row: dict[str, str]) -> dict[str, str]:
    """The row as a spreadsheet with Spanish or German settings shows it: 30/04/2025 and 18.000,5."""

    def day(text: str) -> str:
        return "/".join(reversed(text.split("-")))

    def amount(text: str) -> str:
        whole, _, fraction = text.partition(".")
        return f"{int(whole):,}".replace(",", ".") + "," + fraction if text else ""

    days = {column: day(row[column]) for column in ("close_date", "created_on")}
    return {**row, **days, "close_value": amount(row["close_value"])}


def write(path: Path, rows: Iterable[dict[str, str]], delimiter: str) -> None:
    with path.open("w", encoding="utf-8", newline="") as table:
        writer = csv.DictWriter(table, HEADER, delimiter=delimiter, lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(rows)


def write_all(folder: Path) -> list[Path]:
    """Writes both tables and returns their paths."""
    rows = deals()
    paths = [folder / "opportunities.csv", folder / "opportunities_regional.csv"]
    write(paths[0], rows, ",")
    write(paths[1], map(regional, rows), ";")
    return paths


if __name__ == "__main__":
    write_all(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
