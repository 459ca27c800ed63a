"""What is refused before anything is sent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from connectors.spark.support import SOURCE, deals, sandbox, write
from projectcor import ConfigError
from projectcor.spark._options import Options
from projectcor.spark._rejects import Folder, shown
from projectcor.testing import Sandbox

pytestmark = pytest.mark.old_spark


def refused(cor: Sandbox, action: Callable[[], Any], *texts: str) -> None:
    """Expects an error with these texts, without the token, and that the sandbox received nothing."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - Spark wraps the error in one of its own
        action()
    for text in texts:
        assert text in str(caught.value)
    assert cor.token not in str(caught.value)
    assert cor.requests == []


def test_modes_options_columns_and_partitions_are_refused(spark: Any, cor: Sandbox, tmp_path: Path) -> None:
    df = deals(spark, 100)
    base = {"source": SOURCE, "token": cor.token, "baseUrl": cor.base_url}
    writer = df.write.format("cor").options(**base)
    refused(cor, lambda: writer.mode("overwrite").save(), 'mode("overwrite")', 'use mode("append")')
    refused(cor, lambda: write(df, cor, source=""), "option source is required")
    refused(cor, lambda: write(df, cor, source=" "), "option source is required")
    refused(cor, lambda: write(df, cor, rejects=" "), "option rejects is empty; set it to a folder")
    appended = df.write.format("cor").options(**base).mode("append")
    refused(cor, lambda: appended.save(str(tmp_path / "place")), "a path names no place in COR; call save() or start()")
    refused(
        cor,
        lambda: write(df, cor, idColum="id", rate="fast", concurrency="0", partitions="two", onReject="ignore"),
        "there is no option idcolum; did you mean idColumn?",
        "option rate is 'fast'",
        "option concurrency is '0'",
        "option partitions is 'two'",
        "option onReject is 'ignore'; it must be fail or continue",
    )
    refused(cor, lambda: write(df, cor, createMissing="true"), "no option createMissing", "create_missing=True")
    refused(cor, lambda: write(df, cor, onReject="continue"), "onReject = continue needs option rejects")
    refused(cor, lambda: write(df, cor, token="x", apiKey="y", clientSecret="z"), "could not set up the client")
    refused(cor, lambda: write(df, cor, idColumn="deal"), "deal")
    wrong = df.selectExpr("id", "estimated as amount", "timestamp'2025-01-01 12:00:00' as end", "'5' as estimated")
    refused(
        cor,
        lambda: write(wrong, cor),
        'no field is called "amount"',
        'the column "end" is a timestamp with a time zone',
        'the column "estimated" is text',
        "rename, cast or drop columns of the DataFrame",
    )
    refused(cor, lambda: write(df, cor, clearNulls="brif"), 'clear_nulls "brif" sets no field; did you mean "brief"?')
    file = tmp_path / "file"
    file.write_text("")
    refused(cor, lambda: write(df, cor, rejects=str(file / "rejects")), "of option rejects cannot be written to")
    refused(cor, lambda: write(df, cor, rejects="dbfs:/rejects"), "option rejects is 'dbfs:/rejects'")


def test_credentials_are_required(spark: Any, cor: Sandbox) -> None:
    writer = deals(spark, 10).write.format("cor").mode("append").options(source=SOURCE, baseUrl=cor.base_url)
    refused(cor, writer.save, "no credentials are set")


def test_partitions_beyond_the_option_send_nothing(spark: Any) -> None:
    with sandbox(100) as cor:
        # The first partition is empty, so that no partition may send.
        df = deals(spark, 100, 4).where("cast(estimated as int) >= 25")
        refused(cor, lambda: write(df, cor), "more partitions than the 1 that option partitions allows")
        write(deals(spark, 100, 2), cor, partitions=2)
        assert len(cor.requests) == 100


def test_speculation_is_refused(session: Callable[..., Any], cor: Sandbox) -> None:
    spark = session("local[2]", **{"spark.speculation": "true"})
    refused(cor, lambda: write(deals(spark, 10), cor), "spark.speculation is true", "client.projects.sync(df, ...)")


