"""Scenario of four runs: a first full run, changes, a full run with deletions, and a run with returning stones."""

from collections.abc import Awaitable, Callable
from random import Random

import msgspec

from tests.faults.site import Site


class State(msgspec.Struct):
    """State of the scenario between steps."""

    seed: int
    unnoticed: set[str] = msgspec.field(default_factory=set)
    """Left the feed since the last full run."""
    gone: list[str] = msgspec.field(default_factory=list)
    spoiled: list[str] = msgspec.field(default_factory=list)


class Step(msgspec.Struct, frozen=True):
    """Changes of the feed before a run, and the options of the scheduler."""

    name: str
    prepare: Callable[[Site, State], Awaitable[None]]
    arguments: tuple[str, ...]


async def _nothing(_site: Site, _state: State) -> None:
    """The feed is unchanged."""


async def _changes(site: Site, state: State) -> None:
    """Stones change, are added, are removed, and become invalid."""
    size = site.options.stones
    await site.feed("POST", "change", {"count": size // 12, "seed": state.seed, "fields": ["price", "availability"]})
    await site.feed("POST", "add", {"count": size // 25, "seed": state.seed})
    await _remove(site, state, size // 80)
    # At most the number that a run tolerates, and always the same stones.
    usable = sorted(stone_id for stone_id, row in (await site.truth()).items() if row["usable"])
    state.spoiled = Random(f"spoil:{state.seed}").sample(usable, max(1, size // 300))
    for stone_id in state.spoiled:
        await site.feed("POST", "update", {"id": stone_id, "set": {"carats": None}})


async def _deletes(site: Site, state: State) -> None:
    """Many stones are removed."""
    await site.feed("POST", "change", {"count": site.options.stones // 40, "seed": state.seed + 1})
    await _remove(site, state, site.options.stones // 20)
    state.unnoticed = set()  # this run is a full one: it detects them


async def _revivals(site: Site, state: State) -> None:
    """Half of the removed stones return, and the invalid ones are valid again."""
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
