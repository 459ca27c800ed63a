"""Writes the kept inputs of fuzz.c: small plays, each named after what it shows.

    python3 tests/c/fuzz_corpus.py fuzz/corpus/c

An input is a row of calls: a text (its length, its bytes), the number of a call, and the bytes that the call asks for,
in the order in which fuzz.c reads them. A call that fails puts its error into the pool, and so asks for one place more.
`fuzz FILE…` fails where a call is not spelled by any file, or never works, or is never refused.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

# The pool of fuzz.c: places 0 to 14 begin as NULL, 15 as a pointer that is no handle.
CONFIG, CLIENT, UPDATE, PROJECT, CREATE, BULK, DELETED, ERROR, OTHER, EMPTY, WRONG = (
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 15,
)  # fmt: skip


def call(number: int, *more: int, text: bytes = b"") -> bytes:
    return bytes([len(text)]) + text + bytes([number, *more])


def update(source: bytes, place: int = UPDATE) -> bytes:
    return call(0, place, text=source)


def config(place: int = CONFIG) -> bytes:
    return call(1, place)


def client(config: int = CONFIG, place: int = CLIENT, *error: int) -> bytes:
    return call(2, config, place, *error)


def send(id: bytes, client: int = CLIENT, update: int = UPDATE, place: int = PROJECT, *error: int) -> bytes:
    return call(3, client, update, place, *error, text=id)


def bulk(create_missing: int = 0, client: int = CLIENT, place: int = BULK, *error: int) -> bytes:
    return call(4, client, place, *error, text=b"x" * create_missing)


def validate(update: int = UPDATE, *error: int) -> bytes:
    return call(5, update, *error)


def free(place: int) -> bytes:
    return call(6, place)


def ask(
    error: int = ERROR, project: int = PROJECT, issue: int = 0, deleted: int = DELETED, status: int = 5, field: int = 6
) -> bytes:
    return call(7, error, project, issue, deleted, deleted, status, field)


def push(bulk: int = BULK, update: int = UPDATE, id: bytes = b"P-1") -> bytes:
    return call(8, bulk, 0, update, text=id)


def end_input(bulk: int = BULK) -> bytes:
    return call(8, bulk, 1)


def stop(bulk: int = BULK) -> bytes:
    return call(8, bulk, 2)


def next_item(bulk: int = BULK) -> bytes:
    return call(8, bulk, 3)


def wants_rows(bulk: int = BULK) -> bytes:
    return call(8, bulk, 4)


def configure(how: int, value: bytes = b"", config: int = CONFIG) -> bytes:
    return call(9, config, how, text=value)


def create(id: bytes, update: int = UPDATE, place: int = CREATE) -> bytes:
    return call(10, update, place, text=id)


def change_create(how: int, value: bytes = b"", create: int = CREATE) -> bytes:
    return call(11, create, how, text=value)


def send_create(client: int = CLIENT, create: int = CREATE, place: int = PROJECT, *error: int) -> bytes:
    return call(12, client, create, place, *error)


def delete(id: bytes, client: int = CLIENT, wanted: int = 1, place: int = DELETED, *error: int) -> bytes:
    """Of the source that the first half of the id spells."""
    return call(13, client, wanted, place, *error, text=id)


def change(how: int, *more: int, value: bytes = b"", update: int = UPDATE) -> bytes:
    return call(15, update, how, *more, text=value)


def send_with(
    id: bytes,
    max_attempts: int = 1,
    deadline: int = 5,
    client: int = CLIENT,
    update: int = UPDATE,
    place: int = PROJECT,
    *error: int,
) -> bytes:
    """A deadline of 5 is the client's."""
    return call(14, max_attempts, deadline, client, update, place, *error, text=id)


def everything_set(of: int = UPDATE) -> bytes:
    parts = [
        change(0, value=b"A name", update=of),
        change(1, value=b"2025-01-15", update=of),
        change(2, 20, 2, 28, update=of),
        change(3, value=b"18000.10", update=of),
        change(4, update=of),
        change(5, update=of),
        change(6, value=b"fee", update=of),
        change(7, 20 + 3, update=of),
        change(8, 1, value=b"12.5", update=of),
        change(9, 1, value=b"own", update=of),
        change(10, update=of),
        change(11, value=b"WO-1", update=of),
    ]
    return b"".join(parts)


