"""Writes Spark DataFrames to COR: the data source ``cor``, and a helper for the order of updates.

On the driver no data source is needed, and it promises more: ``client.projects.sync(df, ...)`` and ``update_many``
take a Spark DataFrame as it is. The data source is for jobs that write with ``df.write`` and ``writeStream``:

    import projectcor.spark

    projectcor.spark.register(spark)
    (
        df.repartition(1)
        .write.format("cor")
        .mode("append")
        .option("source", "SALESFORCE")
        .option("idColumn", "deal")
        .option("token", token)
        .option("rejects", "/mnt/cor/rejects")
        .save()
    )

The options are those of ``register``. docs/guides/spark.md says which way promises what.

Needs PySpark 4.0 or later, which the cluster brings, and pyarrow: ``pip install projectcor[spark]`` on the driver and
on every executor.
"""

from __future__ import annotations

from projectcor.spark._order import in_order

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["in_order", "register"]


def register(spark: Any) -> None:
    """Registers the data source ``cor`` with a Spark session, classic or Connect.

    ``df.write.format("cor").mode("append")`` then sends one update per row, and so does
    ``df.writeStream.format("cor")`` for each micro-batch. Columns are named after the fields of a project, besides the
    column of ids. Null keeps a field. The names of options are case-insensitive:

    ==================  ================================================================================================
    option              value
    ==================  ================================================================================================
    ``source``          The system that owns the projects, such as ``SALESFORCE``. Required.
    ``idColumn``        The column that holds the external ids. Default: ``id``.
    ``clearNulls``      Columns in which null clears the field, separated by commas. Default: none.
    ``token``           A bearer token. Excludes the other kinds of credentials.
    ``apiKey``          The API key of COR's client credentials; needs ``clientSecret``.
    ``clientSecret``    The secret of COR's client credentials; needs ``apiKey``.
    ``profile``         A profile of the configuration file, which must exist on the driver and on every executor.
    ``baseUrl``         The base URL of the Integrations API. Default: COR's.
    ``tokenUrl``        The URL of the token endpoint. Default: COR's.
    ``concurrency``     The most requests in flight, of each partition. Default: 16.
    ``rate``            The most requests per second, of each executor process. Default: estimated from responses.
    ``rejects``         A folder, local or with the scheme of a file system that pyarrow knows, for Parquet files of the
                        rows that were not applied, with ``cor_outcome``, ``cor_kind`` and ``cor_reason``. Every write
                        adds a file. A stream needs it.
    ``onReject``        ``fail`` raises an error after every row was sent, if a row was not applied; ``continue`` writes
                        a warning to the log and needs ``rejects``. Default: ``fail``; for a stream always ``continue``.
    ``partitions``      The most partitions the data may have. Each one sends on its own, without a common order or
                        rate. Default: 1.
    ==================  ================================================================================================

    What no option sets comes from the environment variables of the driver, as for ``projectcor.Client``; on Connect
    this is the environment of the server.

    Args:
        spark: The Spark session.

    Example:
        >>> projectcor.spark.register(spark)
        >>> deals.write.format("cor").mode("append").option("source", "SALESFORCE").save()
    """
    from projectcor.spark._source import CorDataSource

    spark.dataSource.register(CorDataSource)
