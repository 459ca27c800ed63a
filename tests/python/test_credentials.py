"""Token providers, profiles and ``auth_status``, by both clients."""

from __future__ import annotations

import asyncio
import gc
import json
import math
import os
import pickle
import sys
import threading
import weakref
from datetime import timedelta
from pathlib import Path
from typing import Any

import projectcor
import pytest
from common import ID, SOURCE
from projectcor import AsyncClient, AuthError, AuthStatus, Client, ConfigError
from projectcor._auth import LoopTokens
from projectcor.testing import Sandbox

TOKEN = "sandbox-token"


class Counting:
    """A token that COR rejects, then the sandbox's; counts how often it is asked, and on which threads."""

    def __init__(self) -> None:
        self.threads: list[int] = []

    def __call__(self) -> str:
        self.threads.append(threading.get_ident())
        return TOKEN if len(self.threads) > 1 else "old-token"


def updated(client: Client) -> None:
    assert client.projects.update(ID, source=SOURCE, name="N").name == "N"


async def updated_later(client: AsyncClient) -> None:
    assert (await client.projects.update(ID, source=SOURCE, name="N")).name == "N"


def test_provider_is_asked_on_a_thread_of_its_own_and_once_more_after_a_401(cor: Sandbox) -> None:
    provider = Counting()
    with Client(base_url=cor.base_url, token_provider=provider) as client:
        rows = ({"id": ID, "name": f"N{n}"} for n in range(50))
        assert all(item.ok for item in client.projects.update_many(rows, source=SOURCE))
        updated(client)
    assert len(provider.threads) == 2
    assert threading.get_ident() not in provider.threads


@pytest.mark.parametrize("kind", ["function", "coroutine", "awaitable"])
def test_asynchronous_client_takes_both_kinds_of_provider(cor: Sandbox, kind: str) -> None:
    count = Counting()
    loops: list[object] = []

    async def coroutine() -> str:
        loops.append(asyncio.get_running_loop())
        await asyncio.sleep(0)
        return count()

    provider: Any = {"function": count, "coroutine": coroutine, "awaitable": lambda: coroutine()}[kind]

    async def main() -> None:
        async with AsyncClient(base_url=cor.base_url, token_provider=provider) as client:
            await asyncio.gather(*(updated_later(client) for _ in range(20)))
            rows = ({"id": ID, "name": f"N{n}"} for n in range(50))
            assert all([item.ok async for item in client.projects.update_many(rows, source=SOURCE)])
            if kind != "function":
                assert set(loops) == {asyncio.get_running_loop()}

    asyncio.run(main())
    assert len(count.threads) == 2


def test_asynchronous_provider_is_awaited_in_each_event_loop(cor: Sandbox) -> None:
    loops: list[object] = []

    async def provider() -> tuple[str, float]:
        loops.append(asyncio.get_running_loop())
        return TOKEN, 3600.0

    client = AsyncClient(base_url=cor.base_url, token_provider=provider)
    asyncio.run(updated_later(client))
    second = AsyncClient(base_url=cor.base_url, token_provider=provider)
    asyncio.run(updated_later(second))
    asyncio.run(updated_later(client))
    assert len(loops) == 2, "the token of the first loop is still good"


def test_asynchronous_provider_is_asked_in_another_event_loop_when_its_own_ends(cor: Sandbox) -> None:
    asked: list[object] = []
    was_called = threading.Event()

    async def provider() -> str:
        asked.append(asyncio.get_running_loop())
        if len(asked) == 1:
            while not was_called.is_set():
                await asyncio.sleep(0.01)
            return "old-token"
        if len(asked) == 2:
            await asyncio.Event().wait()
        return TOKEN

    client = AsyncClient(base_url=cor.base_url, token_provider=provider)

    async def called_last() -> None:
        call = asyncio.ensure_future(updated_later(client))
        await asyncio.sleep(0)
        call.cancel()
        was_called.set()
        while len(asked) < 2:
            await asyncio.sleep(0.01)

    async def main() -> None:
        call = asyncio.ensure_future(updated_later(client))
        while not asked:
            await asyncio.sleep(0.01)
        other = threading.Thread(target=asyncio.run, args=(called_last(),))
        other.start()
        await call
        other.join()
        loop = asyncio.get_running_loop()
        assert [known is loop for known in asked] == [True, False, True]

    asyncio.run(main())


@pytest.mark.parametrize("closed", [True, False])
def test_asynchronous_provider_is_awaited_in_no_event_loop_that_has_ended(closed: bool) -> None:
    loops: list[object] = []

    async def provider() -> str:
        loops.append(asyncio.get_running_loop())
        return TOKEN

    tokens = LoopTokens(provider)
    ended = asyncio.new_event_loop()
    if closed:
        ended.close()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        tokens.called_in(loop)
        tokens.called_in(ended)
        assert await loop.run_in_executor(None, tokens) == TOKEN
        assert loops == [loop]

    asyncio.run(main())
    with pytest.raises(RuntimeError, match="no event loop of a call is running"):
        tokens()
    ended.close()


@pytest.mark.parametrize("lifetime", [-1, 0, 1e300, math.inf, 30 * 86400, timedelta(days=30), timedelta(days=-1)])
def test_lifetime_may_be_any_number_or_timedelta(cor: Sandbox, lifetime: Any) -> None:
    with Client(base_url=cor.base_url, token_provider=lambda: (TOKEN, lifetime)) as client:
        updated(client)


