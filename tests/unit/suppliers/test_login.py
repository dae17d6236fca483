"""Shared login: minimal number of logins, renewal in time."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from inventory.core.errors import SupplierUnavailable
from inventory.suppliers.nivoda.login import SharedLogin, Token, lifetime_seconds

SIX_HOURS = 6 * 3600
FIVE_MINUTES = 300
NOW = datetime(2026, 2, 12, 12, 0, tzinfo=UTC)


class FakeSupplier:
    """Returns numbered tokens when the test allows it, and provides the clock."""

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
def supplier() -> FakeSupplier:
    return FakeSupplier()


@pytest.fixture
def login(supplier: FakeSupplier) -> SharedLogin:
    return SharedLogin(supplier.authenticate, supplier.monotonic)


async def test_concurrent_calls_share_one_login(supplier: FakeSupplier, login: SharedLogin) -> None:
    assert set(await asyncio.gather(*(login.token() for _ in range(20)))) == {"token 1"}
    assert await login.token() == "token 1"
    assert supplier.logins == 1


async def test_token_is_renewed_five_minutes_before_end(supplier: FakeSupplier, login: SharedLogin) -> None:
    await login.token()
    supplier.seconds += SIX_HOURS - FIVE_MINUTES - 1
    assert await login.token() == "token 1"
    supplier.seconds += 1
    assert await login.token() == "token 2"


async def test_token_lifetime_counts_from_before_login(supplier: FakeSupplier, login: SharedLogin) -> None:
    supplier.gate.clear()
    waiting = asyncio.create_task(login.token())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    supplier.seconds += 600
    supplier.gate.set()
    await waiting
    supplier.seconds += SIX_HOURS - FIVE_MINUTES - 600
    assert await login.token() == "token 2"


async def test_concurrent_calls_with_rejected_token_log_in_once(supplier: FakeSupplier, login: SharedLogin) -> None:
    token = await login.token()

    async def fail_and_renew() -> str:
        login.refuse(token)
        return await login.token()

    assert set(await asyncio.gather(*(fail_and_renew() for _ in range(20)))) == {"token 2"}
    # A call that receives its rejection late does not discard the new token.
    assert await fail_and_renew() == "token 2"
    assert supplier.logins == 2


async def test_failed_login_fails_all_waiting_calls_and_next_call_retries(
    supplier: FakeSupplier, login: SharedLogin
) -> None:
    supplier.fails = True
    outcomes = await asyncio.gather(*(login.token() for _ in range(5)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [SupplierUnavailable] * 5
    supplier.fails = False
    assert await login.token() == "token 2"
    assert supplier.logins == 2


async def test_cancelled_caller_does_not_cancel_shared_login(supplier: FakeSupplier, login: SharedLogin) -> None:
    supplier.gate.clear()
    impatient, patient = asyncio.create_task(login.token()), asyncio.create_task(login.token())
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.sleep(0)
    supplier.gate.set()
    assert await patient == "token 1"
    assert impatient.cancelled()
    assert supplier.logins == 1


async def test_login_failure_without_waiting_caller_is_silent(supplier: FakeSupplier, login: SharedLogin) -> None:
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


async def test_close_cancels_running_login(supplier: FakeSupplier, login: SharedLogin) -> None:
    supplier.gate.clear()
    waiting = asyncio.create_task(login.token())
    await asyncio.sleep(0)
    await login.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting


@pytest.mark.parametrize(("life", "renewed_after"), [(3600, 3300), (86_400, 86_100), (60, 54)])
async def test_token_is_renewed_by_lifetime_of_supplier(
    supplier: FakeSupplier, login: SharedLogin, life: float, renewed_after: float
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
def test_expires_is_seconds_or_instant_by_magnitude(expires: Any, expected: float) -> None:
    assert lifetime_seconds(expires, NOW) == pytest.approx(expected)


@pytest.mark.parametrize(
    "expires",
    [
        None, 0, -5, 1, True, "soon", "", [], {}, float("nan"), float("inf"), 21_600_000, 10**30,
        NOW.timestamp() - 10, (NOW.timestamp() - 10) * 1000, NOW.timestamp() + 40 * 86_400,
    ],
)  # fmt: skip
def test_implausible_expiry_is_ignored(expires: Any) -> None:
    assert lifetime_seconds(expires, NOW) is None


def test_repr_hides_token() -> None:
    assert "secret" not in repr(Token("secret", 5.0))
