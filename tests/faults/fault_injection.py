"""Fault injection beside kills: failing supplier calls, and duplicate, late or reordered messages."""

from collections.abc import Sequence
from typing import Any

from tests.faults.campaign import Unsettle
from tests.faults.site import Site

_QUEUES = ("work-items", "work-done", "consolidate")


def mixed(share: float) -> list[dict[str, Any]]:
    """Supplier rules by which about this share of all calls fails, with all kinds equally frequent."""
    ways: Sequence[dict[str, Any]] = (
        {"kind": "status", "status": 429},
        {"kind": "status", "status": 429, "retry_after": 1},
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 502},
        {"kind": "status", "status": 503},
        {"kind": "reset"},
        {"kind": "stall", "seconds": 5},  # longer than the client's timeout
        {"kind": "truncate"},
        {"kind": "errors"},
        {"kind": "token"},
    )
    return [{**way, "share": share / len(ways)} for way in ways]


async def break_supplier(site: Site, rules: Sequence[dict[str, Any]], seed: int = 0) -> None:
    """Make the supplier's calls fail from now on."""
    await site.feed("POST", "faults", {"rules": rules, "seed": seed})


async def break_messages(site: Site, *, duplicate: float, delay_seconds: float, reorder: bool, seed: int = 0) -> None:
    """Duplicate, delay and reorder the messages of all queues from now on."""
    for queue in _QUEUES:
        order = {"queue": queue, "duplicate": duplicate, "delay_seconds": delay_seconds, "reorder": reorder}
        await site.queues("POST", "faults", {**order, "seed": seed})


def unsettling(seed: int, supplier_share: float, *, messages: bool) -> Unsettle | None:
    """These faults, drawn again for each step. None without faults."""
    if not supplier_share and not messages:
        return None

    async def unsettle(site: Site, number: int) -> None:
        if supplier_share:
            await break_supplier(site, mixed(supplier_share), seed + number)
        if messages:
            await break_messages(site, duplicate=0.5, delay_seconds=0.5, reorder=True, seed=seed + number)

    return unsettle
