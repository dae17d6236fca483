"""Jobs of dead letters: list, replay and discard them by their numbers. The API has no connection to the broker."""

from collections.abc import Sequence

import msgspec

from inventory.core.logging import get_logger
from sync.container import Container

log = get_logger()

# The messages that a request names are looked for among the oldest ones, as many as this.
_MAX = 10_000


async def list_all(pipeline: Container, limit: int) -> object:
    """List the oldest dead letters of each queue, at most `limit` of a queue, as plain values."""
    found = [
        letter
        # One queue after the other: a namespace may allow few connections.
        for queue in pipeline.settings.service_bus.queues
        for letter in await pipeline.dead_letters.peek(queue, limit)
    ]
    return msgspec.to_builtins(found)


async def replay(pipeline: Container, queue: str, numbers: Sequence[int], who: str) -> int:
    """Send dead letters to their queue again; return their number. One whose body no role can read stays."""
    present = len(await pipeline.dead_letters.peek(queue, _MAX))
    done = (await pipeline.dead_letters.replay(queue, present, numbers)).messages
    log.warning("dead_letters_handled", action="replay", queue=queue, messages=done, numbers=numbers, who=who)
    return done


async def discard(pipeline: Container, queue: str, numbers: Sequence[int], who: str) -> int:
    """Discard dead letters; return their number."""
    present = len(await pipeline.dead_letters.peek(queue, _MAX))
    done = await pipeline.dead_letters.discard(queue, present, numbers)
    log.warning("dead_letters_handled", action="discard", queue=queue, messages=done, numbers=numbers, who=who)
    return done
