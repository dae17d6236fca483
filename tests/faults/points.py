"""Kill points of a process: before and after every externally visible effect.

The production code does not contain them: methods of its adapters are wrapped in the process itself.
"""

import os
import re
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from inventory.core.database import Connection, Database
from inventory.core.sql import Statements
from inventory.suppliers.nivoda.feed import NivodaFeed
from inventory.suppliers.nivoda.trading import NivodaTrading
from inventory.trading.statements import sql as trading
from sync.messaging.inbox import ServiceBusInbox, ServiceBusMessage
from sync.messaging.servicebus import ServiceBusBroker
from sync.runs.statements import sql
from sync.watermark.blob import BlobWatermarkStore
from sync.watermark.file import FileWatermarkStore

_EFFECT = re.compile(r"\b(INSERT|UPDATE|DELETE)\b")
_COMMENT = re.compile(r"--.*$", re.MULTILINE)
_QUERY_METHODS = ("execute", "executemany", "fetch", "fetchrow", "fetchval")

Name = Callable[..., str | None]


class KillOrder(msgspec.Struct, frozen=True):
    """Kill the process when it passes this point for this time, counted from the order's first reading."""

    point: str
    occurrence: int


class Trap:
    """Checks at every point whether the process must be killed. Its files are named after its role."""

    def __init__(self, role: str, directory: Path) -> None:
        self._role = role
        self._order_file = order_file(directory, role)
        self._deaths = directory / "deaths"
        # One write per line to a file opened for appending: a line written before SIGKILL is kept.
        self._passed = os.open(passed_file(directory, role), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._order: KillOrder | None = None
        self._given = 0
        self._left = 0

    def passes(self, point: str) -> None:
        """Report that the process has reached this point."""
        os.write(self._passed, f"{point}\n".encode())
        self._look()
        if self._order is None or self._order.point != point:
            return
        self._left -= 1
        if self._left == 0:
            self._die(self._order)

    def _look(self) -> None:
        try:
            given = self._order_file.stat().st_mtime_ns
        except FileNotFoundError:
            self._order = None
            return
        if given != self._given:
            self._order = msgspec.json.decode(self._order_file.read_bytes(), type=KillOrder)
            self._given, self._left = given, self._order.occurrence

    def _die(self, order: KillOrder) -> None:
        with self._deaths.open("a", encoding="utf-8") as deaths:
            deaths.write(f"{self._role}\t{order.point}\t{order.occurrence}\n")
        self._order_file.unlink()
        os.kill(os.getpid(), signal.SIGKILL)


def order_file(directory: Path, role: str) -> Path:
    """The file with the kill order of a role."""
    return directory / f"{role}.order"


def passed_file(directory: Path, role: str) -> Path:
    """The file with the points that a role has passed, one per line."""
    return directory / f"{role}.passed"


def install_points(trap: Trap) -> None:
    """Wrap every method with an effect outside this process."""
    names = _names_of_effects()
    for method in _QUERY_METHODS:
        _wrap(trap, asyncpg.Connection, method, lambda _self, query, *_args, **_more: names.get(query))
    _wrap_transactions(trap)
    _wrap(trap, ServiceBusBroker, "send", lambda _self, queue, _bodies: f"send to {queue}")
    for settlement in ("complete", "abandon", "dead_letter"):
        _wrap(trap, ServiceBusMessage, settlement, lambda *_, name=settlement: f"settle: {name}")
    for store in (FileWatermarkStore, BlobWatermarkStore):
        _wrap(trap, store, "write", lambda *_: "write of the watermark")
    _wrap_rename(trap)
    for call in ("count", "page"):
        _wrap(trap, NivodaFeed, call, lambda *_, name=call: f"call: {name}")
    for call in ("create_hold", "cancel_hold", "create_order", "item_status", "own_holds", "destinations"):
        _wrap(trap, NivodaTrading, call, lambda *_, name=call: f"call: {name}")
    _wrap_receive(trap)


def _names_of_effects() -> dict[str, str]:
    """The writing statements, by their text."""
    files = [sql, *map(Statements, ("inventory.runs", "inventory.events", "inventory.alerts"))]
    statements = [(name, getattr(file, name)) for file in files for name in file]
    statements += [(name, getattr(trading, name)) for name in Statements("inventory.trading")]
    return {text: f"statement: {name}" for name, text in statements if _EFFECT.search(_COMMENT.sub("", text))}


def _wrap(trap: Trap, owner: type, method: str, name: Name) -> None:
    original = getattr(owner, method)

    @wraps(original)
    async def wrapped(*args: Any, **more: Any) -> Any:
        point = name(*args, **more)
        if point is None:
            return await original(*args, **more)
        trap.passes(f"before {point}")
        answer = await original(*args, **more)
        trap.passes(f"after {point}")
        return answer

    setattr(owner, method, wrapped)


def _wrap_transactions(trap: Trap) -> None:
    original = Database.transaction

    @asynccontextmanager
    async def transaction(self: Database) -> AsyncIterator[Connection]:
        async with original(self) as connection:
            yield connection
            trap.passes("before commit")
        trap.passes("after commit")

    Database.transaction = transaction  # type: ignore[method-assign]


def _wrap_rename(trap: Trap) -> None:
    """The moment at which a watermark file changes, in a separate thread."""
    original = Path.replace

    def replace(self: Path, target: Path) -> Path:
        trap.passes("before rename of the watermark")
        renamed = original(self, target)
        trap.passes("after rename of the watermark")
        return renamed

    Path.replace = replace  # type: ignore[method-assign,assignment]


def _wrap_receive(trap: Trap) -> None:
    """Receiving locks a message, which is externally visible. An empty receive is not."""
    original = ServiceBusInbox.receive

    async def receive(self: ServiceBusInbox, *, wait_seconds: float) -> Any:
        delivery = await original(self, wait_seconds=wait_seconds)
        if delivery is not None:
            trap.passes("after receive")
        return delivery

    ServiceBusInbox.receive = receive  # type: ignore[method-assign]
