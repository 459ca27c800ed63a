"""Sessions of the real Spark: classic ones in this process, and programs with a session of their own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

# Executors use the Python of this environment, which has the wheel.
os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
# The JVM takes its environment when it starts, so that what a developer has set would reach the data source.
for name in [name for name in os.environ if name.startswith("COR_")]:
    del os.environ[name]
os.environ["COR_CONFIG"] = os.path.join(os.path.dirname(__file__), "no-such-file.toml")


def pytest_configure(config: pytest.Config) -> None:
    # Warnings of PySpark and of what it imports are not about this project.
    for module in ("pyspark", "py4j", "google", "pandas", "pyarrow"):
        config.addinivalue_line("filterwarnings", rf"default:::{module}(\..*)?")
    config.addinivalue_line("filterwarnings", "default::ResourceWarning")


@pytest.fixture
def session() -> Iterator[Callable[..., Any]]:
    """Starts a session with the data source ``cor``, such as ``session("local[2,4]")``; ended after the test."""
    from connectors.spark.support import start

    started: list[Any] = []

    def begin(master: str = "local[2]", **conf: str) -> Any:
        spark = start(master, conf)
        started.append(spark)
        return spark

    yield begin
    for spark in started:
        spark.stop()


@pytest.fixture
def spark(session: Callable[..., Any]) -> Any:
    """A session that runs two tasks at a time and repeats none."""
    return session()
