"""What update_many, sync and plan do with DataFrames of Spark. A program, because a process has one kind of session.

    python dataframes.py classic|connect

Prints one JSON object with what happened, which test_dataframes.py compares.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from typing import Any

import projectcor
from projectcor.testing import Sandbox
from pyspark.sql import SparkSession

# The Python of Spark's workers is that of this environment.
os.environ["PYSPARK_PYTHON"] = sys.executable

SOURCE = "SALESFORCE"
ROWS = 2000
BEFORE = "Before"
"""The name of each project that no row has set."""

TYPED = f"""
select id as deal,
       case when id % 10 = 0 then null else concat('Deal ', id) end as name,
       cast(id * 1.25 as decimal(38, 18)) as estimated,
       cast(id as float) / 10 as estimated_time_source,
       date_add(date '2025-01-01', cast(id % 300 as int)) as end,
       id % 2 = 0 as billable,
       cast(id % 7 as int) as client_id,
       void_column as brief
from (select id, null as void_column from range(0, {ROWS}, 1, 4))
"""

WRONG = """
select cast(raise_error('a row was read') as double) as id, timestamp '2025-01-01 12:00:00' as end, '5' as estimated,
       named_struct('a', 1) as name
"""


def session(kind: str) -> Any:
    builder = SparkSession.builder.config("spark.ui.enabled", "false").config("spark.sql.session.timeZone", "UTC")
    builder = builder.config("spark.sql.shuffle.partitions", "2")
    return builder.remote("local[2]").getOrCreate() if kind == "connect" else builder.master("local[2]").getOrCreate()


def expected_of(row: Any) -> dict[str, Any]:
    """The fields of a row, read without projectcor."""
    return {
        "name": row["name"] or BEFORE,
        "estimated": str(row["estimated"]),
        "end": row["end"].isoformat(),
        "billable": row["billable"],
        "client_id": str(row["client_id"]),
    }


def stored(cor: Sandbox, id: str) -> dict[str, Any]:
    project = cor.project(SOURCE, id)
    assert project is not None
    names = ("name", "estimated", "end", "billable", "client_id")
    return {name: project.fields[name] for name in names}


def main(kind: str) -> dict[str, Any]:
    spark = session(kind)
    seen: dict[str, Any] = {"pyspark": spark.version, "class": type(spark.range(1)).__module__}
    frame = spark.sql(TYPED)
    seeds = [{"id": str(n), "source": SOURCE, "name": BEFORE} for n in range(ROWS)]
    options: Any = {"source": SOURCE, "id_column": "deal", "ignore": "estimated_time_source"}

    with Sandbox(seed=seeds, record=100_000) as cor, cor.client() as client:
        result = client.projects.update_all(frame, **options)
        seen["update_all"] = [result.read, result.applied, len(result.failures)]
        rows = {str(row["deal"]): row for row in frame.collect()}

        def same(id: str) -> bool:
            found = stored(cor, id)
            return bool(json.loads(json.dumps(found, default=str)) == expected_of(rows[id]))

        seen["different"] = [id for id in rows if not same(id)][:3]

        before = len(cor.requests)
        first = client.projects.sync(frame, state="deals.db", **options)
        again = client.projects.sync(frame, state="deals.db", **options)
        seen["sync"] = [first.read, first.applied, again.applied, len(cor.requests) - before]
        changed = frame.selectExpr("deal", "case when deal = 7 then 'Won' else name end as name")
        seen["plan"] = [
            [change.id, change.to_dict()]
            for change in client.projects.plan(
                changed, source=SOURCE, id_column="deal", state="names.db", limit=8
            ).changes
        ][-1:]

        nulls = spark.sql(
            "select '1' as id, cast(null as string) as brief, cast(null as string) as name "
            "union all select '2', 'B', null"
        )
        seen["nulls"] = sorted((item.id, item.unchanged) for item in client.projects.update_many(nulls, source=SOURCE))
        before = len(cor.requests)
        cleared = client.projects.update_all(nulls, source=SOURCE, clear_nulls=["brief"])
        seen["cleared"] = [cleared.applied, sorted(r.body.decode().partition("},")[2] for r in cor.requests[before:])]

        odd = spark.sql("select '1' as id, 'N' as `the name`, 1 as `a.b`, 2 as `a.b`, current_timestamp() as at")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            odd_result = client.projects.sync(odd, source=SOURCE, state=False, mapping={"the name": "name"})
        seen["odd"] = [odd_result.applied, sorted(str(column) for column in odd_result.unused)]

        before = len(cor.requests)
        for name, rows_of in [
            ("wrong", spark.sql(WRONG)),
            ("streaming", spark.readStream.format("rate").load()),
            ("read", spark.sql("select cast(raise_error('a row was read') as string) as id, 'N' as name")),
        ]:
            try:
                list(client.projects.update_many(rows_of, source=SOURCE))
                seen[name] = "accepted"
            except Exception as error:
                seen[name] = [type(error).__name__, str(error)]
        seen["sent"] = len(cor.requests) - before
        zoned = spark.sql("select '1' as id, timestamp '2025-03-01 23:30:00' as end")
        (item,) = client.projects.update_many(zoned, source=SOURCE, day_in="Europe/Madrid")
        seen["zoned"] = str(item.project.end) if item.project else str(item.error)
        # How texts are written says nothing about a point in time.
        formats: Any = {"day_in": "Europe/Madrid", "date_format": "%d/%m/%Y"}
        both = zoned.selectExpr("*", "'02/01/2025' as start")
        (item,) = client.projects.update_many(both, source=SOURCE, **formats)
        seen["formats"] = [str(item.project.start), str(item.project.end)] if item.project else str(item.error)
        (item,) = client.projects.update_many(spark.sql("select '1' as id, 'Row' as name").collect(), source=SOURCE)
        seen["row"] = item.project.name if item.project else str(item.error)
        try:
            client.projects.update_many(both["id"], source=SOURCE)
        except TypeError as error:
            seen["column"] = str(error)
    spark.stop()
    return seen


if __name__ == "__main__":
    assert projectcor.__version__
    print(json.dumps(main(sys.argv[1]), default=str))
