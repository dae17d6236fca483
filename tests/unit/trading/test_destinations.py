"""Destinations: cached and bounded, and a client's choice is refused only where the account's own list refutes it."""

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


class Account:
    """A supplier that lists `found`, or fails with it; counts how often it is asked."""

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


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def of(account: Account | None, clock: Clock | None = None) -> Destinations:
    return Destinations(cast("SupplierTrading | None", account), clock or Clock())


async def test_the_list_is_asked_for_once_and_again_when_it_is_old() -> None:
    account, clock = Account([SHOP, WORKSHOP]), Clock()
    found = of(account, clock)
    assert list(await found.listed()) == [WORKSHOP, SHOP], "the default first"
    await asyncio.gather(*(found.check("shop") for _ in range(5)), found.listed())
    assert account.asked == 1
    clock.now += 301
    await found.check("workshop")
    assert account.asked == 2


async def test_of_concurrent_readers_one_asks_and_none_that_gives_up_takes_the_list_from_the_others() -> None:
    account = Account([SHOP])
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


async def test_an_unknown_destination_is_refused_with_the_known_ones() -> None:
    found = of(Account([Destination(id=str(number), name=f"Shop {number}") for number in range(13)]))
    with pytest.raises(ValidationFailed) as caught:
        await found.check("nowhere")
    ((field, problem),) = caught.value.details.items()
    assert field == "destination_id"
    assert "'0' (Shop 0)" in str(problem)
    assert "3 more" in str(problem)


async def test_a_destination_that_is_new_is_found_by_a_second_look() -> None:
    account, clock = Account([SHOP]), Clock()
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
async def test_any_destination_is_accepted_where_the_list_cannot_be_read(unreadable: Any) -> None:
    account = Account(unreadable)
    await of(account).check("anywhere")
    assert account.asked >= 1


async def test_a_list_that_cannot_be_read_holds_up_one_purchase_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(destinations, "_CHECK_SECONDS", 0.01)
    account, clock = Account([SHOP]), Clock()
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


async def test_a_list_that_was_cut_off_refutes_nothing() -> None:
    every = [Destination(id=str(number), name="") for number in range(DESTINATION_LIMIT + 5)]
    found = of(Account(every))
    assert len(await found.listed()) == DESTINATION_LIMIT
    await found.check("nowhere")


async def test_without_a_list_there_is_none_to_show() -> None:
    with pytest.raises(SupplierError, match="does not list"):
        await of(Account(None)).listed()
    with pytest.raises(TradingUnavailable):
        await of(None).listed()
