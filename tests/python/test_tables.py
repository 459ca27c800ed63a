"""Tables: pandas, polars, pyarrow, and anything else that speaks Arrow. None of them is needed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import projectcor
import pytest
from common import SOURCE
from projectcor.testing import Sandbox

IDS = ["P-1", "P-2", "P-3"]


@pytest.fixture(autouse=True)
def projects(cor: Sandbox) -> None:
    cor.seed([{"id": id, "source": SOURCE, "name": "before", "brief": "kept"} for id in IDS])


def pandas() -> Any:
    return pytest.importorskip("pandas")


def polars() -> Any:
    return pytest.importorskip("polars")


def pyarrow() -> Any:
    return pytest.importorskip("pyarrow")


class Stream:
    """What speaks Arrow and is nothing else: a relation of DuckDB, a table of arro3, ..."""

    def __init__(self, table: Any) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


COLUMNS = {
    "id": IDS,
    "name": ["a", None, "c"],
    "start": [date(2025, 1, 15), None, date(1969, 12, 31)],
    "estimated": [Decimal("18000.10"), None, Decimal("0.05")],
    "estimated_time": [0.1, None, 250.0],
    "billable": [True, None, False],
}

MAKERS: dict[str, Callable[[], Any]] = {
    "pandas": lambda: pandas().DataFrame(COLUMNS),
    "pandas with types of its own": lambda: pandas().DataFrame(COLUMNS).convert_dtypes(),
    "pandas by Arrow's types": lambda: (
        pyarrow() and pandas().DataFrame(COLUMNS).convert_dtypes(dtype_backend="pyarrow")
    ),
    "pandas with a datetime64": lambda: pandas().DataFrame(COLUMNS).astype({"start": "datetime64[s]"}),
    "pandas with categories": lambda: pandas().DataFrame(COLUMNS).astype({"name": "category"}),
    "pandas with an index": lambda: pandas().DataFrame(COLUMNS, index=["x", "y", "z"]),
    "pandas by a class of its own": lambda: type("Frame", (pandas().DataFrame,), {})(COLUMNS),
    "pandas with columns of objects": lambda: pandas().DataFrame(COLUMNS).astype({"id": object, "billable": object}),
    "polars": lambda: polars().DataFrame(COLUMNS),
    "polars with a Datetime": lambda: polars().DataFrame(COLUMNS).cast({"start": polars().Datetime("ms")}),
    "polars with categories": lambda: polars().DataFrame(COLUMNS).cast({"name": polars().Categorical}),
    "polars in chunks": lambda: polars().concat(
        [polars().DataFrame(COLUMNS)[n : n + 1] for n in range(3)], rechunk=False
    ),
    "pyarrow table": lambda: pyarrow().table(COLUMNS),
    "pyarrow batches": lambda: pyarrow().table(COLUMNS).to_reader(max_chunksize=2),
    "pyarrow with a dictionary": lambda: dictionary_encoded(),
    "pyarrow with large and view types": lambda: (
        pyarrow()
        .table(COLUMNS)
        .set_column(0, "id", pyarrow().array(IDS, pyarrow().large_string()))
        .set_column(1, "name", pyarrow().array(COLUMNS["name"], pyarrow().string_view()))
    ),
    "any stream": lambda: Stream(pyarrow().table(COLUMNS)),
    "dicts": lambda: [dict(zip(COLUMNS, row)) for row in zip(*COLUMNS.values())],
}


def dictionary_encoded() -> Any:
    table = pyarrow().table(COLUMNS)
    return table.set_column(1, "name", table["name"].dictionary_encode())


def bodies(cor: Sandbox) -> dict[str, str]:
    return {request.path.rpartition("/")[2]: request.body.decode().partition('},"')[2] for request in cor.requests}


@pytest.mark.parametrize("kind", MAKERS)
def test_every_kind_of_table_sends_the_same(door: Any, cor: Sandbox, kind: str) -> None:
    table = MAKERS[kind]()
    items, summary = door.update_many(table, source=SOURCE)
    sent = bodies(cor)
    assert sent["P-1"] == ('name":"a","start":"2025-01-15","estimated_time":0.1,"billable":true,"estimated":18000.10}')
    assert sent["P-3"] in (
        'name":"c","start":"1969-12-31","estimated_time":250.0,"billable":false,"estimated":0.05}',
        # Arrow gives every decimal of a column the same number of digits.
        'name":"c","start":"1969-12-31","estimated_time":250.0,"billable":false,"estimated":0.0500}',
        # pandas' own types know whole numbers from others.
        'name":"c","start":"1969-12-31","estimated_time":250,"billable":false,"estimated":0.05}',
    )
    assert "P-2" not in sent, "nothing was given for it, so there was nothing to send"
    assert [(item.id, item.ok) for item in items if item.unchanged] == [("P-2", True)]
    assert summary == projectcor.Summary(read=3, applied=2, unchanged=1)
    assert sorted(item.index for item in items) == [0, 1, 2]


@pytest.mark.parametrize("library", [pandas, polars])
def test_row_of_a_frame_is_that_of_its_dict(client: projectcor.Client, cor: Sandbox, library: Any) -> None:
    # Columns that are read as Arrow between others: the problems of a row keep the order of the columns.
    columns = {
        "end": [datetime(2025, 1, 1, 12), datetime(2025, 1, 1, 0, 0, 0, 500_000), datetime(2025, 3, 1)],
        "id": IDS,
        "start": [date(2025, 2, 1)] * 3,
        "estimated": [Decimal("1.50"), Decimal("2.50"), None],
        "name": ["N/A", "b", "\u00e9" * 300],
        "brief": ["x", "", None],
        "billable": [True, False, True],
        "estimated_time": [7, -1, 2**53 + 1],
        "source": [None, SOURCE, SOURCE],
    }
    rows = [dict(zip(columns, row)) for row in zip(*columns.values())]

    def outcome(table: Any) -> tuple[list[str], dict[str, str]]:
        cor.clear_requests()
        with pytest.warns(UserWarning, match="is sent as text"):
            items = sorted(client.projects.update_many(table, source=SOURCE), key=lambda item: item.index)
        return [str(item.error) for item in items], bodies(cor)

    assert outcome(library().DataFrame(columns)) == outcome(rows)


@pytest.mark.parametrize("library", [pandas, polars])
def test_nothing_keeps(door: Any, cor: Sandbox, library: Any) -> None:
    nan = float("nan")
    frame = library().DataFrame({"id": IDS, "name": ["n"] * 3, "estimated": [nan, 1.5, None], "brief": [None] * 3})
    _, summary = door.update_many(frame, source=SOURCE)
    assert summary.applied == 3
    assert bodies(cor) == {"P-1": 'name":"n"}', "P-2": 'name":"n","estimated":1.5}', "P-3": 'name":"n"}'}
    stored = cor.project(SOURCE, "P-1")
    assert stored is not None
    assert stored.fields["brief"] == "kept"


def test_numbers_of_every_width_are_sent_exactly(client: projectcor.Client, cor: Sandbox) -> None:
    pa = pyarrow()
    wide = {
        "int8": -1,
        "int16": -1,
        "int32": -1,
        "int64": -(2**63),
        "uint8": 255,
        "uint16": 1,
        "uint32": 1,
        "uint64": 2**64 - 1,
    }
    for type_name, value in wide.items():
        table = pa.table({"id": ["P-1"], "estimated": pa.array([value], getattr(pa, type_name)())})
        (item,) = client.projects.update_many(table, source=SOURCE)
        assert item.ok, item.error
        assert bodies(cor)["P-1"] == f'estimated":{value}}}'
    for precision, scale, text in [
        (5, 2, "123.40"),
        (38, 10, "-1234567890123456789012345678.0123456789"),
        (76, 0, "9" * 70),
    ]:
        kind = pa.decimal256(precision, scale) if precision > 38 else pa.decimal128(precision, scale)
        table = pa.table({"id": ["P-1"], "estimated": pa.array([Decimal(text)], kind)})
        (item,) = client.projects.update_many(table, source=SOURCE)
        assert item.ok, item.error
        assert bodies(cor)["P-1"] == f'estimated":{text}}}'


REFUSED = [
    ("id", [1.0, 2.0, 3.0], "index 0: id: 1.0 has a decimal point, so the exact spelling"),
    ("id", [1, 2, 3], 'index 0: id: 1 is a number; pass the id as text, "1" (007 and 7 are different ids)'),
    ("estimated", ["1", "2", "3"], 'index 0: estimated: the text "1" has the wrong type; pass the number 1'),
    ("estimated", [True, True, False], "index 0: estimated: the boolean true has the wrong type; pass a number"),
    ("billable", ["false"] * 3, 'index 0: billable: the text "false" has the wrong type; pass true or false'),
    ("end", [datetime(2025, 1, 1, 12)] * 3, "has a time of day, and the field takes only a date"),
    ("end", [datetime(2025, 1, 1, tzinfo=timezone.utc)] * 3, "has a time of day, and the field takes only a date"),
    ("name", [b"x"] * 3, "cannot be the value of a field"),
]


@pytest.mark.parametrize("library", [pandas, polars])
@pytest.mark.parametrize(("column", "values", "says"), REFUSED, ids=lambda x: repr(x)[:30])
def test_invalid_cells_are_refused_by_row_and_column(
    client: projectcor.Client, cor: Sandbox, library: Any, column: str, values: list[Any], says: str
) -> None:
    table = library().DataFrame({"id": IDS, "name": ["N"] * 3, column: values})
    items = sorted(client.projects.update_many(table, source=SOURCE), key=lambda item: item.index)
    assert len(items) == 3
    assert cor.requests == []
    text = str(items[0].error)
    assert text.startswith(f"index 0: {column}: ")
    assert says in text
    assert {item.error.kind for item in items if item.error} == {"invalid"}


def test_types_that_no_row_can_satisfy_are_refused_together_before_a_row_is_read(
    client: projectcor.Client, cor: Sandbox
) -> None:
    pa = pyarrow()
    columns = {
        "id": pa.array([1.0]),
        "name": pa.array([{"first": "N"}]),
        "end": pa.array([datetime(2025, 1, 1, tzinfo=timezone.utc)]),
        "estimated": pa.array(["1"]),
        "billable": pa.array(["true"]),
        "archived": pa.array([1]),
        "brief": pa.array([None]),
        "status": pa.array([b"x"]),
        "start": pa.array(["2025-01-01"]),
    }
    with pytest.raises(projectcor.TableError) as refused:
        client.projects.update_many(pa.table(columns), source=SOURCE)
    assert str(refused.value).split("; the ") == [
        (
            'the column "id" is a floating-point number and holds the external ids; cast the column to text, as the '
            "ids are spelt in their source"
        ),
        (
            'column "name" is Struct("first": Utf8) and sets name, which is text; cast the column to text, or ignore '
            'the column "name"'
        ),
        (
            'column "end" is a timestamp with a time zone and sets end, which is a day; set day_in= to the time zone '
            "whose day counts, such as UTC, or cast the column to a date"
        ),
        (
            'column "estimated" is text and sets estimated, which is a number; cast the column to a decimal, or set '
            "decimal= to the decimal sign of its texts"
        ),
        'column "billable" is text and sets billable, which is true or false; cast the column to a boolean',
        'column "archived" is an integer and sets archived, which is true or false; cast the column to a boolean',
        (
            'column "status" is Binary and sets status, which is text; cast the column to text, or ignore the column '
            '"status"'
        ),
    ]
    assert cor.requests == []


@pytest.mark.filterwarnings("default:update_many:UserWarning")
def test_types_that_options_make_right_are_accepted(client: projectcor.Client, cor: Sandbox) -> None:
    pa = pyarrow()
    noon = datetime(2025, 1, 1, 23, 30, tzinfo=timezone.utc)
    columns = {
        "id": pa.array(["P-1"]),
        "end": pa.array([noon]),
        "estimated": pa.array(["1,5"]),
        "estimated_time": pa.array([0.1], pa.float32()),
        "extra": pa.array([{"a": 1}]),
    }
    options: Any = {"day_in": "Europe/Madrid", "decimal": ",", "ignore": "extra"}
    with pytest.warns(UserWarning, match="estimated_time is sent from a floating-point number with 32 bits"):
        (item,) = client.projects.update_many(pa.table(columns), source=SOURCE, **options)
    assert item.ok, item.error
    assert bodies(cor)["P-1"] == 'end":"2025-01-02","estimated_time":0.1,"estimated":1.5}'
    with pytest.raises(projectcor.TableError, match=r'"extra" is Struct.*extra fields are passed with rows of dicts'):
        client.projects.update_many(pa.table(columns), source=SOURCE, day_in="UTC", decimal=",")


def test_integers_of_a_typed_table_are_ids(client: projectcor.Client, cor: Sandbox) -> None:
    pa = pyarrow()
    cor.seed([{"id": "5", "source": SOURCE, "name": "before"}])
    table = pa.table({"id": pa.array([5], pa.int64()), "client_id": pa.array([7]), "name": ["N"]})
    (item,) = client.projects.update_many(table, source=SOURCE)
    assert item.ok, item.error
    assert bodies(cor)["5"] == 'name":"N","client_id":"7"}'


def test_constants_of_a_mapping_do_not_count_against_a_type(
    client: projectcor.Client, cor: Sandbox, tmp_path: Path
) -> None:
    pa = pyarrow()
    mapping = tmp_path / "m.toml"
    mapping.write_text('[fields]\nstart = { constant = "2025-01-01" }\n', encoding="utf-8")
    table = pa.table({"id": ["P-1"], "end": [date(2026, 1, 1)]})
    result = client.projects.sync(table, source=SOURCE, mapping=mapping, state=False)
    assert result.applied == 1
    assert bodies(cor)["P-1"] == 'start":"2025-01-01","end":"2026-01-01"}'


def test_types_of_ids_sources_and_references_are_judged_too(client: projectcor.Client, cor: Sandbox) -> None:
    pa = pyarrow()
    columns = {
        "id": pa.array([Decimal("7.00")]),
        "name": ["N"],
        "source": [1],
        "brand_id": [datetime(2025, 1, 1)],
        "product_id": [[1]],
    }
    with pytest.raises(projectcor.TableError) as refused:
        client.projects.update_many(pa.table(columns), source=SOURCE, create_missing=True)
    for says in (
        'the column "id" is a decimal with 2 places and holds the external ids; cast the column to text',
        'the column "source" is an integer and names the source of each row; cast the column to text',
    ):
        assert says in str(refused.value)
    for name in ("brand_id", "product_id"):
        table = pa.table({"id": ["new"], "name": ["N"], name: columns[name]})
        with pytest.raises(projectcor.TableError, match=f'the column "{name}" is .* and sets {name}; cast'):
            client.projects.sync(table, source=SOURCE, create_missing=True, state=False)
    assert cor.requests == []


def test_null_clears_the_columns_that_clear_nulls_names(client: projectcor.Client, cor: Sandbox) -> None:
    pa = pyarrow()
    table = pa.table({"id": ["P-1", "P-2"], "brief": [None, "B"], "name": pa.array([None, None], pa.string())})
    items = list(client.projects.update_many(table, source=SOURCE, clear_nulls=["brief"]))
    assert all(item.ok for item in items), [item.error for item in items]
    assert bodies(cor) == {"P-1": 'brief":null}', "P-2": 'brief":"B"}'}
    plan = client.projects.plan(table, source=SOURCE, clear_nulls="brief", mapping={"name": "name"}, state=False)
    assert {change.id: change.to_dict() for change in plan.changes} == {"P-1": {"brief": None}, "P-2": {"brief": "B"}}
    with pytest.raises(projectcor.TableError, match='clear_nulls "breif" sets no field; did you mean "brief"'):
        client.projects.update_many(table, source=SOURCE, clear_nulls="breif")
    with pytest.raises(projectcor.TableError, match='clear_nulls names a column "end" that the input does not have'):
        client.projects.update_many(table, source=SOURCE, clear_nulls="end")


@pytest.mark.parametrize("library", [pandas, polars])
def test_nulls_of_a_frame_clear_as_those_of_its_dicts(client: projectcor.Client, cor: Sandbox, library: Any) -> None:
    rows = [{"id": "P-1", "brief": None, "estimated": 1.0}, {"id": "P-2", "brief": "B", "estimated": None}]
    options: Any = {"source": SOURCE, "clear_nulls": ["brief", "estimated"]}
    assert all(item.ok for item in client.projects.update_many(library().DataFrame(rows), **options))
    of_frame = bodies(cor)
    assert all(item.ok for item in client.projects.update_many(rows, **options))
    assert bodies(cor) == of_frame == {"P-1": 'brief":null,"estimated":1.0}', "P-2": 'brief":"B","estimated":null}'}


@pytest.mark.parametrize("library", [pandas, polars, pyarrow])
def test_invalid_columns_end_the_call_before_it_begins(client: projectcor.Client, cor: Sandbox, library: Any) -> None:
    columns = {"opportunity": IDS, "nmae": ["N"] * 3, "estimated": [1.0] * 3}
    table = library().table(columns) if library is pyarrow else library().DataFrame(columns)
    with pytest.raises(projectcor.TableError) as refused:
        client.projects.update_many(table, source=SOURCE)
    for says in (
        'no column is called "id"; columns are opportunity, nmae, estimated; pass id_column',
        "with the name of the column",
        'no field is called "opportunity"',
        'no field is called "nmae"; did you mean `name`?; ignore the column with ignore="nmae"',
    ):
        assert says in str(refused.value)
    with pytest.raises(projectcor.TableError, match="nmae"):
        client.projects.update_many(table, source=SOURCE, id_column="opportunity")
    assert cor.requests == []


def test_column_of_sources_sets_each_row_s_source(door: Any, cor: Sandbox) -> None:
    for library in (pandas, polars):
        cor.clear_requests()
        frame = library().DataFrame({"id": IDS, "source": [SOURCE, "SAP", None], "name": ["N"] * 3})
        _, summary = door.update_many(frame, source=SOURCE)
        assert (summary.applied, summary.failed) == (2, 1)
        assert sorted(request.json()["metadata"]["source"] for request in cor.requests) == sorted(
            [SOURCE, SOURCE, "SAP"]
        )


@pytest.mark.parametrize("library", [pandas, polars])
def test_column_of_extras_is_sent(client: projectcor.Client, cor: Sandbox, library: Any) -> None:
    frame = library().DataFrame({"id": IDS, "name": ["n"] * 3, "extra": [{"team": 1}] * 3})
    assert all(item.ok for item in client.projects.update_many(frame, source=SOURCE))
    assert bodies(cor) == dict.fromkeys(IDS, 'name":"n","team":1}')


def test_length_of_a_frame_is_the_total_of_its_progress(client: projectcor.Client) -> None:
    for table in (pandas().DataFrame(COLUMNS), polars().DataFrame(COLUMNS), pyarrow().table(COLUMNS)):
        totals = []
        list(client.projects.update_many(table, source=SOURCE, on_progress=lambda p: totals.append(p.total)))  # noqa: B023
        assert set(totals) == {3}


def test_a_lazy_frame_is_refused_with_the_fix(client: projectcor.Client) -> None:
    with pytest.raises(TypeError, match=r"collect\(\)"):
        client.projects.update_many(polars().DataFrame(COLUMNS).lazy(), source=SOURCE)


def test_two_columns_of_one_name_are_refused(client: projectcor.Client) -> None:
    frame = pandas().DataFrame([["P-1", "a", "b"]], columns=["id", "name", "name"])
    with pytest.raises(projectcor.InvalidUpdateError, match='two columns are called "name"'):
        client.projects.update_many(frame, source=SOURCE)


def test_none_of_the_libraries_is_imported() -> None:
    code = """
