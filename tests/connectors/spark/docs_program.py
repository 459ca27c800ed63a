"""Runs the Python of docs/guides/spark.md in the current folder, with the DataFrames that it reads.

Prints what the blocks print, the error of a block that raises, and what ends up in the table and folders.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import projectcor
from connectors.spark.support import CONF
from harness.docs import blocks
from pyspark.sql import SparkSession


def refuse(block: str, names: dict[str, Any]) -> None:
    """Runs the block of the stream with a token that COR does not accept."""
    client = names["client"]
    names["client"] = projectcor.Client(token="expired-token")
    try:
        exec(block, names)
    except Exception as error:
        print(f"refused: {error}")
    names["client"] = client
    print("after the refusal:", committed())


def committed() -> list[str]:
    """The micro-batches that Spark does not repeat."""
    folder = Path("checkpoint/commits")
    return sorted(file.name for file in folder.glob("[0-9]*")) if folder.exists() else []


def main() -> None:
    builder = SparkSession.builder.master("local[2]")
    for name, value in CONF.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    deals = spark.createDataFrame(
        [("SF-OPP-12345", "2025-05-31", "18000.10"), ("SF-OPP-99999", "2025-05-31", "1.00")],
        "deal string, close_date string, amount string",
    ).selectExpr("deal", "cast(close_date as date) close_date", "cast(amount as decimal(18,2)) amount")
    history = spark.createDataFrame(
        [("SF-OPP-12345", "Third", 3), ("SF-OPP-12345", "First", 1), ("SF-OPP-12345", "Second", 2)],
        "deal string, name string, changed_at int",
    )
    deals.selectExpr("deal id", "date'2025-06-30' end").write.parquet("changes")
    names: dict[str, Any] = {"spark": spark, "deals": deals, "history": history}
    for block in blocks("docs/guides/spark.md", "python"):
        if "foreachBatch" in block:
            refuse(block, names)
        try:
            exec(block, names)
        except Exception as error:
            print(f"raised: {error}")
        if "foreachBatch" in block:
            print("after the restart:", committed(), Path("rejected-0.jsonl").read_text())
    print("table:", [row["id"] for row in spark.table("rejected_deals").collect()])
    print("folder:", [row["id"] for row in spark.read.parquet("rejects").collect()])


if __name__ == "__main__":
    main()
