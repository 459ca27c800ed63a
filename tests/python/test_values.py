"""Values as Python people have them: what goes through exactly, what keeps a field, what is refused and how."""

from __future__ import annotations

import collections
import copy
import csv
import dataclasses
import enum
import io
import pickle
import types
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, ClassVar

import projectcor
import pytest
from common import ID, SOURCE, body, call, sent
from projectcor import CLEAR, IncomeType, Json, ProjectUpdate
from projectcor.testing import Sandbox


class Word(str, enum.Enum):
    ACTIVE = "active"


class Level(enum.IntEnum):
    HIGH = 3


class Loud(int):
    def __repr__(self) -> str:
        return "loud"


def numpy(name: str, *arguments: Any) -> Any:
    return getattr(pytest.importorskip("numpy"), name)(*arguments)


def pandas(name: str, *arguments: Any) -> Any:
    found = getattr(pytest.importorskip("pandas"), name)
    return found(*arguments) if arguments else found


def masked(*arguments: Any) -> Any:
    """An array of numpy with a mask; without arguments `numpy.ma.masked`."""
    module = pytest.importorskip("numpy.ma")
    return module.array(arguments[0], mask=arguments[1]) if arguments else module.masked


def json_of(**fields: Any) -> str:
    """What would be sent for these fields, without the part that is always there."""
    text = ProjectUpdate(source="S", **fields).to_json()
    return text.removeprefix('{"metadata":{"source":"S"},').removesuffix("}")


@pytest.mark.parametrize(
    ("field", "value", "wire"),
    [
        ("estimated", 250, "250"),
        ("estimated", 0, "0"),
        ("estimated", -7, "-7"),
        ("estimated", 2**63 - 1, "9223372036854775807"),
        ("estimated", -(2**63), "-9223372036854775808"),
        ("estimated", 10**40, "1" + "0" * 40),
        ("estimated", Loud(10**20), "100000000000000000000"),
        ("estimated", Level.HIGH, "3"),
        ("estimated", 0.1, "0.1"),
        ("estimated", 250.0, "250.0"),
        ("estimated", 1e300, "1e300"),
        ("estimated", -0.0, "-0.0"),
        ("estimated", Decimal("18000.10"), "18000.10"),
        ("estimated", Decimal("1E+5"), "1E+5"),
        ("estimated", Decimal("0.1000000000000000000000000001"), "0.1000000000000000000000000001"),
        ("end", date(2025, 4, 30), '"2025-04-30"'),
        ("end", date(1, 1, 1), '"0001-01-01"'),
        ("end", datetime(2025, 4, 30), '"2025-04-30"'),
        ("end", "2025-04-30", '"2025-04-30"'),
        ("name", "", '""'),
        ("name", "né 😀\t", '"né 😀\\t"'),
        ("status", Word.ACTIVE, '"active"'),
        ("income_type", "fee", '"fee"'),
        ("income_type", IncomeType("fee"), '"fee"'),
        ("income_type", IncomeType("gift"), '"gift"'),
        ("billable", True, "true"),
        ("archived", False, "false"),
        ("brief", CLEAR, "null"),
    ],
    ids=repr,
)
def test_values_go_through_exactly(field: str, value: Any, wire: str) -> None:
    assert json_of(**{field: value}) == f'"{field}":{wire}'


