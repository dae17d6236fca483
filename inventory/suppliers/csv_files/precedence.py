"""Precedence of rows in a run: of several rows for a stone, one is an item and the others are rejected. Pure."""

from collections.abc import Sequence

from inventory.suppliers.csv_files.file_index import FileIndex


def item_rows(indexes: Sequence[FileIndex]) -> list[bytes]:
    """Decide for each row of each file (oldest first) whether it is an item (1) or rejected (0).

    A row is rejected if a newer file has its stock number, also with another report number, or if an earlier row of its file
    has the same stone. So no stone is an item twice.
    """
    newer: set[int] = set()
    found: list[bytes] = []
    for index in reversed(indexes):
        seen: set[int] = set()
        marks = bytearray(index.rows)
        for place, (stock, stone) in enumerate(zip(index.stocks, index.stones, strict=True)):
            if stone in seen or (stock or stone) in newer:
                continue
            seen.add(stone)
            marks[place] = 1
        newer.update(stock or stone for stock, stone in zip(index.stocks, index.stones, strict=True))
        found.append(bytes(marks))
    return found[::-1]


def repeated_problem(line: int) -> str:
    """Describe the problem of a row whose stock number is in another row with other cells."""
    return f"stock_number: is in several rows that differ (line {line})"
