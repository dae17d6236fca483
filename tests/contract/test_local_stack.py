"""Local stack: all parts start, each part is replaceable, nothing remains after it stops."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import asyncpg
import msgspec
import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient
from redis.asyncio import Redis

from inventory.core.settings import Settings
from sandbox.roles import settings_of
from sandbox.stack.postgres import Postgres
from sandbox.stack.process import ProcessFailed
from sandbox.stack.programs import SupplierOptions
from sandbox.stack.scratch import scratch_directory
from sandbox.stack.signals import Stopped, stopping_on_signals
from sandbox.stack.stack import Stack
from sandbox.stack.valkey import Valkey

TIMEOUT_SECONDS = 60
FEW_STONES = SupplierOptions(stones=200)

# Replaces the parts that a test does not cover. No test calls these addresses.
REPLACEMENTS = {
    "AZURE_SERVICE_BUS_CONNECTION_STRING": "Endpoint=sb://example.servicebus.windows.net;...",
    "AZURE_STORAGE_CONNECTION_STRING": "DefaultEndpointsProtocol=https;AccountName=example",
    "NIVODA_ENDPOINT": "https://example.com/api/diamonds",
}

# A replacement of `make up`: prints its processes and addresses, then waits.
LAUNCHER = """
import asyncio, json, os, sys
from sandbox.stack.programs import SupplierOptions
from sandbox.stack.signals import Stopped, stopping_on_signals
from sandbox.stack.stack import Stack

async def main():
    stack = Stack(os.environ, supplier=SupplierOptions(stones=200))
    try:
        async with stopping_on_signals(), stack:
            web = stack.launch("web", "http.server", "--bind", "127.0.0.1", "0")
            pids = [web.pid, *(server.pid for server in stack.servers)]
            print(json.dumps({"pids": pids, "directory": str(stack.directory)}), flush=True)
            await stack.watch()
    except Stopped as stopped:
        sys.exit(100 + stopped.number)

asyncio.run(main())
"""


class LaunchReport(msgspec.Struct):
    """The report that a launcher prints."""

    pids: list[int]
    directory: str


def alive(pid: int) -> bool:
    """Whether a process runs. A zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def with_children(pids: list[int]) -> list[int]:
    """These processes and their current descendants."""
    children = [child for pid in pids for child in children_of(pid)]
    return [*pids, *with_children(children)] if children else pids