@pytest.mark.parametrize(
    ("field", "make", "wire"),
    [
        ("estimated", lambda: numpy("int64", 9007199254740993), "9007199254740993"),
        ("estimated", lambda: numpy("uint64", 2**64 - 1), "18446744073709551615"),
        ("estimated", lambda: numpy("int8", -1), "-1"),
        ("estimated", lambda: numpy("float64", 0.1), "0.1"),
        ("estimated", lambda: numpy("float32", 0.5), "0.5"),
        ("estimated", lambda: numpy("float32", 18000.1), "18000.1"),
        ("estimated", lambda: numpy("float32", 123456792), "123456792.0"),
        ("estimated", lambda: numpy("float16", 4112), "4112.0"),
        ("billable", lambda: numpy("bool_", True), "true"),
        ("name", lambda: numpy("str_", "x"), '"x"'),
        ("end", lambda: numpy("datetime64", "2025-04-30"), '"2025-04-30"'),
        ("end", lambda: numpy("datetime64", "2025-04-30T00:00:00", "ns"), '"2025-04-30"'),
        ("end", lambda: numpy("datetime64", "2025-04-30T00", "12h"), '"2025-04-30"'),
        ("end", lambda: numpy("datetime64", "0001-01-01"), '"0001-01-01"'),
        ("end", lambda: numpy("datetime64", "9999-12-31T00:00", "m"), '"9999-12-31"'),
        ("end", lambda: numpy("array", "2025-04-30", "datetime64[ns]"), '"2025-04-30"'),
        ("end", lambda: pandas("Timestamp", "2025-04-30"), '"2025-04-30"'),
    ],
)
def test_scalars_of_numpy_and_pandas_are_sent_exactly(field: str, make: Any, wire: str) -> None:
    assert json_of(**{field: make()}) == f'"{field}":{wire}'


@pytest.mark.parametrize(
    "make",
    [
        lambda: None,
        lambda: float("nan"),
        lambda: numpy("float64", "nan"),
        lambda: numpy("datetime64", "NaT"),
        lambda: numpy("datetime64", "NaT", "M"),
        lambda: pandas("NaT"),
        lambda: pandas("NA"),
        lambda: Decimal("NaN"),
        lambda: Decimal("sNaN"),
        lambda: masked(),
        lambda: masked([5.0], True)[0],
        lambda: masked(5, True),
        lambda: masked("N", True),
    ],
    ids=[
        *("None", "NaN", "numpy NaN", "numpy NaT", "NaT of months", "NaT", "NA", "Decimal NaN", "signalling NaN"),
        *("masked", "masked element", "masked number", "masked text"),
    ],
)
def test_nothing_keeps(make: Any) -> None:
    fields = dict.fromkeys(projectcor.FIELDS, make())
    fields["name"] = "N"
    assert json_of(**fields) == '"name":"N"'


def test_a_mask_that_is_not_set_sends_its_value() -> None:
    assert json_of(estimated=masked(5, False)) == '"estimated":5'
    assert json_of(estimated=masked([5, 6], [True, False])[1]) == '"estimated":6'


def test_a_masked_value_clears_where_nulls_clear(door: Any, cor: Sandbox) -> None:
    rows = [{"id": ID, "name": "N", "estimated": masked(), "brief": masked()}]
    items, _ = door.update_many(rows, source=SOURCE, clear_nulls=["estimated"])
    assert items[0].ok, items[0].error
    assert sent(cor) == {"name": "N", "estimated": None}


