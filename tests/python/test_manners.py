"""A guest in somebody else's process: signals, threads, forks, exits, logs, imports."""

from __future__ import annotations

import copy
import inspect
import logging
import multiprocessing
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
import typing
from collections.abc import Callable
from typing import Any

import projectcor
import pytest
from common import ID, SOURCE
from projectcor.testing import Answer, Hold, Sandbox

posix = pytest.mark.skipif(os.name != "posix", reason="needs Unix: signals and forks")


# Ctrl-C


def interrupted(call: Callable[[], object], ready: Callable[[], object]) -> float:
    """Presses Ctrl-C while `call` waits, once `ready` returns; the seconds until KeyboardInterrupt."""
    pressed = []

    def press() -> None:
        ready()
        pressed.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    # Python leaves Ctrl-C ignored where it was started that way: in the background of a script.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012
            thread.start()
            call()
        waited = time.perf_counter() - pressed[0]
        thread.join()
    finally:
        signal.signal(signal.SIGINT, before)
    return waited


def answered(cor: Sandbox, count: int) -> Callable[[], object]:
    """Waits until so many requests have their answer."""

    def wait() -> None:
        while sum(request.status is not None for request in cor.wait_for_requests(count)) < count:
            os.sched_yield()

    return wait


@posix
def test_ctrl_c_while_connecting_interrupts_the_call() -> None:
    # A connection is taken and nothing is ever said: the TLS handshake waits.
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken: list[Any] = []
        with projectcor.Client(base_url=f"https://127.0.0.1:{server.getsockname()[1]}", token="t") as client:
            waited = interrupted(
                lambda: client.projects.update(ID, source=SOURCE, name="N"), lambda: taken.append(server.accept())
            )
        taken[0][0].close()
    # The promise is a tenth of a second; a busy machine is given more. The call's own deadline is a minute.
    assert waited < 1


@posix
def test_ctrl_c_while_reading_interrupts_the_call(cor: Sandbox) -> None:
    hold = Hold()
    cor.queue(Answer(held_by=hold))
    with cor.client() as client:
        waited = interrupted(
            lambda: client.projects.update(ID, source=SOURCE, name="N"), lambda: cor.wait_for_requests(1)
        )
        assert waited < 1
        assert client.projects.update(ID, source=SOURCE, name="next").name == "next"
    hold.release()


@posix
def test_ctrl_c_while_backing_off_interrupts_the_call(cor: Sandbox) -> None:
    cor.queue(Answer(503, headers={"retry-after": "50"}))
    with cor.client() as client:
        waited = interrupted(lambda: client.projects.update(ID, source=SOURCE, name="N"), answered(cor, 1))
        assert waited < 1
        assert client.projects.update(ID, source=SOURCE, name="next").name == "next"


@posix
def test_ctrl_c_in_a_pause_of_the_rate_limiter_interrupts_the_call(cor: Sandbox) -> None:
    cor.queue(Answer(429, headers={"retry-after": "50"}))
    with cor.client() as client:
        results = client.projects.update_many([{"id": ID, "name": "N"}], source=SOURCE)
        waited = interrupted(lambda: next(results), answered(cor, 1))
        assert waited < 1
        results.close()
    # What was learned about the limit stays with its client; another one knows nothing of it.
    with cor.client() as client:
        assert client.projects.update(ID, source=SOURCE, name="next").name == "next"


@posix
def test_run_continues_after_ctrl_c(cor: Sandbox) -> None:
    hold = Hold()
    cor.queue(Answer(held_by=hold))
    with cor.client() as client:
        results = client.projects.update_many([{"id": ID, "name": "N"}], source=SOURCE)
        interrupted(lambda: next(results), lambda: cor.wait_for_requests(1))
        hold.release()
        assert [item.ok for item in results] == [True]


