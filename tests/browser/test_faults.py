"""Nine faults of a night, each repaired with the dashboard only (docs/how-to/repair-with-the-dashboard.md)."""

import asyncio
import json
import os
import sys
from pathlib import Path

import msgspec
import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient

from sandbox.up import Address
from tests.acceptance.commands import Command, started
from tests.browser.test_dashboard import BROWSER, HERE, SHOTS, START_SECONDS
from tests.foreign.npm import run_node

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(1200)]

SECONDS = 900
STONES = 1200
# An attempt to read a partition ends after seconds instead of minutes.
IMPATIENT = {"SYNC_OUTAGE_SECONDS": "2", "NIVODA_TRIES": "2"}
# What the dashboard names as the cause, in its words.
CAUSES = {
    "mass_delete": "MASS_DELETE_STOPPED",
    "quarantine": "QUARANTINE_EXCEEDED",
    "refused_login": "refused the credentials",
    "outage_during_planning": "HTTP 503",
    "outage_during_reading": "HTTP 503",
    "killed_worker": "partitions",
    "frozen_redis": "Redis does not answer",
    "poison_message": "UnreadableMessage",
    "broker_outage": "Failed",
}


@pytest.mark.skipif(BROWSER is None, reason="needs a Chromium")
async def test_each_fault_is_repaired_with_the_dashboard_only(tmp_path: Path) -> None:
    file = tmp_path / "up.json"
    await asyncio.to_thread(SHOTS.mkdir, parents=True, exist_ok=True)
    arguments = ("up", "--stones", f"{STONES}", "--port", "0", "--lock-seconds", "5", "--json", f"{file}")
    async with started(*arguments, given=IMPATIENT) as stack:
        await stack.said("Ready", START_SECONDS)
        address = msgspec.json.decode(file.read_bytes(), type=Address)
        await send_unreadable(address)
        given = {
            "URL": address.api,
            "KEY": address.admin_key,
            "CONTROL": address.supplier_control or "",
            "CHROMIUM": BROWSER or "",
            "SHOTS": f"{SHOTS}",
            "WORKERS": processes(stack, "sync worker"),
            "REDIS": processes(stack, "valkey-server"),
            "BROKER": processes(stack, "sandbox.broker"),
            "HOME": os.environ.get("HOME", "/tmp"),  # noqa: S108 - the browser wants one
        }
        answer = json.loads(await run_node(HERE, "faults.js", given, SECONDS))
    seen = answer["seen"]
    for name, one in seen.items():
        sys.stdout.write(f"{name:24}{one['seconds']:6.1f} s  {one['action']}; {one['repaired']}. {one['found']}\n")
    assert answer["errors"] == []
    assert {name: CAUSES[name] in one["found"] for name, one in seen.items()} == dict.fromkeys(CAUSES, True)
    assert {one["repaired"] for name, one in seen.items() if name != "poison_message"} == {"✓ Completed"}


async def send_unreadable(address: Address) -> None:
    async with (
        ServiceBusClient.from_connection_string(address.servicebus) as client,
        client.get_queue_sender("work-items") as sender,
    ):
        await sender.send_messages(ServiceBusMessage(b"not a work item"))


def processes(stack: Command, words: str) -> str:
    """The numbers of the stack's processes with these words in their command line."""
    found = [str(number) for number, line in stack.descendants().items() if words in line]
    assert found, f"no process {words}"
    return ",".join(found)