@pytest.mark.parametrize(
    ("field", "make", "code", "says"),
    [
        ("estimated", lambda: True, "wrong_type", "the boolean true has the wrong type; pass a number"),
        ("estimated", lambda: numpy("bool_", True), "wrong_type", "the boolean true has the wrong type"),
        ("estimated", lambda: "250", "wrong_type", 'the text "250" has the wrong type; pass the number 250'),
        ("estimated", lambda: float("inf"), "not_finite", "pass a finite number"),
        ("estimated", lambda: 10**5000, "wrong_type", "could not be read: Exceeds the limit"),
        ("estimated", lambda: numpy("array", [5]), "wrong_type", "of type numpy.ndarray"),
        ("end", lambda: numpy("datetime64", "20000-01-01"), "not_a_date", "outside the years 1 to 9999"),
        ("end", lambda: numpy("datetime64", 2**61, "D"), "not_a_date", "outside the years 1 to 9999"),
        ("end", lambda: numpy("datetime64", -(2**61), "h"), "not_a_date", "outside the years 1 to 9999"),
        ("end", lambda: numpy("datetime64", 2**62, "ms"), "not_a_date", "outside the years 1 to 9999"),
        ("end", lambda: numpy("datetime64", 2**61, "25s"), "not_a_date", "outside the years 1 to 9999"),
        ("end", lambda: numpy("datetime64", "2025-04"), "not_a_date", "spans more than a day; pass the day that"),
        ("end", lambda: numpy("datetime64", "2025"), "not_a_date", "spans more than a day"),
        ("end", lambda: numpy("datetime64", "2025-04-30", "W"), "not_a_date", "spans more than a day"),
        ("end", lambda: numpy("datetime64", "2025-04-30", "7D"), "not_a_date", "spans more than a day"),
        ("end", lambda: numpy("array", "2025-04", "datetime64[M]"), "not_a_date", "spans more than a day"),
        ("end", lambda: numpy("datetime64", "2025-04-30T00:00:00.000000001", "ns"), "not_a_date", "has a time of day"),
        ("end", lambda: pandas("Timestamp", "2025-04-30T00:00:00.000000001"), "not_a_date", "has a time of day"),
        ("estimated", lambda: Decimal("-Infinity"), "not_finite", "pass a finite number"),
        ("estimated", lambda: 1j, "wrong_type", "of type complex"),
        ("billable", lambda: "false", "wrong_type", "pass true or false"),
        ("billable", lambda: 1, "wrong_type", "pass true or false"),
        ("archived", lambda: 0.0, "wrong_type", "pass true or false"),
        ("client_id", lambda: 7, "wrong_type", "007 and 7 are different ids"),
        ("client_id", lambda: 7.0, "wrong_type", "pass text"),
        ("name", lambda: b"N", "wrong_type", "b'N' of type bytes"),
        ("name", lambda: ["N"], "wrong_type", "of type list"),
        ("name", lambda: "\ud800", "not_allowed", "not valid Unicode"),
        ("name", lambda: date(2025, 1, 1), "wrong_type", "the date 2025-01-01 has the wrong type"),
        ("end", lambda: "30.04.2025", "not_a_date", "YYYY-MM-DD"),
        ("end", lambda: 20250430, "wrong_type", "pass a date"),
        (
            "end",
            lambda: datetime(2025, 4, 30, 13, 30),
            "not_a_date",
            "has a time of day, and the field takes only a date; pass a date such as",
        ),
        ("end", lambda: datetime(2025, 4, 30, tzinfo=timezone.utc), "not_a_date", "has a time of day"),
        ("end", lambda: pandas("Timestamp", "2025-04-30").tz_localize("UTC"), "not_a_date", "has a time of day"),
        ("end", lambda: timedelta(days=1), "wrong_type", "of type datetime.timedelta"),
        ("end", lambda: numpy("timedelta64", 1, "D"), "wrong_type", "timedelta"),
        ("income_type", lambda: "gift", "not_allowed", "use fee, one_time, hourly_rate or contract"),
    ],
)
def test_invalid_values_are_refused_with_a_remedy(field: str, make: Any, code: str, says: str) -> None:
    update = ProjectUpdate(source="S", **{field: make()})
    with pytest.raises(projectcor.InvalidUpdateError) as refused:
        update.validate()
    (issue,) = refused.value.issues
    assert (issue.field, issue.code) == (field, code)
    assert says in issue.message
    assert f"{field}: " in str(refused.value)


class Grumpy:
    """A value whose own code fails."""

    def __getattr__(self, name: str) -> Any:
        raise ZeroDivisionError("grumpy")

    def __repr__(self) -> str:
        raise ZeroDivisionError("grumpy")


class Money(Decimal):
    """A decimal as some libraries have their own."""

    def __str__(self) -> str:
        return f"{super().__str__()} EUR"


def test_a_decimal_of_another_class_is_a_decimal() -> None:
    assert json_of(estimated=Money("18000.10")) == '"estimated":18000.10'
    assert json_of(name="N", estimated=Money("NaN")) == '"name":"N"'