@posix
def test_a_signal_handler_that_returns_interrupts_nothing(cor: Sandbox, client: projectcor.Client) -> None:
    hold = Hold()
    cor.queue(Answer(held_by=hold))
    before = signal.signal(signal.SIGUSR1, lambda *_: hold.release())

    def send() -> None:
        cor.wait_for_requests(1)
        os.kill(os.getpid(), signal.SIGUSR1)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        assert client.projects.update(ID, source=SOURCE, name="N").name == "N"
    finally:
        sender.join()
        signal.signal(signal.SIGUSR1, before)
    assert len(cor.requests) == 1


# Threads


def test_the_interpreter_is_released_while_waiting(cor: Sandbox, client: projectcor.Client) -> None:
    hold = Hold()
    cor.queue(Answer(held_by=hold))
    done: list[str | None] = []
    thread = threading.Thread(target=lambda: done.append(client.projects.update(ID, source=SOURCE, name="N").name))
    thread.start()
    cor.wait_for_requests(1)
    # This thread runs, and may use the same client, while the other one waits.
    with pytest.raises(projectcor.ProjectNotFoundError):
        client.projects.update("other", source=SOURCE, name="N")
    assert done == []
    hold.release()
    thread.join()
    assert done == ["N"]


def test_one_client_works_in_many_threads(cor: Sandbox, client: projectcor.Client) -> None:
    cor.seed([{"id": f"P-{n}", "source": "SAP", "name": "N"} for n in range(8)])
    wrong: list[Any] = []

    def work(n: int) -> None:
        try:
            for k in range(25):
                assert client.projects.update(f"P-{n}", source="SAP", name=f"{n}-{k}").name == f"{n}-{k}"
            items = list(client.projects.update_many([{"id": f"P-{n}", "brief": "b"}] * 25, source="SAP"))
            assert all(item.ok for item in items)
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(cor.requests) == 8 * 50


# Processes


def in_a_child(work: Callable[[], object]) -> None:
    """Runs `work` in a forked child, and fails where it fails."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException as error:
            os.write(2, f"{error!r}\n".encode())
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@posix
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_client_works_on_both_sides_of_a_fork(cor: Sandbox, door: Any) -> None:
    assert door.update(ID, source=SOURCE, name="before").name == "before"

    def child() -> None:
        assert door.update(ID, source=SOURCE, name="child").name == "child"
        items, _ = door.update_many([{"id": ID, "name": f"n{n}"} for n in range(20)], source=SOURCE)
        assert all(item.ok for item in items)
        del items
        door.close()

    in_a_child(child)
    assert door.update(ID, source=SOURCE, name="after").name == "after"
    connections = [request.connection for request in cor.requests]
    assert connections[0] == connections[-1], "the parent keeps its connection"
    assert connections[0] not in connections[1:-1], "the child has its own"


@posix
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_run_stays_with_its_process(cor: Sandbox, client: projectcor.Client) -> None:
    results = client.projects.update_many(({"id": ID, "estimated_time": n} for n in range(200)), source=SOURCE)
    next(results)

    def child() -> None:
        with pytest.raises(RuntimeError, match="parent process"):
            list(results)
        assert not results.is_complete
        results.close()
        with pytest.raises(RuntimeError, match="parent process"):
            cor.requests  # noqa: B018

    in_a_child(child)
    assert sum(item.ok for item in results) == 199
    assert results.is_complete


def work_of_a_spawned_process(base_url: str, token: str) -> str | None:
    with projectcor.Client(base_url=base_url, token=token) as client:
        return client.projects.update(ID, source=SOURCE, name="spawned").name


def test_client_works_in_spawned_processes(cor: Sandbox) -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(work_of_a_spawned_process, (cor.base_url, cor.token)) == "spawned"


@pytest.mark.parametrize("name", ["client", "async_client"])
def test_clients_refuse_to_be_pickled_with_a_hint(cor: Sandbox, name: str) -> None:
    client = getattr(cor, name)()
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match=r"pass its options .* and create a new (Async)?Client there"):
            attempt(client)


# The end of the interpreter


def run(code: str, cor: Sandbox, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", code],
        env={**os.environ, **cor.environment, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


IN_FLIGHT = """
import os, urllib.request
def wait_until_in_flight():
    while b"PUT" not in urllib.request.urlopen(os.environ["COR_BASE_URL"] + "/sandbox/requests").read():
        pass
