"""`python -m sandbox up`: a stack that other processes use, that restarts its processes, and that leaves nothing."""

import asyncio
import hashlib
import hmac
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import asyncpg
import msgspec
import pytest

from app.auth.scopes import Scope
from sandbox.roles import settings_of
from sandbox.up import Address, Hmac
from tests.acceptance.commands import (
    TIMEOUT_SECONDS,
    alive,
    clean_environment,
    control,
    expected_prices,
    retail_prices,
    started,
    until,
)

# `diamonds` without a filter leaves out sold and unavailable ones.
_COUNT = "{ diamonds(filter: {availability: [AVAILABLE, ON_HOLD, SOLD, UNAVAILABLE]}) { totalCount } }"

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(300)]

STONES = 2000
CHANGED = 50
EMPTY = hashlib.sha256(b"").hexdigest()


def address_in(path: Path) -> Address:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert set(msgspec.json.decode(path.read_bytes())) == set(Address.__struct_fields__)
    return msgspec.json.decode(path.read_bytes(), type=Address)


async def scopes_of(postgres: str) -> list[tuple[str, frozenset[str]]]:
    """The clients with a key, and its scopes, in order of creation."""
    connection = await asyncpg.connect(postgres, timeout=10)
    try:
        rows = await connection.fetch("SELECT client_id, scopes FROM inventory.api_keys ORDER BY created_at")
    finally:
        await connection.close()
    return [(row["client_id"], frozenset(row["scopes"])) for row in rows]


async def run_after(postgres: str, run_id: str) -> asyncpg.Record:
    """A run after its end."""
    connection = await asyncpg.connect(postgres, timeout=10)
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while True:
                row = await connection.fetchrow("SELECT * FROM inventory.run_metadata WHERE id::text = $1", run_id)
                if row is not None and row["completed_at"]:
                    return row
                await asyncio.sleep(0.1)
    finally:
        await connection.close()


def signed_v1(client: Hmac, path: str) -> dict[str, str]:
    """Signature headers of version 1 for a request without a body."""
    now = str(int(time.time()))
    return headers_of(client, now, f"GET\n{path}\n{now}\n{EMPTY}")


def signed_v2(client: Hmac, api: str, query: str) -> dict[str, str]:
    """Signature headers of version 2 for a search."""
    now = str(int(time.time()))
    text = f"v2\nGET\n{api.removeprefix('http://')}\n/api/v2/diamonds\n{query}\n{now}\nonce\n{EMPTY}"
    return {**headers_of(client, now, text), "X-Signature-Version": "2", "X-Nonce": "once"}


def headers_of(client: Hmac, now: str, text: str) -> dict[str, str]:
    digest = hmac.new(client.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return {"X-Client-Id": client.client_id, "X-Timestamp": now, "X-Signature": digest}


async def status_of(url: str, headers: Mapping[str, str] | None = None) -> int:
    """The status of a response. 0 if the server is unreachable."""
    try:
        async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
            return answer.status
    except aiohttp.ClientError:
        return 0


async def output_of(command: str) -> Any:
    """The JSON that a printed command writes."""
    process = await asyncio.create_subprocess_shell(command, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    return msgspec.json.decode(out)


async def until_served(url: str, headers: Mapping[str, str]) -> None:
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while await status_of(url, headers) != 200:  # noqa: ASYNC110 - no event tells it
            await asyncio.sleep(0.1)


async def test_file_describes_stack_for_users_and_other_processes(tmp_path: Path) -> None:
    path = tmp_path / "up.json"
    path.write_text("what an earlier stack left")
    arguments = ("--stones", str(STONES), "--port", "0", "--json", str(path), "--lock-seconds", "5")
    async with started("up", *arguments) as command:
        printed = await command.said("Ready: ")
        address = address_in(path)
        environment_file = Path(".local") / f"sandbox-{urlsplit(address.api).port}.env"
        assert environment_file.is_file()
        # These stones have no lab-grown ovals: the printed search finds others.
        search = next(line for line in printed.splitlines() if line.startswith("curl "))
        assert len((await output_of(search))["data"]["diamonds"]["nodes"]) == 3
        assert await status_of(f"{address.api}/ready") == 200
        assert (await status_of(address.shop), await status_of(f"{address.api}/api-docs")) == (200, 200)
        for key in (address.shop_key, address.api_key, address.admin_key, *address.client_keys):
            assert await status_of(f"{address.api}/api/v2/diamonds?limit=1", {"X-API-Key": key}) == 200
        clients = await scopes_of(address.postgres)
        assert [scopes for _, scopes in clients] == [
            frozenset({"diamonds:read", "searches:write", "holds:write", "purchases:write", "schema:read"}),
            frozenset(Scope),
            frozenset({"diamonds:read"}),
            frozenset(Scope),
            *[frozenset({"diamonds:read", "holds:write", "purchases:write"})] * 9,
        ]
        assert len({*address.client_keys}) == 8
        assert len({client for client, _ in clients}) == 13
        assert address.hmac is not None
        for headers in (signed_v1(address.hmac, "/api/v2/diamonds"), signed_v2(address.hmac, address.api, "limit=1")):
            assert await status_of(f"{address.api}/api/v2/diamonds?limit=1", headers) == 200
        async with (
            aiohttp.ClientSession(headers={"X-API-Key": address.api_key}) as session,
            session.post(address.graphql, json={"query": _COUNT}) as answer,
        ):
            total = (await answer.json())["data"]["diamonds"]["totalCount"]

        assert address.supplier_control is not None
        prices = await expected_prices(address.supplier_control)
        assert total == len(prices)
        assert await retail_prices(address.postgres) == prices

        settings = settings_of(address.env)
        assert settings.sync.lease_seconds == 5
        await control(address.supplier_control, "change", {"count": CHANGED})
        schedule = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "sync", "schedule", "--json"],
            env=clean_environment() | address.env,
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            check=True,
        )
        run = await run_after(address.postgres, msgspec.json.decode(schedule.stdout)["run_id"])
        assert (run["run_type"], run["status"]) == ("incremental", "completed")
        assert run["distinct_stones"] == CHANGED
        assert await retail_prices(address.postgres) == await expected_prices(address.supplier_control)

        family = command.descendants()
        directory = Path(address.env["WATERMARK_DIRECTORY"]).parent
        assert directory.is_dir()
        assert await command.ends(signal.SIGTERM) == 0
        assert not [line for number, line in family.items() if alive(number)]
        assert not directory.exists()
        assert not environment_file.exists()


async def test_dead_processes_are_restarted_until_launcher_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "up.json"
    async with started("up", "--stones", "100", "--port", "0", "--json", str(path)) as command:
        await command.said("Ready: ")
        address = address_in(path)
        family = command.descendants()
        roles = ("-m app serve", "-m sync worker", "bin/postgres")
        dead = [command.child(role) for role in roles]
        for number in dead:
            os.kill(number, signal.SIGKILL)
        await until(lambda: all(any(role in line for line in command.descendants().values()) for role in roles))
        assert not {command.child(role) for role in roles} & set(dead)
        await until_served(f"{address.api}/api/v2/diamonds?limit=1", {"X-API-Key": address.api_key})

        family |= command.descendants()
        command.process.kill()
        await command.ends()
        await until(lambda: not any(alive(number) for number in family))