@dataclasses.dataclass
class WithMore:
    """A dataclass with what is no field of its instances."""

    kind: ClassVar[str] = "deal"
    id: str
    name: str
    note: dataclasses.InitVar[str] = ""


def test_dataclass_attributes_that_are_not_fields_are_not_sent(door: Any, cor: Sandbox) -> None:
    items, _ = door.update_many([WithMore(ID, "N")], source=SOURCE)
    assert items[0].ok, items[0].error
    assert sent(cor) == {"name": "N"}


def test_cells_are_read_by_the_type_of_their_field(door: Any, cor: Sandbox) -> None:
    file = io.StringIO("id,source,name,brief,end,estimated,billable\n" + f"{ID},,007,,2025-04-30,18000.10,true\n")
    items, _ = door.update_many(csv.DictReader(file), source=SOURCE, text_cells=True)
    assert items[0].ok, items[0].error
    assert body(cor) == (
        '{"metadata":{"source":"SALESFORCE"},"name":"007","end":"2025-04-30","billable":true,"estimated":18000.10}'
    )


def test_a_row_with_more_cells_than_the_header_is_rejected(door: Any, cor: Sandbox) -> None:
    says = "row: the row has more cells than the header; put quotation marks around a value that contains the delimiter"
    text = f"id,name,brief\n{ID},Smith, Inc,desc\n{ID},Short\n"
    pairs: list[Any] = [(ID, {"name": "Smith", None: ["desc"]}), (ID, {"name": "Short"})]
    for rows in (list(csv.DictReader(io.StringIO(text))), pairs):
        items, summary = door.update_many(rows, source=SOURCE, text_cells=True)
        items = sorted(items, key=lambda item: item.index)
        assert says in str(items[0].error)
        assert items[1].ok, "a row with fewer cells keeps the other fields"
        assert (summary.rejected, summary.applied) == (1, 1)
        assert sent(cor) == {"name": "Short"}
    result = call(door, "sync", csv.DictReader(io.StringIO(text)), source=SOURCE, state=False, text_cells=True)
    assert (result.rejected, result.applied) == (1, 1)
    assert says in str(result.problems[0])
    assert [request.json()["name"] for request in cor.requests] == ["Short"] * 3


def test_cells_are_read_in_every_kind_of_row(door: Any, cor: Sandbox) -> None:
    rows: list[Any] = [(ID, {"name": "N", "brief": "", "estimated": "5"}), {"id": ID, "brief": CLEAR, "estimated": 6}]
    items, _ = door.update_many(rows, source=SOURCE, text_cells=True)
    assert all(item.ok for item in items)
    assert [request.json() for request in cor.requests] == [
        {"metadata": {"source": SOURCE}, "name": "N", "estimated": 5},
        {"metadata": {"source": SOURCE}, "brief": None, "estimated": 6},
    ]


def test_text_of_an_update_stays_text_with_text_cells(door: Any, cor: Sandbox) -> None:
    items, _ = door.update_many([ProjectUpdate(id=ID, source=SOURCE, brief="")], text_cells=True)
    assert items[0].ok, items[0].error
    assert sent(cor) == {"brief": ""}


@pytest.mark.parametrize(("field", "text"), [("estimated", "250"), ("estimated", ""), ("billable", "true")])
def test_text_in_place_of_a_number_points_to_cells(door: Any, cor: Sandbox, field: str, text: str) -> None:
    items, _ = door.update_many([{"id": ID, field: text}], source=SOURCE)
    assert items[0].error.kind == "invalid"
    assert str(items[0].error).endswith("; where all values are text, as in a CSV file, pass text_cells=True")
    assert cor.requests == []


