"""Records on a terminal: values are never truncated."""

from datetime import timedelta
from uuid import uuid4

import pytest

from inventory.core.durations import duration_text
from inventory.core.records import Record, format_records


def test_cells_are_not_truncated_and_notes_are_wrapped_between_words() -> None:
    run_id = str(uuid4())
    reason = f"MASS_DELETE_STOPPED: {'stones are gone ' * 20}consolidate --allow-mass-delete {run_id}"
    text = format_records(("run", "status"), [Record((run_id, "failed"), (reason, ""))], 80)
    assert text.splitlines()[1].startswith(run_id)
    assert text.count(run_id) == 2
    assert max(map(len, text.splitlines())) <= 80
    assert " ".join(text.split()).endswith(reason)


def test_note_is_one_line_without_terminal() -> None:
    text = format_records(("run",), [Record(("1",), ("word " * 100,))], None)
    assert len(text.splitlines()) == 3


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "less than 1 s"),
        (2.1, "2 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (125, "2 min 05 s"),
        (12 * 60 + 29, "12 min"),
        (59 * 60 + 40, "1 h 00 min"),
        (3 * 3600 + 7 * 60, "3 h 07 min"),
        (23 * 3600 + 59 * 60 + 40, "1 d 0 h"),
        (2 * 86_400 + 4 * 3600, "2 d 4 h"),
        (-3, "less than 1 s"),
    ],
)
def test_duration_names_two_largest_units(seconds: float, text: str) -> None:
    assert duration_text(timedelta(seconds=seconds)) == text
