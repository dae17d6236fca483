"""Causes nine faults in a sandbox, repairs each in the terminal, and writes the output into docs/how-to/faults.md.

`python -m tests.acceptance.fault_page` takes about six minutes. It ends with an error if a repair does not work; the page is then
unchanged.
"""

import asyncio
import os
import re
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Self

import msgspec
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient

from sandbox.up import Address
from tests.acceptance.commands import Command, clean_environment, started

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "faults.md"
STONES = 3000
_READY_SECONDS = 240
_COMMAND_SECONDS = 300
_LINES_SHOWN = 24


class Terminal:
    """A terminal beside a stack. It records commands with their output, exit code and duration."""

    def __init__(self, address: Address, stack: Command) -> None:
        self.address = address
        self._stack = stack
        self._variables = {
            **clean_environment(),
            **address.env,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "CONTROL": address.supplier_control or "",
            "COLUMNS": "80",
        }
        self._text: list[str] = []
        self.seconds = 0.0

    def begin(self) -> Self:
        """Begin the record of another fault."""
        self._text, self.seconds = [], 0.0
        return self

    @property
    def record(self) -> str:
        return "\n\n".join(self._text)

    def note(self, text: str) -> None:
        """Record something that is not done in this terminal."""
        self._text.append(f"({text})")

    async def run(self, line: str, *, code: int = 0, wanted: str = "", given: Mapping[str, str] | None = None) -> str:
        """Run a command, and record it.

        Raises:
            RuntimeError: it ended with another exit code, or its output does not contain `wanted`.
        """
        began = time.monotonic()
        process = await asyncio.create_subprocess_shell(
            line,
            env=self._variables | dict(given or {}),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(_COMMAND_SECONDS):
            output = (await process.communicate())[0].decode().rstrip()
        seconds = time.monotonic() - began
        if process.returncode != code or wanted not in output:
            raise RuntimeError(f"{line} ended with {process.returncode}, wanted {code} and {wanted!r}:\n{output}")
        self.seconds += seconds
        lines = [text for text in output.splitlines() if not text.startswith('{"')]  # log lines
        if len(lines) > _LINES_SHOWN:
            lines[_LINES_SHOWN:] = [f"[... {len(lines) - _LINES_SHOWN} more lines]"]
        shown = [f"$ {line}", *lines, f"(exit code {process.returncode}, {seconds:.1f} s)"]
        self._text.append("\n".join(shown))
        return output

    def processes(self, words: str) -> str:
        """The numbers of the stack's processes with these words in their command line."""
        found = [str(number) for number, line in self._stack.descendants().items() if words in line]
        if not found:
            raise RuntimeError(f"no process of the stack contains {words!r}")
        return " ".join(found)


async def mass_delete(terminal: Terminal) -> None:
    await terminal.run("""curl -sS "$CONTROL/control/remove" --json '{"count": 900, "seed": 1}' > /dev/null""")
    await terminal.run("diamonds-sync schedule --full")
    await terminal.run("diamonds-sync runs watch", code=1, wanted="MASS_DELETE_STOPPED")
    await terminal.run("diamonds-sync runs show latest --missing --limit 3", wanted="did not contain")
    terminal.note("the supplier confirms that they are gone")
    await terminal.run("diamonds-sync consolidate --allow-mass-delete latest")
    await terminal.run("diamonds-sync runs watch", wanted="completed")


async def quarantine(terminal: Terminal) -> None:
    await terminal.run(
        """curl -sS "$CONTROL/control/faults" --json '{"seed": 1, "rules": [{"kind": "labgrown", "stones_share": 0.2, "shown": "LG"}]}' > /dev/null"""
    )
    await terminal.run("diamonds-sync schedule --full")
    await terminal.run("diamonds-sync runs watch", code=1, wanted="QUARANTINE_EXCEEDED")
    await terminal.run("diamonds-sync quarantine list --run latest", wanted="PROBLEM")
    terminal.note("the supplier repairs its feed")
    await terminal.run('curl -sS -X DELETE "$CONTROL/control/faults" > /dev/null')
    await terminal.run("diamonds-sync schedule --full")
    await terminal.run("diamonds-sync runs watch", wanted="completed")


async def refused_login(terminal: Terminal) -> None:
    wrong = {"NIVODA_PASSWORD": "wrong"}
    terminal.note("the shell has the wrong NIVODA_PASSWORD")
    await terminal.run("diamonds-sync schedule", code=1, wanted="refused the credentials", given=wrong)
    await terminal.run("diamonds-sync runs list --limit 1", wanted="refused the credentials", given=wrong)
    await terminal.run("diamonds-app doctor supplier", code=1, wanted="Check NIVODA_ENDPOINT", given=wrong)
    terminal.note("the operator corrects NIVODA_PASSWORD and restarts worker, consolidator and jobs")
    await terminal.run("diamonds-app doctor supplier", wanted="the token is valid")
    await terminal.run("diamonds-sync schedule --full")
    await terminal.run("diamonds-sync runs watch", wanted="completed")


async def outage_during_planning(terminal: Terminal) -> None:
    await terminal.run(
        """curl -sS "$CONTROL/control/faults" --json '{"seed": 1, "rules": [{"kind": "status", "status": 503}]}' > /dev/null"""
    )
    await terminal.run("diamonds-sync schedule --full", code=1, wanted="HTTP 503")
    await terminal.run("diamonds-sync runs list --limit 1", wanted="HTTP 503")
    await terminal.run("diamonds-app doctor supplier", code=1, wanted="away or busy")
    terminal.note("the supplier answers again")
    await terminal.run('curl -sS -X DELETE "$CONTROL/control/faults" > /dev/null')
    await terminal.run("diamonds-sync schedule --full")
    await terminal.run("diamonds-sync runs watch", wanted="completed")


async def outage_during_reading(terminal: Terminal) -> None:
    rule = '{"kind": "status", "status": 503, "operations": ["diamonds_by_query"]}'
    await terminal.run(f"""curl -sS "$CONTROL/control/faults" --json '{{"seed": 1, "rules": [{rule}]}}' > /dev/null""")
    await terminal.run("diamonds-sync schedule --full")
    await _until_shown(terminal, "HTTP 503")
    await terminal.run("diamonds-sync runs show latest", wanted="HTTP 503")
    terminal.note("the supplier answers again")
    await terminal.run('curl -sS -X DELETE "$CONTROL/control/faults" > /dev/null')
    await terminal.run("diamonds-sync runs watch", wanted="completed")


async def killed_worker(terminal: Terminal) -> None:
    rule = '{"kind": "stall", "operations": ["diamonds_by_query"], "seconds": 2}'
    await terminal.run(f"""curl -sS "$CONTROL/control/faults" --json '{{"seed": 1, "rules": [{rule}]}}' > /dev/null""")
    await terminal.run("diamonds-sync schedule --full")
    await _until_shown(terminal, "running  1")
    await terminal.run(f"kill -9 {terminal.processes('sync worker')}")
    await terminal.run('curl -sS -X DELETE "$CONTROL/control/faults" > /dev/null')
    await terminal.run("diamonds-sync runs show latest")
    await terminal.run("diamonds-sync reconcile")
    await terminal.run("diamonds-sync runs watch", wanted="completed")


async def frozen_redis(terminal: Terminal) -> None:
    number = terminal.processes("valkey-server")
    await terminal.run(f"kill -STOP {number}")
    try:
        await terminal.run("diamonds-app doctor redis", code=1, wanted="failed")
        await terminal.run("diamonds-sync schedule --full")
        await terminal.run("diamonds-sync runs watch", wanted="completed")
        terminal.note("Redis continues")
    finally:
        await terminal.run(f"kill -CONT {number}")
    await terminal.run("diamonds-app doctor redis", wanted="it answers")


async def poison_message(terminal: Terminal) -> None:
    async with (
        ServiceBusClient.from_connection_string(terminal.address.servicebus) as client,
        client.get_queue_sender("work-items") as sender,
    ):
        await sender.send_messages(ServiceBusMessage(b'{"order": 12}'))
    terminal.note('a process sends the message {"order": 12} to work-items')
    await _until_shown(terminal, "UnreadableMessage", "diamonds-sync dead-letters list")
    await terminal.run("diamonds-sync doctor", wanted="1 dead letter")
    listed = await terminal.run("diamonds-sync dead-letters list", wanted="UnreadableMessage")
    found = re.search(r"^work-items +(\d+) ", listed, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"no number of a message in {listed}")
    await terminal.run(f"diamonds-sync dead-letters discard --queue work-items {found[1]} --yes", wanted="discarded")
    await terminal.run("diamonds-sync dead-letters list", wanted="There are no dead letters")


async def broker_outage(terminal: Terminal) -> None:
    number = terminal.processes("sandbox.broker")
    await terminal.run(f"kill -STOP {number}")
    try:
        await terminal.run("diamonds-sync schedule --full")
        await terminal.run("diamonds-sync doctor", code=1, wanted="no answer within")
        terminal.note("the broker answers again")
    finally:
        await terminal.run(f"kill -CONT {number}")
    await terminal.run("diamonds-sync reconcile")
    await terminal.run("diamonds-sync runs watch", wanted="completed")


FAULTS: Mapping[str, Callable[[Terminal], Awaitable[None]]] = {
    one.__name__: one
    for one in (
        mass_delete,
        quarantine,
        refused_login,
        outage_during_planning,
        outage_during_reading,
        killed_worker,
        frozen_redis,
        poison_message,
        broker_outage,
    )
}


async def _until_shown(terminal: Terminal, words: str, line: str = "diamonds-sync runs show latest") -> None:
    """Wait, without a record, until the output of a command contains words."""
    watching = Terminal(terminal.address, terminal._stack)
    async with asyncio.timeout(_COMMAND_SECONDS):
        while words not in await watching.run(line):  # noqa: ASYNC110 - no event tells it
            await asyncio.sleep(0.2)


async def record_all() -> Mapping[str, tuple[str, float]]:
    """Cause and repair every fault. Returns the record and the seconds of the commands of each."""
    records = {}
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "up.json"
        arguments = ("up", "--stones", str(STONES), "--port", "0", "--lock-seconds", "5", "--json", str(path))
        async with started(*arguments) as stack:
            await stack.said("Ready: ", _READY_SECONDS)
            terminal = Terminal(msgspec.json.decode(path.read_bytes(), type=Address), stack)
            for name, repair in FAULTS.items():
                await repair(terminal.begin())
                records[name] = (terminal.record, terminal.seconds)
                sys.stdout.write(f"{name:24}{terminal.seconds:6.1f} s\n")
                sys.stdout.flush()
    return records


def written(page: str, records: Mapping[str, tuple[str, float]]) -> str:
    """Put the records into the page: below the comment `recorded: NAME` and into the row of the table.

    Raises:
        RuntimeError: the page has no place for a record.
    """
    for name, (record, seconds) in records.items():
        page, blocks = re.subn(
            rf"(<!-- recorded: {name} -->\n\n```text\n).*?(\n```)",
            lambda found, text=record: f"{found[1]}{text}{found[2]}",  # type: ignore[misc]  # mypy does not infer it
            page,
            flags=re.DOTALL,
        )
        link = f"(#{name.replace('_', '-')})"
        page, rows = re.subn(
            rf"^(\|[^\n]*{re.escape(link)}[^\n]*\| )[^|\n]*( \|)$",
            rf"\g<1>{seconds:.0f} s\g<2>",
            page,
            flags=re.MULTILINE,
        )
        if (blocks, rows) != (1, 1):
            raise RuntimeError(f"{PAGE.name} has {blocks} blocks and {rows} rows for {name}")
    return page


if __name__ == "__main__":
    found = asyncio.run(record_all())
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), found), encoding="utf-8")
