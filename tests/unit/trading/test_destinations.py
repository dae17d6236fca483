"""Destinations: cached and bounded. A client's choice is rejected only if the account's list excludes it."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest

from inventory.core.errors import SupplierError, SupplierUnavailable, TradingUnavailable, ValidationFailed
from inventory.suppliers.ports import Destination, SupplierTrading
from inventory.trading import destinations
from inventory.trading.destinations import DESTINATION_LIMIT, Destinations

SHOP = Destination(id="shop", name="Shop")
WORKSHOP = Destination(id="workshop", name="Workshop", default=True)


class FakeAccount:
    """A supplier that returns `found` or raises it, and counts the requests."""

    def __init__(self, found: Sequence[Destination] | SupplierError | None) -> None:
        self.found = found
        self.asked = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def destinations(self) -> Sequence[Destination] | None:
        self.asked += 1
        await self.may_answer.wait()
        if isinstance(self.found, SupplierError):
            raise self.found
        return self.found


class FakeClock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def of(account: FakeAccount | None, clock: FakeClock | None = None) -> Destinations:
    return Destinations(cast("SupplierTrading | None", account), clock or FakeClock())


async def test_list_is_requested_once_and_again_when_expired() -> None:
    account, clock = FakeAccount([SHOP, WORKSHOP]), FakeClock()
    found = of(account, clock)
    assert list(await found.listed()) == [WORKSHOP, SHOP], "the default first"
    await asyncio.gather(*(found.check("shop") for _ in range(5)), found.listed())
    assert account.asked == 1
    clock.now += 301
    await found.check("workshop")
    assert account.asked == 2


async def test_concurrent_readers_share_request_when_one_is_cancelled() -> None:
    account = FakeAccount([SHOP])
    account.may_answer.clear()
    found = of(account)
    readers = [asyncio.create_task(found.listed()) for _ in range(4)]
    await asyncio.sleep(0)
    readers[0].cancel()
    account.may_answer.set()
    answers = await asyncio.gather(*readers, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert answers[1:] == [[SHOP]] * 3
    assert account.asked == 1


async def test_unknown_destination_is_rejected_with_known_ones() -> None:
    found = of(FakeAccount([Destination(id=str(number), name=f"Shop {number}") for number in range(13)]))
    with pytest.raises(ValidationFailed) as caught:
        await found.check("nowhere")
    ((field, problem),) = caught.value.details.items()
    assert field == "destination_id"
    assert "'0' (Shop 0)" in str(problem)
    assert "3 more" in str(problem)


async def test_new_destination_is_found_by_second_request() -> None:
    account, clock = FakeAccount([SHOP]), FakeClock()
    found = of(account, clock)
    await found.check("shop")
    account.found = [SHOP, WORKSHOP]
    with pytest.raises(ValidationFailed):
        await found.check("workshop")
    assert account.asked == 1, "the list is some seconds old at the most"
    clock.now += 11
    await found.check("workshop")
    assert account.asked == 2


@pytest.mark.parametrize("unreadable", [SupplierUnavailable(), SupplierError("no"), None, []])
async def test_any_destination_is_accepted_when_list_is_unavailable(unreadable: Any) -> None:
    account = FakeAccount(unreadable)
    await of(account).check("anywhere")
    assert account.asked >= 1


async def test_unavailable_list_delays_one_purchase_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(destinations, "_CHECK_SECONDS", 0.01)
    account, clock = FakeAccount([SHOP]), FakeClock()
    account.may_answer.clear()
    found = of(account, clock)
    for _ in range(5):
        await found.check("anywhere")
    assert account.asked == 1
    account.may_answer.set()
    assert await found.listed() == [SHOP]
    with pytest.raises(ValidationFailed):
        await found.check("anywhere")
    await found.close()


async def test_truncated_list_rejects_nothing() -> None:
    every = [Destination(id=str(number), name="") for number in range(DESTINATION_LIMIT + 5)]
    found = of(FakeAccount(every))
    assert len(await found.listed()) == DESTINATION_LIMIT
    await found.check("nowhere")


async def test_destinations_are_empty_without_list() -> None:
    with pytest.raises(SupplierError, match="does not list"):
        await of(FakeAccount(None)).listed()
    with pytest.raises(TradingUnavailable):
        await of(None).listed()
