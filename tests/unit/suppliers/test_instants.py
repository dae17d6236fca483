"""Instants in supplier items: numbers by magnitude, texts in several formats."""

import contextlib
import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.suppliers.nivoda.instants import InstantNotUnderstood, read_instant

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
SECONDS = 1_795_608_000


def read(value: object) -> datetime | None:
    return read_instant(msgspec.Raw(json.dumps(value).encode()))


@pytest.mark.parametrize(
    "value",
    [
        SECONDS,
        float(SECONDS),
        SECONDS * 1000,
        SECONDS * 1000.0,
        f"{SECONDS}",
        f" {SECONDS}000 ",
        f"{SECONDS}.0",
        "2026-11-25T12:00:00Z",
        "2026-11-25T12:00:00.000+00:00",
        "2026-11-25T13:30:00+0130",
        "2026-11-25 12:00:00",
        "Wed, 25 Nov 2026 12:00:00 GMT",
        "Wed, 25 Nov 2026 07:00:00 -0500",
    ],
)
def test_instant_is_parsed_in_every_format(value: object) -> None:
    assert read(value) == NOON


@pytest.mark.parametrize("value", [None, "", "  "])
def test_missing_instant_is_none(value: object) -> None:
    assert read(value) is None


@pytest.mark.parametrize(
    "value",
    [
        0, -1, 1, 3600, 20261125, 10**11, 10**14, SECONDS * 10**6, SECONDS * 10**9, True, False, [], {}, [SECONDS],
        "soon", "0", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00", "24 hours", "\x00", "12:00", "1e9",
    ],
)  # fmt: skip
def test_invalid_instant_is_error_without_default(value: object) -> None:
    with pytest.raises(InstantNotUnderstood):
        read(value)


@pytest.mark.parametrize("raw", [b"1e999", b"-", b"{", b"", b'"\\ud800"', b"\xff"])
def test_invalid_json_bytes_are_error(raw: bytes) -> None:
    with pytest.raises(InstantNotUnderstood):
        read_instant(msgspec.Raw(raw))


@given(st.integers(10**9, 9 * 10**10))
def test_seconds_and_milliseconds_are_distinguished(seconds: int) -> None:
    instant = datetime.fromtimestamp(seconds, UTC)
    assert read(seconds) == instant
    assert read(seconds * 1000 + 1) == instant + timedelta(milliseconds=1)
    assert read(instant.isoformat()) == instant


@given(st.recursive(st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(), st.lists))
def test_any_value_is_parsed_or_rejected(value: object) -> None:
    with contextlib.suppress(InstantNotUnderstood):
        assert read(value) is None or isinstance(read(value), datetime)