import sys, projectcor, projectcor.testing
with projectcor.testing.Sandbox() as cor, cor.client() as client:
    list(client.projects.update_many([{"id": "x", "name": "N"}], source="S"))
assert not {"pandas", "polars", "pyarrow", "numpy", "tqdm", "rich"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_table_that_needs_python_while_it_is_read_is_read(tmp_path: Path) -> None:
    """A dataset whose file is a Python object is read by threads that wait for the interpreter."""
    pyarrow()
    program = """
import sys, projectcor, projectcor.testing, pyarrow, pyarrow.dataset, pyarrow.fs, pyarrow.parquet
table = pyarrow.table({"id": [f"Q-{n}" for n in range(4000)], "name": ["N"] * 4000})
pyarrow.parquet.write_table(table, sys.argv[1], row_group_size=500)

class Handler(pyarrow.fs.FSSpecHandler):
    def __init__(self): self.local = pyarrow.fs.LocalFileSystem()
    def get_type_name(self): return "python"
    def normalize_path(self, path): return path
    def get_file_info(self, paths): return self.local.get_file_info(paths)
    def open_input_file(self, path): return pyarrow.PythonFile(open(path, "rb"), mode="r")
    open_input_stream = open_input_file

files = pyarrow.fs.PyFileSystem(Handler())
dataset = pyarrow.dataset.dataset(sys.argv[1], filesystem=files, format="parquet")
reader = dataset.scanner(batch_size=100, batch_readahead=1, fragment_readahead=1).to_reader()
with projectcor.testing.Sandbox() as cor, cor.client() as client:
    results = client.projects.update_many(reader, source="SAP")
    print(sum(1 for _ in results), results.summary.failed)
"""
    ran = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "table.parquet")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.stdout.split() == ["4000", "4000"], ran.stderr