def creatable() -> bytes:
    """An update of what a create needs: a name, and a client, whose id is the field's name."""
    return update(b"SAP") + change(0, value=b"A name") + change(8, 0, value=b"client_id")


def plays() -> Iterator[tuple[str, bytes]]:
    live = config() + client()
    yield "an_update", live + update(b"SAP") + change(0, value=b"N") + validate() + send(b"P-42") + ask()
    yield "an_update_with_options", live + update(b"SAP") + change(0, value=b"N") + send_with(b"P-42") + ask()
    yield (
        "an_update_with_a_negative_deadline",
        live
        + update(b"SAP")
        + change(0, value=b"N")
        + send_with(b"P-42", 1, 0, CLIENT, UPDATE, PROJECT, ERROR)
        + ask(),
    )
    yield (
        "an_update_of_nobody",
        live + update(b"SAP") + change(0, value=b"N") + send(b"nobody", CLIENT, UPDATE, PROJECT, ERROR) + ask(),
    )
    yield "every_setter", update(b"SAP") + everything_set() + validate()
    yield "every_setter_on_nothing", everything_set(EMPTY)
    yield "every_setter_on_no_handle", everything_set(WRONG)
    yield "every_setter_on_another_handle", config(OTHER) + everything_set(OTHER)
    yield "every_setter_after_free", update(b"SAP") + free(UPDATE) + everything_set()
    refused = b"".join(
        [
            change(0, value=b"\xff\xfe"),
            change(1, value=b"2025-02-30"),
            change(2, 20, 13, 1),
            change(3, value=b"1e999999"),
            change(6, value=b""),
            change(7, 0),
            change(8, 0, value=b"nmae"),
            change(9, 0, value=b"{]"),
            change(11, value=b"\xc0\x80"),
        ]
    )
    yield (
        "every_refusal_at_once",
        update(b"") + refused + validate(UPDATE, ERROR) + ask() + ask(issue=3) + ask(issue=255),
    )
    yield (
        "an_update_that_cannot_be_sent",
        live + update(b"SAP") + refused + send(b"P-1", CLIENT, UPDATE, PROJECT, ERROR) + ask(),
    )
    for name, id in [("dots", b".."), ("nul", b"a\0b"), ("slashes", b"a/b?c#d"), ("no_text", b"\xff"), ("empty", b"")]:
        # What cannot be an id ends in an error, what only looks odd in a project that is not there.
        yield (
            f"an_id_of_{name}",
            live + update(b"SAP") + change(0, value=b"N") + send(id, CLIENT, UPDATE, PROJECT, ERROR),
        )
    yield "options", config() + b"".join(
        configure(how, value)
        for how, value in [
            (0, b"t"), (1, b"/nothing"), (202, b""), (3, b""), (4, b""), (25, b""), (6, b"http://p:1"), (7, b"direct"),
            (8, b"/nothing"), (9, b"u/1"),
        ]
    )  # fmt: skip
    yield (
        "options_refused",
        config()
        + b"".join(
            configure(how, value)
            for how, value in [
                (0, b"\xff"),
                (1, b"\xff"),
                (2, b""),
                (0, b"a b"),
                (5, b""),
                (6, b"\xff"),
                (7, b"\xff"),
                (7, b"curl"),
                (8, b"\xff"),
                (9, b"\xff"),
            ]
        )
        + client(CONFIG, CLIENT, ERROR)
        + ask(),
    )
    for name, place in [("nothing", EMPTY), ("no_handle", WRONG)]:
        yield f"options_of_{name}", b"".join(configure(how, b"v", place) for how in range(10))
    yield "a_client_of_nothing", client(EMPTY, CLIENT, ERROR) + client(WRONG, CLIENT, ERROR)
    yield "a_client_that_outlives_its_options", live + free(CONFIG) + update(b"SAP") + change(10) + send(b"P-1") + ask()
    yield "a_freed_client", live + free(CLIENT) + update(b"SAP") + send(b"P-1", CLIENT, UPDATE, PROJECT, ERROR) + ask()
    # What is created is deleted again: the files can be played twice. Six letters, of which three are the source.
    make = (
        create(b"SAP-07") + change_create(0, b"B-1") + change_create(1, b"PR-1") + change_create(3) + change_create(4)
    )
    yield "a_create_and_a_delete", live + creatable() + make + send_create() + ask() + delete(b"SAP-07") + ask()
    yield (
        "a_create_of_what_exists",
        live
        + creatable()
        + create(b"SAP-08")
        + change_create(0, b"B")
        + send_create()
        + (send_create(CLIENT, CREATE, PROJECT, ERROR) + ask() + delete(b"SAP-08") + ask()),
    )
    yield (
        "a_create_without_what_it_needs",
        live
        + update(b"P")
        + create(b"SAP-09")
        + change_create(3)
        + send_create(CLIENT, CREATE, PROJECT, ERROR)
        + ask(),
    )
    for name, place in [("nothing", EMPTY), ("no_handle", WRONG)]:
        yield (
            f"a_create_of_{name}",
            create(b"SAP-09", place)
            + b"".join(change_create(how, b"v", place) for how in range(5))
            + change_create(3)
            + send_create(EMPTY, place, PROJECT, ERROR),
        )
    yield (
        "a_brand_of_no_text",
        creatable() + create(b"SAP-09") + change_create(0, b"\xff") + change_create(2) + change_create(4),
    )
    yield (
        "a_delete_of_nobody",
        live + delete(b"nobody", CLIENT, 1, DELETED, ERROR) + ask() + delete(b"", CLIENT, 0, DELETED, ERROR),
    )
    yield (
        "a_delete_that_wants_no_answer",
        live
        + creatable()
        + create(b"SAP-07")
        + change_create(0, b"B")
        + (send_create() + delete(b"SAP-07", CLIENT, 0) + ask()),
    )
    sap = update(b"SAP") + change(0, value=b"N")
    rows = push() + push(BULK, UPDATE, b"") + wants_rows()
    yield "a_run", live + sap + bulk() + wants_rows() + rows + end_input() + wants_rows() + next_item() * 3 + push()
    yield "a_run_that_creates", live + creatable() + bulk(1) + push(id=b"SAP-71") + next_item() * 2 + delete(b"SAP-71")
    yield "a_run_that_is_stopped", live + sap + bulk() + push() * 3 + stop() + next_item() * 5
    yield "a_run_that_outlives_its_client", live + sap + bulk() + free(CLIENT) + push() + free(UPDATE) + next_item() * 2
    yield "a_run_that_is_freed_at_work", live + sap + bulk() + push() * 20 + free(BULK) + next_item() + wants_rows()
    yield (
        "a_run_of_nothing",
        bulk(0, EMPTY, BULK, ERROR)
        + b"".join([push(EMPTY), end_input(EMPTY), stop(EMPTY), next_item(EMPTY), wants_rows(EMPTY), next_item(WRONG)]),
    )
    yield (
        "rows_of_nothing",
        live + bulk() + push(BULK, EMPTY) + push(BULK, WRONG) + push(BULK, CLIENT) + next_item() * 4,
    )
    yield "questions_to_nothing", ask(EMPTY, EMPTY, 0, EMPTY, 255, 255) + ask(WRONG, WRONG, 0, WRONG, 0, 0)
    yield "questions_to_another_handle", update(b"SAP", OTHER) + ask(OTHER, OTHER, 0, OTHER) + validate(WRONG, ERROR)
    yield "every_handle_freed_twice", live + sap + create(b"SAP-09") + bulk() + b"".join(free(n) for n in range(10)) * 2
    yield (
        "handles_that_replace_one_another",
        config(0) + update(b"S", 0) + create(b"P", 0, 0) + config(0) + client(0, 0),
    )
    yield "an_end_in_the_middle_of_a_text", bytes([39]) + b"SA"
    yield "an_end_in_the_middle_of_a_call", live + bytes([0, 3, CLIENT])


def main() -> None:
    folder = Path(sys.argv[1])
    for old in folder.iterdir():
        old.unlink()
    for name, data in plays():
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
