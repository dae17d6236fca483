"""Records for a terminal: columns that are never cut, and notes on lines of their own."""

import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence

import msgspec

_GAP = "  "
_NOTE_INDENT = "  "


class Record(msgspec.Struct, frozen=True):
    """A row of a list. `cells`: short values such as ids and instants. `notes`: texts of any length; empty ones are left out."""

    cells: Sequence[str]
    notes: Sequence[str] = ()


def format_records(headers: Sequence[str], records: Iterable[Record], width: int | None) -> str:
    """Format records below their headers. Only notes are wrapped, at `width` columns; None does not wrap them."""
    rows = list(records)
    lengths = [max(map(len, column)) for column in zip(headers, *(row.cells for row in rows), strict=True)]
    lines = [_line([header.upper() for header in headers], lengths)]
    for row in rows:
        lines.append(_line(row.cells, lengths))
        lines += [line for note in row.notes if note for line in wrap(note, width)]
    return "\n".join(lines)


def wrap(text: str, width: int | None, indent: str = _NOTE_INDENT) -> list[str]:
    """Wrap a text to indented lines. A word longer than a line, such as an id or a command, stays in one piece."""
    lines: list[str] = []
    for part in text.splitlines():
        if width is None:
            lines.append(indent + part)
        else:
            lines += textwrap.wrap(
                part,
                width,
                initial_indent=indent,
                subsequent_indent=indent,
                break_long_words=False,
                break_on_hyphens=False,
            )
    return lines


def terminal_width() -> int | None:
    """Columns of the terminal at stdout; None for a pipe or a file, where lines are not wrapped."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def print_records(headers: Sequence[str], records: Iterable[Record]) -> None:
    """Print records to stdout."""
    sys.stdout.write(format_records(headers, records, terminal_width()) + "\n")


def print_facts(facts: Iterable[tuple[str, str]]) -> None:
    """Print names and values to stdout, one per line, the values below each other. Empty values are left out."""
    shown = [(name, value) for name, value in facts if value]
    label_width = max((len(name) for name, _ in shown), default=0)
    width = terminal_width()
    for name, value in shown:
        head = f"{name:<{label_width}}{_GAP}"
        indent = " " * len(head)
        lines = [line for part in value.splitlines() for line in wrap(part, width, indent)]
        sys.stdout.write("\n".join([head + lines[0][len(indent) :], *lines[1:]]) + "\n")


def _line(cells: Sequence[str], lengths: Sequence[int]) -> str:
    return _GAP.join(f"{cell:<{length}}" for cell, length in zip(cells, lengths, strict=True)).rstrip()