def test_columns_of_text_may_be_cells(door: Any, cor: Sandbox) -> None:
    pyarrow()
    table = pyarrow().table({"id": IDS, "name": ["a", "", "c"], "estimated": ["1.50", "2", ""]})
    items, _ = door.update_many(Stream(table), source=SOURCE, text_cells=True)
    assert all(item.ok for item in items), [item.error for item in items]
    stored = [cor.project(SOURCE, id) for id in IDS]
    assert [project and project.fields["name"] for project in stored] == ["a", "before", "c"]
    assert [project and str(project.fields.get("estimated")) for project in stored] == ["1.50", "2", "None"]


@pytest.mark.parametrize("library", [pandas, polars])
def test_single_column_is_refused(door: Any, library: Callable[[], Any]) -> None:
    with pytest.raises(TypeError, match="rows is a Series, which is one column; pass a table"):
        door.update_many(library().Series(["a"]), source=SOURCE)


def test_arrow_interface_is_preferred(door: Any) -> None:
    """Though it has rows to iterate over as well, in whatever order of whatever columns."""

    class Both(Stream):
        columns = ("other",)

        def iter_rows(self) -> Any:
            raise AssertionError("not asked for")

    items, _ = door.update_many(Both(pyarrow().table({"id": IDS, "name": ["a", "b", "c"]})), source=SOURCE)
    assert [item.ok for item in items] == [True] * 3


