"""Holds for every suite of Python: skipped tests are counted, and in CI a missing tool is an error.

Python 3.9 runs this too, for tests/python.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from typing import Any

import pytest
from harness import skips

# Their assertions explain themselves, as those of the tests do.
pytest.register_assert_rewrite("harness.export", "harness.program", "cli.world", "c.toolchain")


def reason_of(report: Any) -> str:
    """Why pytest skipped: it reports the file, the line and the reason."""
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return str(text).removeprefix("Skipped: ")


def fail_where_required(report: Any) -> None:
    if report.skipped and not hasattr(report, "wasxfail") and skips.is_error(reason_of(report)):
        report.longrepr = f"skipped in CI, where everything must run: {reason_of(report)}"
        report.outcome = "failed"


def record(report: Any) -> None:
    # A process of pytest-xdist reports to the first process, which records.
    if report.skipped and not hasattr(report, "wasxfail") and "PYTEST_XDIST_WORKER" not in os.environ:
        # tests/python/test_tables.py is of the suite "python"; that suite runs on several versions.
        suite = report.nodeid.split("/")[1] if report.nodeid.startswith("tests/") else report.nodeid
        version = "{}.{}".format(*sys.version_info[:2])
        skips.record(f"{suite} (Python {version})" if suite == "python" else suite, reason_of(report))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, None]:
    outcome = yield
    fail_where_required(outcome.get_result())


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, None]:
    outcome = yield
    fail_where_required(outcome.get_result())


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    record(report)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    record(report)