def test_misplaced_arguments_are_type_errors(door: Any, cor: Sandbox) -> None:
    with pytest.raises(TypeError, match="update must be a ProjectUpdate, not dict; pass the fields as keywords"):
        door.update(ID, {"name": "N"}, source=SOURCE)
    with pytest.raises(TypeError, match="source must be text, for example SALESFORCE, not int"):
        door.update(ID, source=5, name="N")
    with pytest.raises(TypeError, match="source must be text"):
        door.update_many([{"id": ID, "name": "N"}], source=5)
    refused = r"metadata\.source: .* an unpaired surrogate"
    with pytest.raises(projectcor.InvalidUpdateError, match=refused):
        door.update(ID, source="\ud800", name="N")
    with pytest.raises(projectcor.InvalidUpdateError, match=refused):
        door.update_many([], source="\ud800")
    assert cor.requests == []


def test_every_problem_is_reported_at_once() -> None:
    given: Any = {"source": "", "start": "2025-05-01", "end": "2025-04-01", "estimated": "1", "billable": "false"}
    update = ProjectUpdate(**given)
    with pytest.raises(projectcor.InvalidUpdateError) as refused:
        update.validate()
    assert [issue.field for issue in refused.value.issues] == ["estimated", "billable", "metadata.source", "start"]


def test_typo_is_refused_with_the_nearest_name(client: projectcor.Client, cor: Sandbox) -> None:
    with pytest.raises(projectcor.InvalidUpdateError, match=r"`estimated_time`"):
        client.projects.update(ID, source=SOURCE, estimated_tme=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    assert cor.requests == []


def test_a_range_that_ends_before_it_starts_has_the_servers_kind() -> None:
    with pytest.raises(projectcor.InvalidDateRangeError):
        ProjectUpdate(source="S", start="2025-05-01", end="2025-04-01").validate()


def test_decimals_arrive_digit_for_digit(client: projectcor.Client, cor: Sandbox) -> None:
    client.projects.update(ID, source=SOURCE, estimated=Decimal("18000.10"))
    assert body(cor) == '{"metadata":{"source":"SALESFORCE"},"estimated":18000.10}'
    stored = cor.project(SOURCE, ID)
    assert stored is not None
    assert str(stored.fields["estimated"]) == "18000.10"


# Rows


@dataclasses.dataclass
class Deal:
    id: str
    name: str | None = None
    estimated: Any = None
    source: str | None = None


@dataclasses.dataclass(frozen=True)
class Slim:
    __slots__ = ("id", "name")
    id: str
    name: str


@pytest.mark.parametrize(
    "row",
    [
        {"id": ID, "name": "N"},
        {"id": ID, "name": "N", "brief": None, "estimated": float("nan")},
        {"source": SOURCE, "id": ID, "name": "N"},
        ProjectUpdate(id=ID, name="N"),
        ProjectUpdate(id=ID, source=SOURCE, name="N"),
        (ID, ProjectUpdate(name="N")),
        (ID, {"name": "N"}),
        Deal(ID, "N"),
        Slim(ID, "N"),
        (ID, Slim(ID, "N")),
        collections.OrderedDict(id=ID, name="N"),
        collections.ChainMap({"id": ID}, {"name": "N"}),
        types.MappingProxyType({"id": ID, "name": "N"}),
    ],
    ids=repr,
)
def test_rows_of_every_shape_are_accepted(door: Any, cor: Sandbox, row: Any) -> None:
    (item,), summary = door.update_many([row], source="SALESFORCE")
    assert item.ok, item.error
    assert (item.index, item.id, item.project.name) == (0, ID, "N")
    assert body(cor) == '{"metadata":{"source":"SALESFORCE"},"name":"N"}'
    assert summary == projectcor.Summary(read=1, applied=1)


def test_source_of_a_row_wins(door: Any, cor: Sandbox) -> None:
    rows = [
        {"id": "x", "name": "N", "source": "SAP"},
        ProjectUpdate(id="x", source="VBS", name="N"),
        Deal("x", "N", source="JIRA"),
    ]
    items, _ = door.update_many(rows, source=SOURCE)
    assert {item.error.kind for item in items} == {"project_not_found"}
    assert sorted(r.json()["metadata"]["source"] for r in cor.requests) == ["JIRA", "SAP", "VBS"]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (
            {"id": 7.0, "name": "N"},
            "index 1: id: 7.0 has a decimal point, so the exact spelling of the id is lost; read the id column as text",
        ),
        ({"id": 7, "name": "N"}, 'id: 7 is a number; pass the id as text, "7" (007 and 7 are different ids)'),
        ({"id": None, "name": "N"}, "index 1: id: is missing in this row"),
        ({"id": float("nan"), "name": "N"}, "index 1: id: is missing in this row"),
        ({"id": "", "name": "N"}, "index 1: id: is empty"),
        ({"name": "N"}, 'index 1: id: the row has no "id"; add the column, or set id_column='),
        ({"id": "x", "estimated": "1"}, 'index 1: estimated: the text "1" has the wrong type; pass the number 1'),
        ({"id": "x", "nmae": "1"}, "index 1: nmae: no field is called"),
        ({"id": "x", 5: "1"}, 'index 1: 5: no field is called "5"'),
        ({"id": "x", "name": "N", "source": 5}, "index 1: metadata.source: is not text"),
        (("x", 5), "index 1: row: a row must be a dict, a ProjectUpdate, a dataclass"),
        ("x", "index 1: row: a row must be a dict"),
        (None, "index 1: row: a row must be a dict"),
        (ProjectUpdate(name="N"), 'index 1: id: the row has no "id"'),
        ({"id": "x", "name": Grumpy()}, "index 1:"),
    ],
    ids=lambda x: x[:40] if isinstance(x, str) else type(x).__name__,
)
def test_invalid_row_is_reported_with_place_and_reason_and_others_are_sent(
    door: Any, cor: Sandbox, row: Any, says: str
) -> None:
    good = {"id": ID, "name": "N"}
    items, summary = door.update_many([good, row, good], source=SOURCE)
    items.sort(key=lambda item: item.index)
    assert [item.ok for item in items] == [True, False, True]
    assert isinstance(items[1].error, (projectcor.InvalidUpdateError, projectcor.InvalidDateRangeError))
    assert says in str(items[1].error)
    assert summary == projectcor.Summary(read=3, applied=2, rejected=1)
    assert len(cor.requests) == 2


