"""Simulator process."""

import asyncio
import json
import signal
import sys
from contextlib import suppress

import httpx
import pytest

from sandbox.supplier.server import DEFAULT_ACCOUNT
from tests.contract.simulator.client import LOGIN, Client


@pytest.mark.parametrize("stalled", [False, True])
async def test_process_prints_addresses_and_stops_on_sigterm(stalled: bool) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sandbox.supplier", "--stones", "60", "--seed", "3", "--bad-data", "0"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        addresses = json.loads(await process.stdout.readline())
        waiting: asyncio.Task[httpx.Response] | None = None
        async with httpx.AsyncClient() as http:
            summary = (await http.get(addresses["control"] + "/control/summary")).json()
            assert summary["stones"] == summary["usable"] == 60
            login = {
                "query": LOGIN,
                "variables": {"username": DEFAULT_ACCOUNT.username, "password": DEFAULT_ACCOUNT.password},
            }
            assert "data" in (await http.post(addresses["endpoint"], json=login)).json()
            if stalled:
                faults = {"rules": [{"kind": "stall", "seconds": 600}]}
                await http.post(addresses["control"] + "/control/faults", json=faults)
                waiting = asyncio.create_task(http.post(addresses["endpoint"], json=login, timeout=60))
                calls = addresses["control"] + "/control/calls"
                while "stall" not in (await http.get(calls)).text:
                    pass  # until the supplier has received it
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
            if waiting is not None:
                # An aborted call is a lost connection or a server error, never a result.
                with suppress(httpx.TransportError):
                    assert (await waiting).status_code == 500
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_port_in_use_is_named(client: Client) -> None:
    taken = client.simulator.control.rpartition(":")[2]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sandbox.supplier", "--stones", "5", "--port", taken),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    assert process.returncode == 1
    assert f"port {taken} is in use".encode() in errors
    assert b"--port" in errors
