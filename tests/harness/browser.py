"""A page of the site in a real browser that reaches no other host."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest


def browser() -> str:
    """The browser; the test is skipped where there is none."""
    found = shutil.which(os.environ.get("CHROMIUM", "chromium"))
    if not found:
        pytest.skip("needs chromium")
    return found


# Loads one page after the other in a frame, and posts what it measured.
MEASURE = """<!doctype html><body><script>
const pages = PAGES, widths = {}, requests = [];
function next() {
  const page = pages.shift();
  if (!page) { fetch("/measured", { method: "POST", body: JSON.stringify({ widths, requests }) }); return; }
  const frame = document.createElement("iframe");
  frame.style = "border: 0; width: WIDTHpx; height: 800px";
  frame.onload = () => {
    widths[page] = frame.contentDocument.documentElement.scrollWidth;
    requests.push(...frame.contentWindow.performance.getEntriesByType("resource").map(entry => entry.name));
    frame.remove();
    next();
  };
  frame.src = page;
  document.body.append(frame);
}
next();
</script>"""


def measure(site: Path, pages: list[str], screen: int) -> tuple[dict[str, int], list[str]]:
    """How wide each page is on a screen of this width, served by a web server, and the requests to other hosts."""
    program = browser()
    document = MEASURE.replace("PAGES", json.dumps(pages)).replace("WIDTH", str(screen))
    measured: Queue[Any] = Queue()

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(site))

        def reply(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            if self.path == "/measure.html":
                self.reply(document.encode())
            else:
                super().do_GET()

        def do_POST(self) -> None:
            measured.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.reply(b"")

        def log_message(self, format: str, *arguments: Any) -> None:
            """The requests are of no interest."""

    folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    with folder as profile, ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        process = subprocess.Popen([*start(program, profile), f"{address}/measure.html"], stderr=subprocess.DEVNULL)
        try:
            result = measured.get(timeout=300)
        finally:
            process.terminate()
            process.wait()
            server.shutdown()
    return result["widths"], [one for one in result["requests"] if urlsplit(one).netloc != address[7:]]


def start(program: str, profile: str) -> list[str]:
    """The command of a browser that asks no host but this machine."""
    command = [program, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
    command += ["--disable-background-networking", "--disable-component-update", "--no-first-run"]
    # Other names fail to resolve, so that a request shows in the log and reaches no host.
    return [*command, "--window-size=1280,1000", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]


def open_page(address: str) -> tuple[str, list[str]]:
    """The document after its scripts ran, and the addresses of other hosts that it asked for."""
    program = browser()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        log = Path(name) / "net.json"
        command = [*start(program, f"{name}/profile"), f"--log-net-log={log}"]
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
