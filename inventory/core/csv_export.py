"""CSV for spreadsheets (RFC 4180), with cells that a spreadsheet would read as a formula made harmless."""

import csv
import io
from collections.abc import Sequence

_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def csv_lines(rows: Sequence[Sequence[object]]) -> str:
    """Return rows as CSV lines. A text that a spreadsheet would read as a formula begins with an apostrophe."""
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\r\n").writerows([_cell(value) for value in row] for row in rows)
    return lines.getvalue()


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULAS) else value