def test_the_column_of_ids_may_have_another_name(door: Any) -> None:
    (item,), _ = door.update_many([{"opportunity": ID, "name": "N"}], source=SOURCE, id_column="opportunity")
    assert item.ok
    (item,), _ = door.update_many([{"id": ID, "name": "N"}], source=SOURCE, id_column="opportunity")
    assert 'the row has no "opportunity"; add the column' in str(item.error)


# ProjectUpdate and its small values


def test_extras_are_written_as_json(client: projectcor.Client, cor: Sandbox) -> None:
    extra = {
        "a": None, "b": [1, 2.5, Decimal("0.10")], "c": {"d": date(2025, 1, 2), "e": "é"}, "f": Json("1.00"), "g": True,
    }  # fmt: skip
    client.projects.update(ID, source=SOURCE, extra=extra)
    assert body(cor).endswith('"a":null,"b":[1, 2.5, 0.10],"c":{"d": "2025-01-02", "e": "é"},"f":1.00,"g":true}')
    with pytest.raises(projectcor.InvalidUpdateError) as refused:
        client.projects.update(ID, source=SOURCE, extra={"a": object(), "b": float("nan"), "c": Json("{")})
    assert [issue.field for issue in refused.value.issues] == ["a", "b", "c"]


def test_an_update_is_plain_data() -> None:
    update = ProjectUpdate(id="x", source="SAP", name="N", start=CLEAR, estimated=Decimal("1.0"), extra={"a": 1})
    assert repr(update) == (
        "ProjectUpdate(id='x', source='SAP', name='N', "
        "start=projectcor.CLEAR, estimated=Decimal('1.0'), extra={'a': 1})"
    )
    for same in (
        pickle.loads(pickle.dumps(update)),
        copy.deepcopy(update),
        update.replace(),
        update.replace(name=None),
    ):
        assert same == update
        assert hash(same) == hash(update)
    assert update.replace(estimated=Decimal("1.00")) != update, "equal numbers, different digits"
    assert ProjectUpdate(billable=True) != ProjectUpdate(billable=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert ProjectUpdate("SAP", name=None) == ProjectUpdate("SAP"), "None keeps a field"
    null = ProjectUpdate("SAP", extra={"x": None})
    assert null != ProjectUpdate("SAP"), "null is sent"
    assert null == null.replace()
    assert len({null, null.replace(), ProjectUpdate("SAP")}) == 2
    with pytest.raises(AttributeError, match="replace"):
        update.id = "M"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(AttributeError, match="replace"):
        del update._fields
    update.fields["name"] = "changed"
    assert update.fields["name"] == "N"


def test_keywords_besides_an_update_override_its_fields(client: projectcor.Client, cor: Sandbox) -> None:
    update = ProjectUpdate(source="SAP", name="N", brief="b")
    client.projects.update(ID, update, source=SOURCE, name="M")
    assert sent(cor) == {"name": "M", "brief": "b"}
    assert cor.requests[-1].json()["metadata"] == {"source": SOURCE}


def test_extra_goes_on_top_of_an_update(door: Any, cor: Sandbox) -> None:
    update = ProjectUpdate(source=SOURCE, name="N", extra={"a": 1, "b": 1})
    door.update(ID, update, extra={"b": 2, "c": [3]})
    assert sent(cor) == {"name": "N", "a": 1, "b": 2, "c": [3]}


def test_clear_is_a_singleton_and_refuses_bool() -> None:
    assert pickle.loads(pickle.dumps(CLEAR)) is CLEAR
    assert copy.deepcopy(CLEAR) is CLEAR
    assert repr(CLEAR) == "projectcor.CLEAR"
    with pytest.raises(TypeError, match="is CLEAR"):
        bool(CLEAR)


def test_a_row_that_names_another_id_than_its_pair_is_rejected(door: Any, cor: Sandbox) -> None:
    for row in ({"id": "B", "name": "N"}, ProjectUpdate(id="B", name="N"), Slim("B", "N")):
        (item,), _ = door.update_many([(ID, row)], source=SOURCE)
        assert item.error.kind == "invalid"
        assert f'id: the pair says "{ID}" and the row "B"; remove one' in str(item.error)
    says = f'id: the argument says "{ID}" and the update "B"; remove one'
    with pytest.raises(projectcor.InvalidUpdateError, match=says):
        door.update(ID, ProjectUpdate(SOURCE, id="B", name="N"))
    assert cor.requests == []
    (item,), _ = door.update_many([(ID, {"key": "B", "name": "N"})], source=SOURCE, id_column="key")
    assert f'id: the pair says "{ID}" and the row "B"; remove one' in str(item.error)
    same: list[Any] = [{"id": None, "name": "N"}, {"id": "", "name": "N"}, ProjectUpdate(id=ID, name="N")]
    items, _ = door.update_many([(ID, row) for row in same], source=SOURCE)
    assert [item.error for item in items] == [None] * 3
    assert door.update(ID, ProjectUpdate(SOURCE, id=ID, name="N")).name == "N"


def test_the_index_of_a_data_frame_does_not_replace_its_ids(door: Any, cor: Sandbox) -> None:
    frame = pandas("DataFrame", {"id": [ID], "name": ["N"]})
    (item,), _ = door.update_many(frame.iterrows(), source=SOURCE)
    assert f'id: the pair says 0 and the row "{ID}"; remove one' in str(item.error)
    (item,), _ = door.update_many(frame.set_index("id", drop=False).iterrows(), source=SOURCE)
    assert item.ok, item.error
    result = call(door, "sync", frame.set_index([["another"]]).iterrows(), source=SOURCE, state=False)
    assert f'id: the pair says "another" and the row "{ID}"; remove one' in str(result.problems[0])
    assert len(cor.requests) == 1
