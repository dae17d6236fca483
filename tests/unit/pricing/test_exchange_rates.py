"""Amounts in display currencies: rounded half up to the currency's smallest unit."""

from decimal import Decimal

import pytest

from inventory.core.clock import utc_now
from inventory.pricing.exchange_rates import ExchangeRate, convert


@pytest.mark.parametrize(
    ("cents", "currency", "rate", "expected"),
    [
        (123_450, "EUR", "1", "1234.50"), (100, "EUR", "0.925", "0.93"), (0, "EUR", "0.9", "0.00"), (100, "JPY", "149.5", "150"),
        (100, "KWD", "0.3075", "0.308"), (10**15 - 1, "EUR", "1", "9999999999999.99"), (1, "GBP", "0.499999999", "0.00"),
    ],
)  # fmt: skip
def test_convert_rounds_half_up_to_smallest_unit(cents: int, currency: str, rate: str, expected: str) -> None:
    assert convert(cents, ExchangeRate(currency, Decimal(rate), utc_now())) == expected