def stream(spark: Any, cor: Sandbox, folder: Path, mode: str = "append", **options: str) -> Any:
    """A stream of the deals in a folder, through the data source, until it has read all files."""
    deals(spark, 10).write.mode("overwrite").parquet(str(folder / "deals"))
    rows = spark.readStream.schema("id string, estimated decimal(18,2)").parquet(str(folder / "deals"))
    if mode == "complete":
        rows = rows.groupBy("id").agg({"estimated": "max"}).withColumnRenamed("max(estimated)", "estimated")
    everything = {"source": SOURCE, "token": cor.token, "baseUrl": cor.base_url, **options}
    writer = rows.writeStream.format("cor").outputMode(mode).options(**everything)
    writer = writer.option("checkpointLocation", str(folder / "checkpoint")).trigger(availableNow=True)
    return lambda: writer.start().awaitTermination()


def test_streams_that_would_lose_or_repeat_rows_are_refused(spark: Any, cor: Sandbox, tmp_path: Path) -> None:
    folders = (tmp_path / str(n) for n in range(9))
    rejects = str(tmp_path / "rejects")
    refused(cor, stream(spark, cor, next(folders)), "a stream needs option rejects")
    refused(
        cor,
        stream(spark, cor, next(folders), rejects=rejects, onReject="fail"),
        "option onReject is fail, and a stream would send the batch of a rejected row again without end",
    )
    refused(cor, stream(spark, cor, next(folders), "complete", rejects=rejects), 'outputMode("complete")')
    # Spark itself refuses this one.
    refused(cor, stream(spark, cor, next(folders), "update", rejects=rejects), "does not support Update mode")


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("s3://key-id:hush@deals/rejects", "s3://…@deals/rejects"),
        ("s3://key-id:hu/sh?hush@deals/rejects", "s3://…?…"),
        ("abfss://deals@a.example/rejects?client_secret=hush", "abfss://…@a.example/rejects?…"),
        ("gs://deals/rejects", "gs://deals/rejects"),
        ("/srv/a@b/rejects?", "/srv/a@b/rejects?"),
    ],
)
def test_message_shows_no_secret_of_an_address(address: str, text: str) -> None:
    assert shown(address) == text


def test_error_and_repr_show_no_secret_of_an_address() -> None:
    for address in ("nofs://key-id:hush@deals/rejects", "s3://key-id:hu/sh@deals/rejects", "s3://deals/r?other=hush"):
        with pytest.raises(ConfigError, match="option rejects is") as caught:
            Folder(address)
        assert not any(secret in str(caught.value) for secret in ("hush", "hu/sh", "key-id")), caught.value
        options = Options.parse({"source": SOURCE, "token": "hush-token", "rejects": address}, is_stream=False)
        assert "hu" not in repr(options)


def test_secrets_are_not_in_the_event_log(session: Callable[..., Any], tmp_path: Path) -> None:
    log = {
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": tmp_path.as_uri(),
        "spark.eventLog.compress": "false",
    }
    secrets = {"token": "token-7f3a9c", "api_key": "key-51bd02", "client_secret": "secret-c06e88"}
    with sandbox(10, **secrets) as cor:
        spark = session("local[2]", **log)
        write(deals(spark, 10), cor)
        credentials = {"apiKey": secrets["api_key"], "clientSecret": secrets["client_secret"]}
        keys = {"source": SOURCE, "baseUrl": cor.base_url, "tokenUrl": cor.token_url, **credentials}
        writer = deals(spark, 11).write.format("cor").mode("append").options(**keys)
        with pytest.raises(Exception, match="10 of 11 rows applied, 1 failed") as refused_row:
            writer.save()
        with pytest.raises(Exception, match="option rejects is") as refused_folder:
            writer.options(rejects="nofs://key-id:hush-9e21@deals/rejects").save()
        spark.stop()
        logs = [file.read_text() for file in tmp_path.rglob("*") if file.is_file()]
        # The log has the plan of the write.
        assert any("AppendData" in text for text in logs)
        texts = [*logs, str(refused_row.value), str(refused_folder.value)]
        for secret in (*secrets.values(), "hush-9e21", "key-id"):
            assert not any(secret in text for text in texts), secret
        assert sum(request.method == "PUT" for request in cor.requests) == 10 + 11
