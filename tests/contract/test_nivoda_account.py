"""Holds and locations of the account in login responses: every shape that the published types allow."""

from typing import Any

import pytest

from inventory.core.errors import SupplierError, SupplierRefused
from inventory.suppliers.nivoda.trading import open_trading
from inventory.suppliers.ports import Destination, OwnHold
from tests.contract.nivoda import Act, CountingLimiter, account, answer, errors, scripted_supplier, status

HATTON = {"id": "L1", "name": "Shop", "address1": "1 Hatton Garden", "address2": None, "postalCode": "EC1N", "city": "London",
          "state": None, "country": "GB"}  # fmt: skip


def logged_in(user: dict[str, Any]) -> Act:
    return answer({"data": {"authenticate": {"username_and_password": {"user": user}}}})


async def holds(act: Act) -> Any:
    async with scripted_supplier() as supplier:
        supplier.login_script.append(act)
        async with open_trading(account(supplier.endpoint, nivoda_tries=1), CountingLimiter()) as trading:
            return await trading.own_holds()


async def destinations(act: Act) -> Any:
    async with scripted_supplier() as supplier:
        supplier.login_script.append(act)
        async with open_trading(account(supplier.endpoint, nivoda_tries=1), CountingLimiter()) as trading:
            return await trading.destinations()


async def test_holds_are_listed_with_missing_values() -> None:
    listed = [
        {"id": "H1", "denied": False, "until": 1_795_600_800_000, "diamond": {"id": "S1"}},
        {"id": "H2", "denied": None, "until": None, "diamond": {"id": "S2"}},
        {"id": "H3", "denied": True, "until": 0, "diamond": {"id": "S3"}},
        {"id": "H4", "diamond": None},
        None,
    ]
    first, *others = await holds(logged_in({"holds": listed}))
    assert (first.id, first.stone_id, first.denied, first.until.timestamp()) == ("H1", "S1", False, 1_795_600_800)
    assert others == [
        OwnHold(id="H2", stone_id="S2", denied=False, until=None),
        OwnHold(id="H3", stone_id="S3", denied=True, until=None),
        OwnHold(id="H4", stone_id=None, denied=False, until=None),
    ]
    assert await holds(logged_in({"holds": []})) == []
    assert await holds(logged_in({"holds": None})) is None
    assert await holds(logged_in({})) is None


async def test_locations_are_listed_once_with_default_first() -> None:
    second = {**HATTON, "id": "L2", "name": "Safe", "address2": "2nd floor", "state": "", "postalCode": 2018}
    user = {
        "default_location": {"location": HATTON},
        "locations": [{"location": second}, {"location": HATTON}, {"location": None}, None],
        "company": {"locations": [second, None, {"id": "L3", "name": None}]},
    }
    shop, safe, other = await destinations(logged_in(user))
    assert shop == Destination(
        id="L1",
        name="Shop",
        address=("1 Hatton Garden",),
        postal_code="EC1N",
        city="London",
        country="GB",
        default=True,
    )
    assert (safe.id, safe.address, safe.state, safe.postal_code, safe.default) == (
        "L2", ("1 Hatton Garden", "2nd floor"), None, "2018", False,
    )  # fmt: skip
    assert other == Destination(id="L3", name="")


@pytest.mark.parametrize(
    "user",
    [
        {},
        {"default_location": None, "locations": [], "company": None},
        {"locations": None, "company": {"locations": None}},
        {"default_location": {"location": None}},
    ],
)
async def test_account_without_locations_lists_none(user: dict[str, Any]) -> None:
    assert await destinations(logged_in(user)) is None


@pytest.mark.parametrize(
    "act",
    [
        logged_in({"holds": [{"denied": False}]}),
        logged_in({"holds": [{"id": "", "diamond": None}]}),
        logged_in({"holds": "none"}),
        errors("Cannot query field holds", None),
        status(503),
        answer(b"<html>"),
    ],
)
async def test_unreadable_account_is_error_and_no_empty_list(act: Act) -> None:
    with pytest.raises(SupplierError):
        await holds(act)


async def test_rejected_credentials_have_distinct_error() -> None:
    with pytest.raises(SupplierRefused):
        await destinations(errors("Wrong username or password"))
