"""The table of faults through the C library: `faults.py FAULT_PEER FAULTS CASES`, where FAULTS is the program of faults.c.

Runs the first and the last variation of every row of tests/faults/cases.json through each transport, some at a time, and
prints what went wrong.
"""

import base64
import json
import os
import random
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

PEER, FAULTS, TABLE = sys.argv[1:]
TOKEN = base64.urlsafe_b64encode(random.Random(1).randbytes(48)).decode()
# Beyond the deadline: a quarter of a second, and as much again for a machine that has other work.
GRACE = 0.5


class Lag(threading.Thread):
    """How late this machine is: a limit on time must not be missed because something else keeps it busy."""

    def __init__(self):
        super().__init__(daemon=True)
        self.worst = 0.0
        self.start()

    def run(self):
        while True:
            begun = time.monotonic()
            time.sleep(0.002)
            self.worst = max(self.worst, time.monotonic() - begun - 0.002)

    def allowance(self):
        """The latest that it has been so far, and that twice: others are as late as this thread."""
        return 2 * self.worst


LAG = Lag()


def cases():
    out = subprocess.run([PEER, "cases", TABLE], check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout
    rows = {}
    for case in map(json.loads, out.splitlines()):
        rows.setdefault(case["row"], []).append(case)
    return [case for row in rows.values() for case in ([row[0], row[-1]] if len(row) > 1 else row)]


def expected(case, transport):
    """What is to come of a case through this transport, without TLS around it: the most special expectation."""
    instead = case.get("instead", {})
    names = (f"{transport} straight", "straight", transport)
    return next((instead[name] for name in names if name in instead), case["expect"])


def run(case, transport):
    """What the program printed, the requests that arrived, and its exit status."""
    peer = subprocess.Popen([PEER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")
    try:
        peer.stdin.write(json.dumps(case["peer"]) + "\n")
        peer.stdin.flush()
        ready = json.loads(peer.stdout.readline())
        heard = []
        reader = threading.Thread(target=heard.extend, args=(peer.stdout,))
        reader.start()
        given, update = case["client"], case["update"]
        url = ready["url"].replace("http://", "https://") if given["https"] else ready["url"]
        ca_file = ready["ca_file"] if given["trust"] and ready["ca_file"] else "-"
        times = [given[f"{name}_ms"] for name in ("connect_timeout", "attempt_timeout", "deadline")]
        numbers = [given["max_attempts"], *times, update["after"], update["pause_ms"], update["brief_bytes"]]
        ran = subprocess.run(
            [FAULTS, url, ca_file, *map(str, numbers), transport],
            env={**os.environ, "COR_FAULT_TOKEN": TOKEN},
            capture_output=True,
            timeout=120,
        )
        peer.stdin.close()
        reader.join()
        events = map(json.loads, heard)
        requests = [base64.b64decode(event["base64"]) for event in events if event["event"] == "request"]
        return ran, requests
    finally:
        peer.kill()
        peer.wait()


def problems(case, transport):
    ran, requests = run(case, transport)
    expect = expected(case, transport)
    pieces = [TOKEN[n : n + 8].encode() for n in range(len(TOKEN) - 7)]
    if any(piece in ran.stdout + ran.stderr for piece in pieces):
        yield "the token shows"
    if ran.returncode != 0:
        yield f"exit status {ran.returncode}: {ran.stderr!r}"
        return
    first, message, body = ran.stdout.decode().split("\n", 2)
    took, kind, outcome, status, code, attempts, wait, _ = first.split("\t")
    if float(took) > case["client"]["deadline_ms"] / 1000 + max(GRACE, (expect.get("late_ms") or 0) / 1000) + LAG.allowance():
        yield f"it took {took} s"
    if len(set(requests)) > 1:
        yield "two attempts are not the same bytes"
    if expect["requests"] is not None and len(requests) != expect["requests"]:
        yield f"{len(requests)} requests and not {expect['requests']}"
    if (kind == "ok") != expect["ok"]:
        yield f"{kind}: {message}"
    if kind == "ok":
        return
    if len(requests) > int(attempts) + case["update"]["after"]:
        yield f"{len(requests)} requests in {attempts} attempts"
    found = {"kind": kind, "outcome": outcome, "status": status, "code": code, "attempts": attempts}
    for name, value in found.items():
        if expect[name] is not None and value != str(expect[name]):
            yield f"{name} is {value} and not {expect[name]}: {message}"
    if expect["retry_after"] is not None and int(wait) != expect["retry_after"] * 1000:
        yield f"retry_after is {wait} ms"
    for text in expect["says"]:
        if text not in message:
            yield f"does not say {text!r}: {message}"


def main():
    chosen = [(case, transport) for transport in ("reqwest", "direct") for case in cases()]
    with ThreadPoolExecutor(6) as pool:
        wrong = [
            f"{transport}, {case['name']}: {problem}"
            for (case, transport), found in zip(chosen, pool.map(lambda run: list(problems(*run)), chosen))
            for problem in found
        ]
    print(f"{len(chosen)} faults, {len(wrong)} problems")
    print("\n".join(wrong), end="\n" if wrong else "")
    return bool(wrong)


sys.exit(main())
