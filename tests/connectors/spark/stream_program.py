"""A program with a stream of deals, which a test kills and starts again.

    stream_program.py sync|writer FOLDER BASE_URL TOKEN

It reads the Parquet files of FOLDER/deals, one per micro-batch, and ends after the last one.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import projectcor
from connectors.spark.support import SOURCE, start


def main() -> None:
    way, folder, base_url, token = sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4]
    spark = start("local[2]", {"spark.python.worker.reuse": "true"})
    rows = spark.readStream.schema("id string, estimated decimal(18,2)").option("maxFilesPerTrigger", 1)
    rows = rows.parquet(str(folder / "deals"))
    stream = rows.writeStream.option("checkpointLocation", str(folder / "checkpoint")).trigger(availableNow=True)
    if way == "sync":
        client = projectcor.Client(base_url=base_url, token=token)

        def send(batch: Any, _number: int) -> None:
            result = client.projects.sync(batch, source=SOURCE, state=folder / "cor.db")
            assert result.ok, str(result)

        stream = stream.foreachBatch(send)
    else:
        stream = stream.format("cor").options(source=SOURCE, token=token, baseUrl=base_url)
        stream = stream.option("rejects", str(folder / "rejects"))
    stream.start().awaitTermination()
    print("ended")


if __name__ == "__main__":
    main()
