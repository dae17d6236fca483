"""Command line of the API, used by operators and scripts."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tests.integration.api.diamonds import MakeKey

SECONDS = 60
NOTHING: Mapping[str, str] = {}


class CommandResult(NamedTuple):
    code: int
    out: str
    err: str


async def start(
    *arguments: str, settings: Mapping[str, str] = NOTHING, cwd: Path | None = None
) -> asyncio.subprocess.Process:
    environment = {**os.environ, "LOG_FORMAT": "json", **settings}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=cwd, env=environment,
    )  # fmt: skip


async def run(*arguments: str, settings: Mapping[str, str] = NOTHING, cwd: Path | None = None) -> CommandResult:
    process = await start(*arguments, settings=settings, cwd=cwd)
    async with asyncio.timeout(SECONDS):
        out, err = await process.communicate()
    assert process.returncode is not None
    return CommandResult(process.returncode, out.decode(), err.decode())


@pytest.fixture
def servers(database_url: str, redis_url: str) -> Mapping[str, str]:
    return {"DATABASE_URL": database_url, "REDIS_URL": redis_url}


def decoded(ended: CommandResult) -> Any:
    assert ended.code == 0, ended.err
    return json.loads(ended.out)


async def test_key_is_created_listed_rotated_and_revoked_by_command(servers: Mapping[str, str]) -> None:
    scopes = ("--scope", "diamonds:read", "--scope", "sync:read")
    created = decoded(
        await run("keys", "create", "shop", *scopes, "--expires-in-days", "9", "--json", settings=servers)
    )
    assert created["key"].startswith(f"dia_live_{created['id']}_")
    assert (created["client_id"], created["scopes"]) == ("shop", ["diamonds:read", "sync:read"])
    rotated = decoded(await run("keys", "rotate", created["id"], "--keep-hours", "1", "--json", settings=servers))
    assert rotated["id"] != created["id"]
    assert (await run("keys", "revoke", created["id"], settings=servers)).code == 0
    listed = await run("keys", "list", "--json", settings=servers)
    assert [(key["id"], key["revoked_at"] is None) for key in decoded(listed)] == [
        (created["id"], False),
        (rotated["id"], True),
    ]
    table = await run("keys", "list", settings=servers)
    secrets = {key["key"].split("_")[3] for key in (created, rotated)}
    assert not any(secret in listed.out + table.out + table.err for secret in secrets)
    assert "key_hash" not in listed.out


async def test_new_key_is_only_text_on_standard_output(servers: Mapping[str, str]) -> None:
    ended = await run("keys", "create", "shop", "--client", "acme", "--scope", "diamonds:read", settings=servers)
    assert ended.out.startswith("dia_live_")
    assert ended.out.count("\n") == 1
    assert "not shown again" in ended.err


async def test_usage_error_is_one_line_without_traceback(servers: Mapping[str, str]) -> None:
    unknown = await run("keys", "revoke", "nobody", settings=servers)
    assert (unknown.code, unknown.err) == (1, "NOT_FOUND: There is no key nobody.\n")
    away = {**servers, "DATABASE_URL": "postgresql://x:x@127.0.0.1:1/x"}
    for command in (("keys", "list"), ("migrate",)):
        ended = await run(*command, settings=away)
        assert ended.code == 1
        assert "Connect call failed" in ended.err
        assert ended.err.count("\n") == 1


async def test_unmigrated_database_is_named(empty_database_url: str) -> None:
    servers = {"DATABASE_URL": empty_database_url}
    ended = await run("keys", "list", settings=servers)
    assert ended.code == 1
    assert "diamonds-app migrate" in ended.err
    assert (await run("migrate", settings=servers)).code == 0
    assert decoded(await run("keys", "list", "--json", settings=servers)) == []


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"DATABASE_URL": ""}, "DATABASE_URL: is not set. Example: DATABASE_URL=postgresql://"),
        ({"REDIS_URL": ""}, "REDIS_URL: is not set. Example: REDIS_URL=redis://"),
        ({"DATABASE_URL": "mysql://x:hidden@y"}, "DATABASE_URL: should begin with postgresql://"),
        ({"PORT": "http"}, "PORT: "),
    ],
)
async def test_invalid_setting_is_one_line_with_name(settings: Mapping[str, str], line: str) -> None:
    valid = {"DATABASE_URL": "postgresql://x:hidden@localhost/z", "REDIS_URL": "redis://localhost"}
    ended = await run("serve", settings={**valid, **settings})
    assert ended.code == 2
    assert ended.err.startswith(line)
    assert ended.err.count("\n") == 1
    assert "hidden" not in ended.err


async def test_port_in_use_is_named_with_remedy(servers: Mapping[str, str]) -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = taken.getsockname()[1]
        ended = await run("serve", "--port", str(port), settings=servers)
    assert ended.code == 2
    assert ended.err == f"Port {port} on 0.0.0.0: address already in use. Choose another with --port or PORT.\n"


async def test_serve_exits_cleanly_on_sigterm_and_log_contains_no_key(
    servers: Mapping[str, str], make_key: MakeKey
) -> None:
    key = await make_key()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = await start("serve", "--host", "127.0.0.1", "--port", str(port), settings=servers)
    response = None
    async with asyncio.timeout(SECONDS), httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        while response is None:
            with contextlib.suppress(httpx.ConnectError):
                response = await client.get("/api/v2/diamonds", headers={"X-API-Key": key})
            await asyncio.sleep(0.05)
    assert response.status_code == 403
    assert "server" not in response.headers
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(SECONDS):
        _, err = await process.communicate()
    assert process.returncode == 0
    events = [json.loads(line) for line in err.decode().splitlines()]
    (request,) = (event for event in events if event["event"] == "request_completed")
    assert (request["client_id"], request["status"], request["path"]) == ("test-client", 403, "/api/v2/diamonds")
    assert request["trace_id"] == response.headers["x-request-id"]
    assert request["duration_ms"] > 0
    assert key.split("_")[3] not in err.decode()


async def test_generated_files_are_written_and_compared(tmp_path: Path) -> None:
    missing = await run("schema", "--check", cwd=tmp_path)
    assert missing.code == 1
    assert (
        missing.err
        == "Not up to date: schema.graphql and .env.example and openapi.json and docs/reference/errors.md and "
        "docs/reference/events.md and docs/reference/graphql-schema.md and docs/reference/rest.md and docs/reference/scopes.md and "
        "docs/reference/settings.md. Run `make schema` and commit the result.\n"
    )
    assert (await run("schema", cwd=tmp_path)).code == 0
    assert (await run("schema", "--check", cwd=tmp_path)).code == 0
    assert "type Diamond implements Node" in (tmp_path / "schema.graphql").read_text()
    (tmp_path / "schema.graphql").write_text("type Query")
    stale = await run("schema", "--check", cwd=tmp_path)
    assert (stale.code, "schema.graphql" in stale.err, ".env" in stale.err) == (1, True, False)
