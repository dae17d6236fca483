"""Four runs of one feed: the first full one, changes, a full one with deletes, and one in which stones come back."""

from collections.abc import Awaitable, Callable
from random import Random

import msgspec

from tests.faults.site import Site


class State(msgspec.Struct):
    """What the scenario remembers from step to step."""

    seed: int
    unnoticed: set[str] = msgspec.field(default_factory=set)
    """Left the feed since the last full run."""
    gone: list[str] = msgspec.field(default_factory=list)
    spoiled: list[str] = msgspec.field(default_factory=list)


class Step(msgspec.Struct, frozen=True):
    """What happens to the feed before a run, and how the scheduler is called."""

    name: str
    prepare: Callable[[Site, State], Awaitable[None]]
    arguments: tuple[str, ...]


async def _nothing(_site: Site, _state: State) -> None:
    """The feed as it is."""


async def _changes(site: Site, state: State) -> None:
    """Stones change, come, go, and turn bad."""
    size = site.options.stones
    await site.feed("POST", "change", {"count": size // 12, "seed": state.seed, "fields": ["price", "availability"]})
    await site.feed("POST", "add", {"count": size // 25, "seed": state.seed})
    await _remove(site, state, size // 80)
    # No more of them than a run tolerates, and always the same.
    usable = sorted(stone_id for stone_id, row in (await site.truth()).items() if row["usable"])
    state.spoiled = Random(f"spoil:{state.seed}").sample(usable, max(1, size // 300))
    for stone_id in state.spoiled:
        await site.feed("POST", "update", {"id": stone_id, "set": {"carats": None}})


async def _deletes(site: Site, state: State) -> None:
    """Many stones go."""
    await site.feed("POST", "change", {"count": site.options.stones // 40, "seed": state.seed + 1})
    await _remove(site, state, site.options.stones // 20)
    state.unnoticed = set()  # this run is a full one: it notices


async def _revivals(site: Site, state: State) -> None:
    """Half of the stones that are gone come back, and those that had turned bad are good again."""
    await site.feed("POST", "bring-back", {"ids": state.gone[::2]})
    for stone_id in state.spoiled:
        if stone_id not in state.gone:
            await site.feed("POST", "update", {"id": stone_id, "restore": True})


async def _remove(site: Site, state: State, count: int) -> None:
    answer = await site.feed("POST", "remove", {"count": count, "seed": state.seed + len(state.gone)})
    state.gone += answer["ids"]
    state.unnoticed |= set(answer["ids"])


STEPS = (
    Step("first full run", _nothing, ()),
    Step("changes", _changes, ()),
    Step("full run with deletes", _deletes, ("--full",)),
    Step("revivals", _revivals, ()),
)