def children_of(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []  # it has just ended, as a session of Postgres does


def exists(path: str) -> bool:
    return Path(path).exists()


def clean_environment() -> dict[str, str]:
    """The environment of the tests without any setting that replaces a part."""
    settings = {variable.name for variable in Settings.variables()}
    return {name: value for name, value in os.environ.items() if name not in settings}


def write_program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while not condition():  # noqa: ASYNC110 - what happens to other processes sets no event here
            await asyncio.sleep(0.005)


@asynccontextmanager
async def launcher() -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", LAUNCHER), stdout=asyncio.subprocess.PIPE, env=clean_environment(), process_group=0
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def read_report(process: asyncio.subprocess.Process) -> LaunchReport:
    assert process.stdout is not None
    async with asyncio.timeout(TIMEOUT_SECONDS):
        launched = msgspec.json.decode(await process.stdout.readline(), type=LaunchReport)
    assert len(launched.pids) == len(("web", "postgres", "valkey", "broker", "supplier"))
    assert all(alive(pid) for pid in launched.pids)
    launched.pids = with_children(launched.pids)
    return launched


async def test_killed_launcher_leaves_no_process_and_next_start_removes_files() -> None:
    async with launcher() as process:
        launched = await read_report(process)
        process.kill()
        await process.wait()
        await until(lambda: not any(alive(pid) for pid in launched.pids))
    assert exists(launched.directory)
    async with launcher() as process:
        await read_report(process)
        assert not exists(launched.directory)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_stopped_launcher_stops_processes_and_removes_files(number: signal.Signals) -> None:
    async with launcher() as process:
        launched = await read_report(process)
        os.killpg(process.pid, number)  # as a terminal does on Ctrl-C
        async with asyncio.timeout(TIMEOUT_SECONDS):
            assert await process.wait() == 100 + number
    assert not any(alive(pid) for pid in launched.pids)
    assert not exists(launched.directory)


async def test_launcher_stopped_during_start_leaves_nothing() -> None:
    async with launcher() as process:
        assert process.stdout is not None
        await until(lambda: len(with_children([process.pid])) > 1)
        started = with_children([process.pid])
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(TIMEOUT_SECONDS):
            assert await process.stdout.read() == b""
            assert await process.wait() == 100 + signal.SIGTERM
    await until(lambda: not any(alive(pid) for pid in started))


async def test_second_signal_does_not_interrupt_cleanup() -> None:
    steps = []

    async def command() -> None:
        async with stopping_on_signals():
            try:
                os.kill(os.getpid(), signal.SIGTERM)
                await asyncio.sleep(TIMEOUT_SECONDS)
                steps.append("worked on")
            finally:
                os.kill(os.getpid(), signal.SIGTERM)
                await asyncio.sleep(0.05)
                steps.append("cleaned up")

    with pytest.raises(Stopped, match="stopped by SIGTERM"):
        await command()
    assert steps == ["cleaned up"]


async def test_stack_environment_reaches_every_server() -> None:
    async with Stack(clean_environment(), supplier=FEW_STONES) as stack:
        settings = settings_of(stack.environment)
        connection = await asyncpg.connect(settings.database.need("url"), timeout=10)
        assert await connection.fetchval("SELECT current_database()") == "diamonds"
        await connection.close()
        async with Redis.from_url(settings.redis.need("url")) as redis:
            assert await redis.ping()
        async with (
            ServiceBusClient.from_connection_string(settings.service_bus.need("connection_string")) as bus,
            bus.get_queue_sender(settings.service_bus.queue_work_items) as sender,
            bus.get_queue_receiver(settings.service_bus.queue_work_items) as receiver,
        ):
            await sender.send_messages(ServiceBusMessage("partition"))
            (message,) = await receiver.receive_messages(max_wait_time=10)
            assert str(message) == "partition"
            await receiver.complete_message(message)
        assert exists(settings.watermark.need("directory"))
        async with aiohttp.ClientSession() as session:
            assert stack.supplier is not None
            async with session.get(f"{stack.supplier.control_url}/control/summary") as answer:
                assert (await answer.json())["stones"] == FEW_STONES.stones


async def test_configured_part_is_used_and_not_started(postgres: Postgres, valkey: Valkey) -> None:
    given = REPLACEMENTS | {"DATABASE_URL": postgres.url(), "REDIS_URL": valkey.url()}
    async with Stack(clean_environment() | given) as stack:
        assert stack.environment == given
        assert stack.servers == []


async def test_empty_setting_counts_as_unset(valkey: Valkey) -> None:
    outside = clean_environment() | {"DATABASE_URL": "", "REDIS_URL": valkey.url()} | REPLACEMENTS
    async with Stack(outside) as stack:
        assert stack.servers == [stack.postgres]
        assert stack.environment["REDIS_URL"] == valkey.url()


async def test_direct_url_of_another_database_is_not_used(valkey: Valkey) -> None:
    outside = clean_environment() | {"DATABASE_DIRECT_URL": "postgresql://elsewhere/production"} | REPLACEMENTS
    async with Stack(outside | {"REDIS_URL": valkey.url()}) as stack:
        assert stack.environment["DATABASE_DIRECT_URL"] == stack.environment["DATABASE_URL"]
        assert "elsewhere" not in stack.environment["DATABASE_URL"]


async def test_failed_server_stops_others_and_is_reported() -> None:
    with scratch_directory() as bindir:
        write_program(bindir / "initdb", "echo 'the disk is full' >&2; exit 1")
        write_program(bindir / "postgres", "echo 'postgres (PostgreSQL) 18.0'")
        stack = Stack(clean_environment() | {"POSTGRES_BINDIR": str(bindir)} | REPLACEMENTS)
        with pytest.raises(ProcessFailed, match=r"(?s)initdb ended with exit code 1.*the disk is full"):
            await stack.__aenter__()
    assert not any(server.process and server.process.running for server in stack.servers)
    assert not exists(str(stack.directory))


async def test_watch_reports_server_that_exits(postgres: Postgres) -> None:
    async with Stack(clean_environment() | {"DATABASE_URL": postgres.url()} | REPLACEMENTS) as stack:
        watch = asyncio.create_task(stack.watch())
        assert stack.valkey is not None
        await stack.valkey.kill()
        with pytest.raises(ProcessFailed, match="Valkey ended unexpectedly with exit code -9"):
            await watch
