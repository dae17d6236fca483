"""Money and instant scalars: parse and serialize."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from graphql import GraphQLError
from hypothesis import given
from hypothesis import strategies as st

from app.graphql.money import money
from app.graphql.relay import global_id, read_global_id
from app.graphql.scalars import _parse_cents, _parse_instant, serialize_instant
from inventory.core.errors import NotFound


@pytest.mark.parametrize(
    ("cents", "amount", "formatted"),
    [
        (0, "0.00", "$0.00"),
        (5, "0.05", "$0.05"),
        (123_450, "1234.50", "$1,234.50"),
        (10**11, "1000000000.00", "$1,000,000,000.00"),
    ],
)
def test_money_is_formatted_in_dollars(cents: int, amount: str, formatted: str) -> None:
    assert (money(cents).amount(), money(cents).formatted()) == (amount, formatted)


@pytest.mark.parametrize("value", [-1, -1.0, 1.5, 1e15, float("nan"), float("inf"), "1", True, 10**15, None])
def test_cents_are_whole_nonnegative_and_bounded(value: object) -> None:
    with pytest.raises(GraphQLError, match="Cents"):
        _parse_cents(value)


@pytest.mark.parametrize("value", [100_000, 100_000.0])
def test_cents_may_have_fraction_of_zero(value: object) -> None:
    cents = _parse_cents(value)
    assert (cents, type(cents)) == (100_000, int)


@pytest.mark.parametrize("text", ["2026-01-31T12:00:00Z", "2026-01-31t12:00:00z", "2026-01-31t14:00:00.000+02:00"])
def test_instant_may_have_lowercase_letters(text: str) -> None:
    assert _parse_instant(text) == datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "value", ["2026-01-31", "2026-01-31T12:00:00", "tomorrow", 0, None, "0001-01-01T00:00:00+10:00"]
)
def test_instant_requires_time_zone_and_valid_date(value: object) -> None:
    with pytest.raises(GraphQLError, match="DateTime"):
        _parse_instant(value)


ZONE = timezone(timedelta(hours=5))
# Not at the ends of the calendar: another time zone may move them outside it.
INSTANTS = st.datetimes(timezones=st.just(ZONE)).filter(lambda instant: 1 < instant.year < 9999)


@given(INSTANTS)
def test_instant_is_serialized_in_utc_and_parsed_back(instant: datetime) -> None:
    text = serialize_instant(instant)
    assert text.endswith("Z")
    assert _parse_instant(text) == instant.astimezone(UTC)


@given(st.uuids())
def test_global_id_decodes_to_type_and_id(key: object) -> None:
    assert read_global_id(global_id("Diamond", key)) == ("Diamond", key)  # type: ignore[arg-type]


@given(st.text())
def test_random_text_is_no_global_id(text: str) -> None:
    with pytest.raises(NotFound):
        read_global_id(text)
