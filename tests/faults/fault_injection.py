"""What else goes wrong while processes die: calls that fail in mixed ways, messages that come twice, late, disordered."""

from collections.abc import Sequence
from typing import Any

from tests.faults.campaign import Unsettle
from tests.faults.site import Site

_QUEUES = ("work-items", "work-done", "consolidate")


def mixed(share: float) -> list[dict[str, Any]]:
    """Rules of the supplier by which about this share of all calls fails, each way as often as any other."""
    ways: Sequence[dict[str, Any]] = (
        {"kind": "status", "status": 429},
        {"kind": "status", "status": 429, "retry_after": 1},
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 502},
        {"kind": "status", "status": 503},
        {"kind": "reset"},
        {"kind": "stall", "seconds": 5},  # longer than the client waits
        {"kind": "truncate"},
        {"kind": "errors"},
        {"kind": "token"},
    )
    return [{**way, "share": share / len(ways)} for way in ways]


async def break_supplier(site: Site, rules: Sequence[dict[str, Any]], seed: int = 0) -> None:
    """Let the supplier's calls go wrong from now on."""
    await site.feed("POST", "faults", {"rules": rules, "seed": seed})


async def break_messages(site: Site, *, duplicate: float, delay_seconds: float, reorder: bool, seed: int = 0) -> None:
    """Let the messages of all queues go astray from now on."""
    for queue in _QUEUES:
        order = {"queue": queue, "duplicate": duplicate, "delay_seconds": delay_seconds, "reorder": reorder}
        await site.queues("POST", "faults", {**order, "seed": seed})


def unsettling(seed: int, supplier_share: float, *, messages: bool) -> Unsettle | None:
    """These faults, drawn anew for each step; None for none."""
    if not supplier_share and not messages:
        return None

    async def unsettle(site: Site, number: int) -> None:
        if supplier_share:
            await break_supplier(site, mixed(supplier_share), seed + number)
        if messages:
            await break_messages(site, duplicate=0.5, delay_seconds=0.5, reorder=True, seed=seed + number)

    return unsettle
