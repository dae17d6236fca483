"""Lookup of stones by id: which of them the supplier still has, and which it certainly has not."""

import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Literal

from inventory.core.errors import SupplierUnavailable
from inventory.core.logging import get_logger
from inventory.suppliers.ports import FeedPage, LookupResult, ObservedItem

log = get_logger()

MOST_WITNESSES = 3
_TRIES = 3

PageOf = Callable[[Sequence[str]], Awaitable[FeedPage]]
CountOf = Callable[[Sequence[str]], Awaitable[int]]
OneOf = Callable[[str], Awaitable[ObservedItem | Literal["absent", "unclear"]]]

_NO_WITNESS = "The supplier does not show a stone that it showed before, so no stone counts as gone"


async def look_up(
    stone_ids: Collection[str], witnesses: Collection[str], page_of: PageOf, count_of: CountOf
) -> LookupResult:
    """Look stones up with a page and two counts, repeated while the answers disagree.

    `page_of` and `count_of` ask the supplier for exactly the stones of a list of ids. `witnesses`: up to `MOST_WITNESSES`
    stones that the supplier showed shortly before. An absence is proven only by a page that shows a witness and by counts
    that contain a witness and none of the stones. A supplier that does not apply the ids, or a page that repeats one stone
    and omits another, proves nothing.

    Raises:
        SupplierUnavailable: no answer shows or counts a witness.
        SupplierError: as `page_of` and `count_of`.
    """
    remaining = dict.fromkeys(stone_ids)
    vouching = dict.fromkeys(witnesses)
    found: dict[str, ObservedItem] = {}
    received = 0.0
    understood = False
    for _ in range(_TRIES):
        page = await page_of([*remaining, *vouching])
        received = page.received
        found |= {item.supplier_stone_id: item for item in page.items if item.supplier_stone_id in remaining}
        remaining = {stone_id: None for stone_id in remaining if stone_id not in found}
        if not remaining:
            return _lookup(received, found)
        shown = {item.supplier_stone_id for item in page.items}.intersection(vouching)
        understood = not vouching or (bool(shown) and await count_of(sorted(shown)) > 0)
        if understood and await count_of([*remaining]) == 0:
            return _lookup(received, found, absent=remaining)
    if not understood:
        raise SupplierUnavailable(
            "The supplier does not show a stone that it showed before, so no stone counts as gone"
        )
    absent = [stone_id for stone_id in remaining if await count_of([stone_id]) == 0]
    unclear = remaining.keys() - set(absent)
    log.warning("stones_counted_but_not_shown", stones=len(unclear))
    return _lookup(received, found, absent=absent, unclear=unclear)


async def look_up_singly(
    stone_ids: Collection[str], witnesses: Collection[str], one_of: OneOf, most: int
) -> LookupResult:
    """Look stones up one by one, at most `most` of them; the others are unclear.

    `one_of` asks for one stone. An absence is proven only if the same question shows a witness.

    Raises:
        SupplierUnavailable: the supplier shows no witness.
        SupplierError: as `one_of`.
    """
    received = time.monotonic()
    for witness in witnesses:
        if isinstance(await one_of(witness), ObservedItem):
            break
    else:
        if witnesses:
            raise SupplierUnavailable(_NO_WITNESS)
    asked = list(dict.fromkeys(stone_ids))[: max(0, most)]
    answers = {stone_id: await one_of(stone_id) for stone_id in asked}
    found = {stone_id: answer for stone_id, answer in answers.items() if isinstance(answer, ObservedItem)}
    absent = {stone_id for stone_id, answer in answers.items() if answer == "absent"}
    return _lookup(received, found, absent=absent, unclear=set(stone_ids) - found.keys() - absent)


def _lookup(
    received: float, found: dict[str, ObservedItem], *, absent: Collection[str] = (), unclear: Collection[str] = ()
) -> LookupResult:
    return LookupResult(
        received=received, found=list(found.values()), absent=frozenset(absent), unclear=frozenset(unclear)
    )