"""

EXITS = {
    "a call of a daemon thread": """
import threading, projectcor
client = projectcor.Client()
work = lambda: client.projects.update("SF-OPP-12345", source="SALESFORCE", name="N")
threading.Thread(target=work, daemon=True).start()
wait_until_in_flight()
""",
    # Before 3.14, Python ends a daemon thread wherever it executes Python code, which aborts the process where code of
    # another language has called that: so no row is made and no callback is called here while the interpreter ends.
    "a run of a daemon thread": """
import threading, projectcor
client = projectcor.Client()
rows = [{"id": "SF-OPP-12345", "name": "N"}] * 100
work = lambda: list(client.projects.update_many(rows, source="SALESFORCE"))
threading.Thread(target=work, daemon=True).start()
wait_until_in_flight()
""",
    "an awaited call": """
import asyncio, projectcor
client = projectcor.AsyncClient()
async def main():
    task = asyncio.ensure_future(client.projects.update("SF-OPP-12345", source="SALESFORCE", name="N"))
    await asyncio.sleep(0)
    wait_until_in_flight()
asyncio.run(main())
""",
    "an awaited call in an event loop that was never closed": """
import asyncio, projectcor, threading
client = projectcor.AsyncClient()
async def main():
    await client.projects.update("SF-OPP-12345", source="SALESFORCE", name="N")
threading.Thread(target=lambda: asyncio.run(main()), daemon=True).start()
wait_until_in_flight()
""",
    "a run in an event loop that ended": """
import asyncio, projectcor
client = projectcor.AsyncClient()
async def main():
    global results
    results = client.projects.update_many([{"id": "SF-OPP-12345", "name": "N"}] * 100, source="SALESFORCE")
    try:
        await asyncio.wait_for(results.__anext__(), 0.05)
    except asyncio.TimeoutError:
        pass
asyncio.run(main())
""",
    "results half read": """
import projectcor, warnings
warnings.simplefilter("ignore", RuntimeWarning)  # of rows that are not sent
client = projectcor.Client()
rows = [{"id": "unknown", "name": "N"}, {"id": "SF-OPP-12345", "name": "N"}]
results = client.projects.update_many(rows, source="SALESFORCE")
next(results)
""",
    "a list half read": """
import projectcor
client = projectcor.Client()
projects = client.projects.list(per_page=1)
next(projects)
results = client.projects.get_many([155693] * 100)
next(results)
""",
    "an awaited list half read": """
import asyncio, projectcor
client = projectcor.AsyncClient()
async def ids():
    while True:
        yield 155693
async def main():
    global projects, results
    projects = client.projects.list(per_page=1)
    await projects.__anext__()
    results = client.projects.get_many(ids(), concurrency=4)
    await results.__anext__()
    dropped = client.projects.get_many([155693] * 100, concurrency=4)
    await dropped.__anext__()
asyncio.run(main())
""",
    "a sandbox": """
