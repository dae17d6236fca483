"""Shared login: as few logins as possible, and renewal in time."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from inventory.core.errors import SupplierUnavailable
from inventory.suppliers.nivoda.login import SharedLogin, Token, lifetime_seconds

SIX_HOURS = 6 * 3600
FIVE_MINUTES = 300
NOW = datetime(2026, 2, 12, 12, 0, tzinfo=UTC)


class Supplier:
    """Hands out numbered tokens when it is let, and tells the time."""

    def __init__(self) -> None:
        self.logins = 0
        self.seconds = 1_000.0
        self.gate = asyncio.Event()
        self.gate.set()
        self.fails = False
        self.life: float | None = None

    async def authenticate(self) -> Token:
        self.logins += 1
        number = self.logins
        await self.gate.wait()
        if self.fails:
            raise SupplierUnavailable
        return Token(f"token {number}", self.life)

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def supplier() -> Supplier:
    return Supplier()


@pytest.fixture
def login(supplier: Supplier) -> SharedLogin:
    return SharedLogin(supplier.authenticate, supplier.monotonic)


async def test_concurrent_calls_share_one_login(supplier: Supplier, login: SharedLogin) -> None:
    assert set(await asyncio.gather(*(login.token() for _ in range(20)))) == {"token 1"}
    assert await login.token() == "token 1"
    assert supplier.logins == 1


async def test_a_token_is_renewed_five_minutes_before_its_end(supplier: Supplier, login: SharedLogin) -> None:
    await login.token()
    supplier.seconds += SIX_HOURS - FIVE_MINUTES - 1
    assert await login.token() == "token 1"
    supplier.seconds += 1
    assert await login.token() == "token 2"


async def test_the_life_of_a_token_counts_from_before_the_login(supplier: Supplier, login: SharedLogin) -> None:
    supplier.gate.clear()
    waiting = asyncio.create_task(login.token())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    supplier.seconds += 600
    supplier.gate.set()
    await waiting
    supplier.seconds += SIX_HOURS - FIVE_MINUTES - 600
    assert await login.token() == "token 2"


async def test_of_many_calls_whose_token_was_refused_only_the_first_logs_in_again(
    supplier: Supplier, login: SharedLogin
) -> None:
    token = await login.token()

    async def fail_and_renew() -> str:
        login.refuse(token)
        return await login.token()

    assert set(await asyncio.gather(*(fail_and_renew() for _ in range(20)))) == {"token 2"}
    # One that hears late of the refusal does not throw the new token away.
    assert await fail_and_renew() == "token 2"
    assert supplier.logins == 2


async def test_a_failed_login_fails_everyone_who_waits_and_the_next_call_tries_again(
    supplier: Supplier, login: SharedLogin
) -> None:
    supplier.fails = True
    outcomes = await asyncio.gather(*(login.token() for _ in range(5)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [SupplierUnavailable] * 5
    supplier.fails = False
    assert await login.token() == "token 2"
    assert supplier.logins == 2


async def test_a_caller_that_gives_up_does_not_take_the_login_away(supplier: Supplier, login: SharedLogin) -> None:
    supplier.gate.clear()
    impatient, patient = asyncio.create_task(login.token()), asyncio.create_task(login.token())
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.sleep(0)
    supplier.gate.set()
    assert await patient == "token 1"
    assert impatient.cancelled()
    assert supplier.logins == 1


async def test_a_failure_that_nobody_waits_for_any_more_is_silent(supplier: Supplier, login: SharedLogin) -> None:
    supplier.gate.clear()
    supplier.fails = True
    impatient = asyncio.create_task(login.token())
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.sleep(0)
    supplier.gate.set()
    for _ in range(5):
        await asyncio.sleep(0)
    supplier.fails = False
    assert await login.token() == "token 2"


async def test_closing_ends_a_login_under_way(supplier: Supplier, login: SharedLogin) -> None:
    supplier.gate.clear()
    waiting = asyncio.create_task(login.token())
    await asyncio.sleep(0)
    await login.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting


@pytest.mark.parametrize(("life", "renewed_after"), [(3600, 3300), (86_400, 86_100), (60, 54)])
async def test_the_life_that_the_supplier_names_decides_when_a_token_is_renewed(
    supplier: Supplier, login: SharedLogin, life: float, renewed_after: float
) -> None:
    supplier.life = life
    await login.token()
    supplier.seconds += renewed_after - 1
    assert await login.token() == "token 1"
    supplier.seconds += 1
    assert await login.token() == "token 2"


@pytest.mark.parametrize(
    ("expires", "expected"),
    [
        (3600, 3600.0), (3600.5, 3600.5), ("3600", 3600.0), (86_400, 86_400.0),
        (NOW.timestamp() + 3600, 3600.0), ((NOW.timestamp() + 3600) * 1000, 3600.0),
        (str((NOW.timestamp() + 3600) * 1000), 3600.0),
    ],
)  # fmt: skip
def test_expires_is_seconds_to_go_or_an_instant_by_its_magnitude(expires: Any, expected: float) -> None:
    assert lifetime_seconds(expires, NOW) == pytest.approx(expected)


@pytest.mark.parametrize(
    "expires",
    [
        None, 0, -5, 1, True, "soon", "", [], {}, float("nan"), float("inf"), 21_600_000, 10**30,
        NOW.timestamp() - 10, (NOW.timestamp() - 10) * 1000, NOW.timestamp() + 40 * 86_400,
    ],
)  # fmt: skip
def test_an_expiry_that_can_not_be_right_is_ignored(expires: Any) -> None:
    assert lifetime_seconds(expires, NOW) is None


def test_a_token_does_not_show_in_its_repr() -> None:
    assert "secret" not in repr(Token("secret", 5.0))