ZONED: dict[str, Callable[[Any], Any]] = {
    "pandas": lambda ends: pandas().DataFrame(
        {"id": IDS[:2], "end": pandas().to_datetime(ends).tz_localize("Europe/Madrid")}
    ),
    "polars": lambda ends: polars().DataFrame(
        {"id": IDS[:2], "end": polars().Series(ends).dt.replace_time_zone("Europe/Madrid")}
    ),
    "pyarrow": lambda ends: zoned_table(ends, "Europe/Madrid"),
    "pyarrow, nanoseconds": lambda ends: zoned_table(ends, "Europe/Madrid", "ns"),
    "pyarrow, an offset": lambda ends: zoned_table(ends, "+02:00"),
    "pyarrow, a dictionary": lambda ends: zoned_table(ends, "Europe/Madrid", encoded=True),
    "another library": lambda ends: Stream(zoned_table(ends, "Europe/Madrid")),
}


def zoned_table(ends: list[datetime], zone: str, unit: str = "us", *, encoded: bool = False) -> Any:
    pa = pyarrow()
    column = pa.array([end - timedelta(hours=2) for end in ends], pa.timestamp(unit, zone))
    return pa.table({"id": IDS[:2], "end": column.dictionary_encode() if encoded else column})


@pytest.mark.parametrize("kind", ZONED)
def test_as_written_takes_the_day_of_the_columns_own_time_zone(
    client: projectcor.Client, cor: Sandbox, kind: str
) -> None:
    table = ZONED[kind]([datetime(2025, 4, 30), datetime(2025, 4, 30, 23, 30)])
    for zone, days in (("as_written", ["2025-04-30"] * 2), ("UTC", ["2025-04-29", "2025-04-30"])):
        cor.clear_requests()
        items = list(client.projects.update_many(table, source=SOURCE, day_in=zone))
        assert all(item.ok for item in items), items
        sent = {request.path.rsplit("/", 1)[-1]: request.json()["end"] for request in cor.requests}
        assert [sent[id] for id in IDS[:2]] == days


def test_a_column_in_an_unknown_time_zone_is_refused(client: projectcor.Client, cor: Sandbox) -> None:
    table = zoned_table([datetime(2025, 4, 30)] * 2, "Mars/Base")
    item, _ = client.projects.update_many(table, source=SOURCE, day_in="as_written")
    assert 'end: the time zone "Mars/Base" of the column is not known; cast the column to UTC' in str(item.error)
    assert cor.requests == []
