"""Lookup of stones by id, with proof of absence by witnesses and counts."""

import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Literal

from inventory.core.errors import SupplierUnavailable
from inventory.core.logging import get_logger
from inventory.suppliers.ports import FeedPage, LookupResult, ObservedItem

log = get_logger()

WITNESS_LIMIT = 3
_ATTEMPTS = 3

PageOf = Callable[[Sequence[str]], Awaitable[FeedPage]]
CountOf = Callable[[Sequence[str]], Awaitable[int]]
ItemOf = Callable[[str], Awaitable[ObservedItem | Literal["absent", "unclear"]]]

_NO_WITNESS = "The supplier does not show a stone that it showed before, so no stone counts as gone"


async def look_up(
    stone_ids: Collection[str], witnesses: Collection[str], page_of: PageOf, count_of: CountOf
) -> LookupResult:
    """Look up stones with a page and two counts, repeated while the answers contradict each other.

    `page_of`, `count_of`: query the supplier for exactly the stones of a list of ids. `witnesses`: up to `WITNESS_LIMIT`
    stones that the supplier showed shortly before. An absence is proven only by a page that shows a witness and by counts
    that contain a witness and none of the stones. A supplier that ignores the ids, or a page that repeats one stone and omits
    another, proves nothing.

    Raises:
        SupplierUnavailable: no answer shows or counts a witness.
        SupplierError: from `page_of` or `count_of`.
    """
    remaining = dict.fromkeys(stone_ids)
    expected = dict.fromkeys(witnesses)
    found: dict[str, ObservedItem] = {}
    received = 0.0
    understood = False
    for _ in range(_ATTEMPTS):
        page = await page_of([*remaining, *expected])
        received = page.received
        found |= {item.supplier_stone_id: item for item in page.items if item.supplier_stone_id in remaining}
        remaining = {stone_id: None for stone_id in remaining if stone_id not in found}
        if not remaining:
            return _lookup(received, found)
        shown = {item.supplier_stone_id for item in page.items}.intersection(expected)
        understood = not expected or (bool(shown) and await count_of(sorted(shown)) > 0)
        if understood and await count_of([*remaining]) == 0:
            return _lookup(received, found, absent=remaining)
    if not understood:
        raise SupplierUnavailable(_NO_WITNESS)
    absent = [stone_id for stone_id in remaining if await count_of([stone_id]) == 0]
    unclear = remaining.keys() - set(absent)
    log.warning("stones_counted_but_not_shown", stones=len(unclear))
    return _lookup(received, found, absent=absent, unclear=unclear)


async def look_up_singly(
    stone_ids: Collection[str], witnesses: Collection[str], item_of: ItemOf, limit: int
) -> LookupResult:
    """Look up stones one by one, up to `limit`; the others are unclear.

    `item_of`: queries a stone. An absence is proven only if the same query shows a witness.

    Raises:
        SupplierUnavailable: the supplier shows no witness.
        SupplierError: from `item_of`.
    """
    received = time.monotonic()
    for witness in witnesses:
        if isinstance(await item_of(witness), ObservedItem):
            break
    else:
        if witnesses:
            raise SupplierUnavailable(_NO_WITNESS)
    queried = list(dict.fromkeys(stone_ids))[: max(0, limit)]
    answers = {stone_id: await item_of(stone_id) for stone_id in queried}
    found = {stone_id: answer for stone_id, answer in answers.items() if isinstance(answer, ObservedItem)}
    absent = {stone_id for stone_id, answer in answers.items() if answer == "absent"}
    return _lookup(received, found, absent=absent, unclear=set(stone_ids) - found.keys() - absent)


def _lookup(
    received: float, found: dict[str, ObservedItem], *, absent: Collection[str] = (), unclear: Collection[str] = ()
) -> LookupResult:
    return LookupResult(
        received=received, found=list(found.values()), absent=frozenset(absent), unclear=frozenset(unclear)
    )
