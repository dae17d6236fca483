"""CSV for spreadsheets."""

import csv
import io

import pytest

from inventory.core.csv_export import csv_lines


def test_csv_lines_are_read_back() -> None:
    rows: list[list[object]] = [["id", "text"], [1, 'a "quoted", text\nof two lines'], [-2, ""]]
    assert list(csv.reader(io.StringIO(csv_lines(rows), newline=""))) == [[str(cell) for cell in row] for row in rows]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_csv_lines_neutralize_formula(text: str) -> None:
    (row,) = csv.reader(io.StringIO(csv_lines([[text]]), newline=""))
    assert row == [f"'{text}"]
