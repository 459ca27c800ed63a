"""The order of updates of one project in a distributed DataFrame."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["in_order"]


def in_order(df: Any, *, by: str, id: str = "id", partitions: int = 1, keep: bool = False) -> Any:
    """Puts all rows of a project into one partition, in the order of a sequence column.

    Spark gives no order to the rows of a DataFrame. Where several rows update one project, the last one that is sent
    wins, so the rows have to be ordered: by this function, or by reducing them to one row per project, for instance
    with ``df.groupBy("id").agg(F.max_by("end", "seq").alias("end"))``.

    Args:
        df: A DataFrame of Spark, classic or Connect.
        by: The column that orders the rows of a project, such as a time of change or a log position. Rows with equal
            values have no defined order. The column is dropped after the sort, also if it is a field, unless ``keep``
            is true.
        id: The column that holds the external ids. Default: ``id``.
        partitions: The number of partitions to make; the option ``partitions`` of the data source must allow as many.
            Default: 1.
        keep: Keep the column ``by``, for instance because it is a field that is to be sent. Default: it is dropped.

    Returns:
        A DataFrame with the same rows. Write it or pass it to ``sync`` as it is: a later shuffle loses the order.

    Raises:
        ValueError: ``partitions`` is below 1, or ``by`` is the column of ids and would be dropped.

    Example:
        >>> ordered = projectcor.spark.in_order(deals, id="deal", by="changed_at")
        >>> ordered.write.format("cor").mode("append").options(source="SALESFORCE", idColumn="deal").save()
    """
    if partitions < 1:
        raise ValueError(f"partitions is {partitions}; it must be 1 or more")
    # Spark's names of columns are case-insensitive.
    if by.casefold() == id.casefold() and not keep:
        raise ValueError(
            f"by is {by!r}, the column of external ids, which would be dropped; set by to the column of the time or "
            "number of a change, or set keep=True"
        )
    ordered = df.repartition(partitions, df[id]).sortWithinPartitions(df[by])
    return ordered if keep else ordered.drop(by)
