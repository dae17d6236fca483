from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.events import cursors
from inventory.events.cursors import Cursor
from inventory.events.models import Event, EventKind

INSTANTS = st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the zone follows


def event(position: int, occurred_at: datetime) -> Event:
    return Event(
        position=position,
        kind=EventKind.DIAMONDS_CHANGED,
        occurred_at=occurred_at,
        diamond_ids=(),
        client_id=None,
        hold_id=None,
        purchase_id=None,
        run_id=None,
        data={},
    )


@given(position=st.integers(1, 2**63 - 1), occurred_at=INSTANTS)
def test_cursor_decodes_to_event(position: int, occurred_at: datetime) -> None:
    cursor = cursors.decode(cursors.encode(Cursor.of(event(position, occurred_at))))
    assert cursor == Cursor(position, cursors.instant(occurred_at))


@given(text=st.text(max_size=60))
def test_random_text_is_rejected(text: str) -> None:
    with suppress(ValueError):
        assert cursors.decode(text).position >= 0


@pytest.mark.parametrize("text", ["", "x", "A" * 22 + "!", "A" * 22 + "=", "A" * 24, "é" * 23])
def test_malformed_cursor_error_names_reason(text: str) -> None:
    with pytest.raises(ValueError, match="is"):
        cursors.decode(text)