import projectcor.testing
sandbox = projectcor.testing.Sandbox()
client = sandbox.client()
""",
}


@pytest.mark.parametrize("what", EXITS)
def test_the_interpreter_ends_quietly_with_calls_in_flight(cor: Sandbox, what: str) -> None:
    hold = Hold()
    cor.queue(Answer(held_by=hold, for_id=ID, times=1000))
    ended = run(IN_FLIGHT + EXITS[what], cor)
    hold.release()
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


# Logs


def test_records_go_to_the_logger_without_secrets(door: Any, cor: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "projectcor"):
        cor.queue(Answer(503))
        door.update(ID, source=SOURCE, name="business text")
        items, _ = door.update_many([{"id": ID, "name": "business text"}], source=SOURCE)
    assert items[0].ok
    lines = [record.getMessage() for record in caplog.records]
    assert {record.name for record in caplog.records} == {"projectcor"}
    assert any("attempt failed" in line and "503" in line for line in lines), lines
    assert any("applied" in line for line in lines), lines
    assert cor.token not in caplog.text
    assert "business text" not in caplog.text


def test_no_record_is_made_below_the_logger_s_level(door: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "projectcor"):
        door.update(ID, source=SOURCE, name="N")
    assert caplog.records == []


# Imports


def test_outage_is_logged_as_a_warning(door: Any, cor: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    cor.queue(Answer(503, times=4))
    items, _ = door.update_many([{"id": ID, "name": "N"}], source=SOURCE)
    assert items[0].ok
    told = [(record.levelname, record.getMessage()) for record in caplog.records if record.name == "projectcor"]
    assert told == [("WARNING", "COR cannot be reached; rows wait until it is back")]


def test_ctrl_c_while_a_handler_writes_a_record(client: projectcor.Client) -> None:
    class Interrupted(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise KeyboardInterrupt(record.levelname)

    logger, handler = logging.getLogger("projectcor"), Interrupted()
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.DEBUG)
    try:
        with pytest.raises(KeyboardInterrupt):
            client.projects.update(ID, source=SOURCE, name="N")
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    assert client.projects.update(ID, source=SOURCE, name="M").name == "M"


@posix
def test_ctrl_c_while_waiting_for_requests(cor: Sandbox) -> None:
    waited = interrupted(lambda: cor.wait_for_requests(1, timeout=30), lambda: None)
    assert waited < 10


def test_testing_is_available_after_importing_the_package() -> None:
    program = "import projectcor; print(projectcor.testing.Sandbox.__name__)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "Sandbox"


def test_importing_starts_no_thread_and_pulls_in_little() -> None:
    code = """
import sys, os
before = set(sys.modules)
import projectcor
new = sorted(name for name in set(sys.modules) - before if not name.startswith("projectcor"))
threads = len(os.listdir("/proc/self/task")) if os.path.exists("/proc/self/task") else 1
print(threads, new)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    threads, new = ended.stdout.split(" ", 1)
    assert threads == "1"
    heavy = {"typing", "asyncio", "dataclasses", "inspect", "logging", "json", "decimal", "datetime", "re", "enum"}
    assert heavy.isdisjoint(eval(new)), new


def test_a_client_starts_no_thread(cor: Sandbox) -> None:
    code = """
import os, projectcor
with projectcor.Client() as client:
    client.projects.update("SF-OPP-12345", source="SALESFORCE", name="N")
    print(len(os.listdir("/proc/self/task")) if os.path.exists("/proc/self/task") else 1)
"""
    ended = run(code, cor)
    assert (ended.stdout, ended.stderr) == ("1\n", "")


def test_everything_named_can_be_imported() -> None:
    for name in projectcor.__all__:
        assert getattr(projectcor, name) is not None
    assert projectcor.ProjectFields.__optional_keys__ == set(projectcor.FIELDS)
    assert projectcor.CreateFields.__optional_keys__ == {*projectcor.FIELDS, "brand_id", "product_id"}
    with pytest.raises(AttributeError, match="no attribute"):
        projectcor.nonsense  # noqa: B018


@pytest.mark.skipif(sys.version_info < (3, 10), reason="needs Python 3.10")
@pytest.mark.parametrize("name", ["Client", "Projects", "AsyncClient", "AsyncProjects", "ProjectUpdate"])
def test_type_hints_of_public_methods_resolve(name: str) -> None:
    cls = getattr(projectcor, name)
    methods = [method for key, method in inspect.getmembers(cls, inspect.isfunction) if not key.startswith("_")]
    assert methods
    for method in methods:
        hints = typing.get_type_hints(method)
        assert "return" in hints, method
        assert not [hint for hint in hints.values() if isinstance(hint, str)], method
