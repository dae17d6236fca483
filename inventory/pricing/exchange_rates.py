"""Exchange rates: amounts in display currencies, by a table that operators define. Charges remain in US dollars."""

import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

import msgspec

from inventory.core.database import Database
from inventory.core.errors import NotFound, ValidationFailed
from inventory.core.logging import get_logger
from inventory.pricing.repository import sql

log = get_logger()

# A changed rate is shown by every process after this time.
_CACHE_SECONDS = 30.0
_CURRENCY = re.compile("[A-Z]{3}")
_MAX_RATE = Decimal(10) ** 9
_DIGITS = 9
# Decimals of currencies (ISO 4217) that do not have two.
_DECIMALS: Mapping[str, int] = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}  # fmt: skip


class ExchangeRate(msgspec.Struct, frozen=True):
    """Units of a currency for one US dollar. `rate_at`: when an operator set it."""

    currency: str
    rate: Decimal
    rate_at: datetime


def convert(cents: int, rate: ExchangeRate) -> str:
    """Convert US cents to an amount as text, rounded half up to the smallest unit of the currency."""
    unit = Decimal(1).scaleb(-_DECIMALS.get(rate.currency, 2))
    return str((Decimal(cents) / 100 * rate.rate).quantize(unit, rounding=ROUND_HALF_UP))


class ExchangeRates:
    """Reads and sets exchange rates. Reads are cached for half a minute."""

    def __init__(self, database: Database, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._monotonic = monotonic
        self._rates: Mapping[str, ExchangeRate] = {}
        self._read_at: float | None = None

    async def all_rates(self) -> Mapping[str, ExchangeRate]:
        """Read the rates by currency."""
        if self._read_at is None or self._monotonic() - self._read_at > _CACHE_SECONDS:
            read_at = self._monotonic()
            async with self._database.bounded() as connection:
                rows = await connection.fetch(sql.exchange_rates)
            self._rates, self._read_at = {row["currency"]: ExchangeRate(**row) for row in rows}, read_at
        return self._rates

    async def set_rate(self, currency: str, rate: Decimal, *, client_id: str) -> ExchangeRate:
        """Set the rate of a currency.

        Raises:
            ValidationFailed: the currency is not three capital letters, or USD; the rate is not positive or too large.
        """
        problems = {}
        if not _CURRENCY.fullmatch(currency) or currency == "USD":
            problems["currency"] = "should be the three capital letters of a currency other than USD"
        if not rate.is_finite() or not 0 < rate <= _MAX_RATE or round(rate, _DIGITS) != rate:
            problems["rate"] = f"should be positive, at most {_MAX_RATE:.0f}, with at most {_DIGITS} decimals"
        if problems:
            raise ValidationFailed(problems)
        async with self._database.bounded() as connection:
            row = await connection.fetchrow(sql.set_exchange_rate, currency, rate, client_id)
        assert row is not None  # noqa: S101 - an upsert without a condition
        self._read_at = None
        log.info("exchange_rate_set", currency=currency, rate=str(rate), client_id=client_id)
        return ExchangeRate(**row)

    async def remove_rate(self, currency: str, *, client_id: str) -> None:
        """Remove the rate of a currency.

        Raises:
            NotFound: the currency has no rate.
        """
        async with self._database.bounded() as connection:
            removed = await connection.fetchval(sql.remove_exchange_rate, currency)
        if removed is None:
            raise NotFound("There is no exchange rate for this currency.")
        self._read_at = None
        log.info("exchange_rate_removed", currency=currency, client_id=client_id)
