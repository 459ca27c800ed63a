"""The order of updates of one project."""

from __future__ import annotations

from typing import Any

import pytest
from connectors.spark.support import SOURCE, report, sandbox, write
from projectcor.spark import in_order

PROJECTS = 1000
VERSIONS = 5


def versions(spark: Any) -> Any:
    """Five updates for each project, newest first, in four partitions. The newest has the highest number."""
    numbers = spark.range(PROJECTS * VERSIONS - 1, -1, -1, 4)
    return numbers.selectExpr(
        f"concat('D-', id % {PROJECTS}) as deal",
        f"cast(id div {PROJECTS} as decimal(18,2)) as estimated",
        "id as changed",
    )


def newest(cor: Any) -> int:
    """The projects that have their newest value."""
    return sum(
        1
        for n in range(PROJECTS)
        if (project := cor.project(SOURCE, f"D-{n}")) and project.fields.get("estimated") == VERSIONS - 1
    )


@pytest.mark.old_spark
@pytest.mark.parametrize("partitions", [1, 3])
def test_rows_in_order_end_with_the_newest_value(spark: Any, partitions: int) -> None:
    with sandbox(PROJECTS) as cor:
        ordered = in_order(versions(spark), id="deal", by="changed", partitions=partitions)
        assert ordered.rdd.getNumPartitions() == partitions
        assert ordered.columns == ["deal", "estimated"]
        write(ordered, cor, idColumn="deal", partitions=partitions)
        assert len(cor.requests) == PROJECTS * VERSIONS
        report("order; in_order, data source", partitions=partitions, newest=f"{newest(cor)} of {PROJECTS}")
        assert newest(cor) == PROJECTS


def test_rows_in_another_order_end_with_another_value(spark: Any) -> None:
    with sandbox(PROJECTS) as cor:
        write(versions(spark).drop("changed").coalesce(1), cor, idColumn="deal")
        report("order; rows as they come, data source", newest=f"{newest(cor)} of {PROJECTS}")
        assert newest(cor) < PROJECTS


def test_rows_in_order_from_the_driver_end_with_the_newest_value(spark: Any) -> None:
    with sandbox(PROJECTS) as cor, cor.client() as client:
        ordered = in_order(versions(spark), id="deal", by="changed", partitions=3)
        result = client.projects.update_all(ordered, source=SOURCE, id_column="deal")
        assert result.ok
        report("order; in_order, driver", newest=f"{newest(cor)} of {PROJECTS}")
        assert newest(cor) == PROJECTS


def test_sequence_column_can_be_kept_and_partitions_are_checked(spark: Any) -> None:
    assert in_order(versions(spark), id="deal", by="changed", keep=True).columns == ["deal", "estimated", "changed"]
    with pytest.raises(ValueError, match="partitions is 0; it must be 1 or more"):
        in_order(versions(spark), by="changed", partitions=0)


def test_column_of_ids_is_not_dropped(spark: Any) -> None:
    with pytest.raises(ValueError, match="by is 'Deal', the column of external ids, which would be dropped"):
        in_order(versions(spark), id="deal", by="Deal")
    assert in_order(versions(spark), id="deal", by="deal", keep=True).columns == ["deal", "estimated", "changed"]
