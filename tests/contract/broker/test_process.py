"""Broker process."""

import asyncio
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
import pytest
from azure.servicebus import (
    ServiceBusMessage,
)
from azure.servicebus.aio import ServiceBusClient

from sandbox.broker import Broker, Counts
from tests.contract.broker.harness import EMPTY, TIMEOUT_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="module")


@asynccontextmanager
async def broker_process(*arguments: str) -> AsyncIterator[tuple[Process, dict[str, Any]]]:
    """Run `python -m sandbox.broker`. Yields the process and its startup log entry."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sandbox.broker", "--port", "0", *arguments, stderr=PIPE
    )
    assert process.stderr is not None
    try:
        line = await asyncio.wait_for(process.stderr.readline(), TIMEOUT_SECONDS)
        yield process, msgspec.json.decode(line)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_process_logs_missing_persistence_and_stops_on_sigterm() -> None:
    async with broker_process("--queue", "stones", "--lock-seconds", "5") as (process, started):
        assert started["storage"] == "memory only"
        assert started["queues"] == ["stones"]
        connection_string = Broker({}, port=started["port"]).connection_string
        async with (
            ServiceBusClient.from_connection_string(connection_string) as client,
            client.get_queue_sender("stones") as sender,
        ):
            await sender.send_messages(ServiceBusMessage("a"))
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), TIMEOUT_SECONDS) == 0


@pytest.mark.parametrize("option", ["--port", "--control-port"])
async def test_port_in_use_is_named(option: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "sandbox.broker", "--port", "0", option, str(taken), stderr=PIPE
        )
        _, said = await asyncio.wait_for(process.communicate(), TIMEOUT_SECONDS)
    assert process.returncode == 1
    assert said.decode() == f"port {taken} is in use by another process; choose another with {option}\n"


async def test_process_is_controlled_over_http_and_stops_on_sigterm() -> None:
    port = unused_port()
    arguments = ("--queue", "stones", "--max-delivery-count", "2", "--control-port", str(port))
    async with (
        broker_process(*arguments) as (process, started),
        aiohttp.ClientSession(f"http://127.0.0.1:{port}", timeout=aiohttp.ClientTimeout(TIMEOUT_SECONDS)) as control,
    ):
        await until_listening(port)
        connection_string = Broker({}, port=started["port"]).connection_string

        async def counts() -> Counts:
            async with control.get("/queues") as answer:
                return msgspec.json.decode(await answer.read(), type=dict[str, Counts])["stones"]

        async def order(body: dict[str, object]) -> int:
            async with control.post("/faults", json=body) as answer:
                return answer.status

        async with (
            ServiceBusClient.from_connection_string(connection_string) as client,
            client.get_queue_sender("stones") as sender,
        ):
            assert await order({"queue": "stones", "duplicate": 1, "delay_seconds": 0, "reorder": False}) == 200
            assert await order({"queue": "nowhere"}) == 404
            assert await order({"queue": "stones", "duplicate": 2}) == 400
            assert await order({"queue": "stones", "typo": 2}) == 400
            await sender.send_messages(ServiceBusMessage("a"))
            assert (await counts()).active == 2
            async with control.delete("/faults") as answer:
                assert answer.status == 204
            await sender.send_messages(ServiceBusMessage("a"))
            assert (await counts()).active == 3
            async with control.post("/drop") as answer:
                assert answer.status == 204
            assert await counts() == EMPTY
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), TIMEOUT_SECONDS) == 0


async def until_listening(port: int) -> None:
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                await writer.wait_closed()
                return
