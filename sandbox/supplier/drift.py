"""Drift: random feed changes at a constant rate until `stop`."""

import asyncio
import time
from collections.abc import Sequence
from random import Random
from typing import Any

from sandbox.supplier.changes import Changes, DriftKind

_TICK_SECONDS = 0.02
_MAX_AT_ONCE = 200


class Drift:
    """Runs at most one drift. `stop` returns its report."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._task: asyncio.Task[None] | None = None
        self._done: dict[str, dict[str, None]] = {}

    async def start(self, per_second: float, seed: int, kinds: Sequence[DriftKind]) -> None:
        """Start a drift. A running drift ends."""
        await self.stop()
        self._task = asyncio.create_task(self._run(per_second, Random(f"drift:{seed}"), kinds))

    async def stop(self) -> dict[str, Any]:
        """Stop the drift. Returns the number of changes and the stone ids by kind."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None
        done, self._done = self._done, {}
        return {
            "changes": {kind: len(ids) for kind, ids in done.items()},
            "ids": {kind: list(ids) for kind, ids in done.items()},
        }

    async def _run(self, per_second: float, random: Random, kinds: Sequence[DriftKind]) -> None:
        start, made = time.monotonic(), 0
        while True:
            due = int((time.monotonic() - start) * per_second) - made
            for _ in range(min(due, _MAX_AT_ONCE)):
                kind = random.choice(kinds)
                identity = self._changes.drift(random, kind)
                if identity is not None:
                    self._done.setdefault(kind, {})[identity] = None
            made += min(due, _MAX_AT_ONCE)
            await asyncio.sleep(_TICK_SECONDS)