def test_provider_may_use_a_blocking_client(cor: Sandbox) -> None:
    def provider() -> str:
        with Client(base_url=cor.base_url, token=TOKEN) as other:
            updated(other)
        return TOKEN

    with Client(base_url=cor.base_url, token_provider=provider) as client:
        updated(client)
    assert len(cor.requests) == 2


def fail() -> str:
    raise LookupError("the vault is sealed")


@pytest.mark.parametrize(
    ("provider", "says"),
    [
        (fail, "could not update project"),
        (fail, "the token provider failed: LookupError: the vault is sealed"),
        (lambda: 7, "it returned int instead of the token"),
        (lambda: ("hush-0123456789",), "it returned tuple instead of the token"),
        (lambda: ("hush-0123456789", "an hour"), "the lifetime of the token is str; return a number of seconds"),
        (lambda: ("hush-0123456789", math.nan), "the lifetime of the token is NaN; return a number of seconds"),
        (lambda: "two words", "the token from the token provider is empty or holds spaces"),
    ],
)
def test_provider_that_fails_is_an_auth_error_with_its_text(cor: Sandbox, provider: Any, says: str) -> None:
    with Client(base_url=cor.base_url, token_provider=provider) as client, pytest.raises(AuthError) as caught:
        updated(client)
    assert says in str(caught.value)
    assert "hush" not in str(caught.value)
    assert caught.value.outcome == "not_applied"
    assert caught.value.attempts == 0
    assert not cor.requests


def test_what_cannot_be_a_provider_is_refused() -> None:
    async def provider() -> str:
        return TOKEN

    with pytest.raises(TypeError, match="a coroutine function, which Client does not await"):
        Client(token_provider=provider)
    for client in (Client, AsyncClient):
        with pytest.raises(TypeError, match="token_provider must be callable, not str"):
            client(token_provider="sandbox-token")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        with pytest.raises(ConfigError, match="token is set, and a token provider as well"):
            client(token="t", token_provider=lambda: "t")


def test_closed_client_lets_go_of_its_provider(cor: Sandbox) -> None:
    class App:
        def __init__(self) -> None:
            self.client = Client(base_url=cor.base_url, token_provider=self.token)

        def token(self) -> str:
            return TOKEN

    app = App()
    updated(app.client)
    app.client.close()
    gone = weakref.ref(app)
    del app
    gc.collect()
    assert gone() is None


def config(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "config.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_profile_has_address_credentials_and_source(
    cor: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"[profile.acme]\nbase_url = {json.dumps(cor.base_url)}\nsource = 'SALESFORCE'\n"
    command = json.dumps([sys.executable, "-c", f"print({TOKEN!r})"])
    monkeypatch.setenv("COR_CONFIG", str(config(tmp_path, f"{text}token_command = {command}\n")))
    with Client(profile="acme") as client:
        assert client.projects.update(ID, name="A").name == "A"
        assert client.projects.update_all([{"id": ID, "name": "B"}]).applied == 1
        assert client.projects.sync([{"id": ID, "name": "C"}], state=tmp_path / "s.db").applied == 1
        status = client.auth_status()
    assert (status.result, status.credentials, status.profile) == ("accepted", "token_command", "acme")

    async def main() -> str | None:
        async with AsyncClient() as client:
            return (await client.projects.update(ID, name="D")).name

    monkeypatch.setenv("COR_PROFILE", "acme")
    assert asyncio.run(main()) == "D"
    with pytest.raises(ConfigError, match="has no such profile; its profiles are acme"):
        Client(profile="other")


@pytest.mark.skipif(os.name != "posix", reason="modes of files")
def test_profile_that_others_can_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = config(tmp_path, "[profile.acme]\ntoken = 'hush-0123456789'\n", 0o644)
    monkeypatch.setenv("COR_CONFIG", str(path))
    with pytest.raises(ConfigError) as caught:
        Client(profile="acme")
    assert str(caught.value).endswith(f"; run: chmod 600 {path}")
    assert "hush" not in str(caught.value)


def test_status_is_plain_data(cor: Sandbox) -> None:
    with cor.client() as client:
        status = client.auth_status()
    assert isinstance(status, AuthStatus)
    assert status == pickle.loads(pickle.dumps(status))
    assert status == AuthStatus(
        result="accepted",
        asked=f"GET {cor.base_url}/v1/me",
        credentials="token",
        credentials_from="the options",
        profile=None,
        config_file=None,
        base_url=cor.base_url,
        token_url=None,
        proxy=None,
        ca_file=None,
        error=None,
        text=status.text,
    )
    assert str(status).splitlines()[0] == "credentials  a token"
    assert TOKEN not in repr(status)


def test_refused_credentials_are_a_result(cor: Sandbox) -> None:
    async def main() -> AuthStatus:
        async with AsyncClient(base_url=cor.base_url, token="wrong-0123456789") as client:
            return await client.auth_status()

    status = asyncio.run(main())
    assert status.result == "refused"
    assert status.error is not None
    assert "COR did not accept the token" in status.error
    assert "wrong-0123456789" not in repr(status)
    with Client(base_url=cor.base_url, token_provider=fail) as client:
        assert "the vault is sealed" in str(client.auth_status())
    with pytest.raises(RuntimeError, match="closed"):
        client.auth_status()


def test_names_are_exported() -> None:
    assert projectcor.AuthStatus.__module__ == "projectcor._auth"
