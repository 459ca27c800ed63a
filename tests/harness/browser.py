"""A page of the site in a real browser that reaches no other host."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest


def browser() -> str:
    """The browser; the test is skipped where there is none."""
    found = shutil.which(os.environ.get("CHROMIUM", "chromium"))
    if not found:
        pytest.skip("needs chromium")
    return found


def open_page(address: str, width: int = 1280) -> tuple[str, list[str]]:
    """The document after its scripts ran, and the addresses of other hosts that it asked for."""
    program = browser()
    with tempfile.TemporaryDirectory() as name:
        log = Path(name) / "net.json"
        command = [program, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={name}/profile"]
        command += ["--disable-background-networking", "--disable-component-update", "--no-first-run"]
        # Every name fails to resolve, so that a request shows in the log and reaches no one.
        command += ["--host-resolver-rules=MAP * ~NOTFOUND", f"--log-net-log={log}", f"--window-size={width},1000"]
        command += ["--virtual-time-budget=20000", "--dump-dom", address]
        page = subprocess.run(command, check=True, timeout=180, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        return page.stdout.decode(), foreign_requests(log.read_text(encoding="utf-8"))


def foreign_requests(log: str) -> list[str]:
    """The requests that a page caused, from the browser's log. Those of the browser itself have no initiator."""
    found = []
    for event in json.loads(log)["events"]:
        parameters = event.get("params", {})
        address = parameters.get("url", "")
        if parameters.get("initiator", "not an origin") != "not an origin" and address.startswith(("http:", "https:")):
            found.append(address)
    return found
