"""Cells of a row by field: null tokens, value tables, defaults, constants and units of the column map."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

from inventory.catalog.vocabulary.scales import Graded
from inventory.suppliers.csv_files import values
from inventory.suppliers.csv_files.column_map import FieldMap, FileMap
from inventory.suppliers.csv_files.fields import FIELDS
from inventory.suppliers.csv_files.rows import Row
from inventory.suppliers.csv_files.values import CellNotUnderstood, NumberFormat, clean, shown
from inventory.suppliers.values import word

T = TypeVar("T")
_RANGES = frozenset({"color", "clarity", "cut", "polish", "symmetry"})
_RANGE = re.compile(r"\s*[-/\u2010-\u2015]\s*")
_Sizes = tuple[Decimal | None, Decimal | None, Decimal | None]


class RowProblem(Exception):
    """The row is invalid. The message is `field, column "name": problem`."""


class Cells:
    """Cells of a row. `notes`: field and text of optional cells that were not understood; the field then is unknown."""

    def __init__(self, row: Row, file: FileMap) -> None:
        self.row = row
        self.file = file
        self.notes: list[tuple[str, str]] = []
        self._form = NumberFormat(file.decimal, file.group)

    @property
    def supplier(self) -> str | None:
        """Name of the supplier in the map."""
        return self.file.supplier

    def stated(self, name: str) -> str | None:
        """Return the cleaned cell of a field; None for an empty cell, a null token, or a field without a column."""
        place = self.row.places.get(name)
        if place is None or place >= len(self.row.cells):
            return None
        found = clean(self.row.cells[place])
        return None if not found or found.casefold() in self.file.null else found

    def text(self, name: str) -> str | None:
        """Return the text of a field by its value table, default or constant; None if there is none.

        Raises:
            RowProblem: the value table is closed and does not have the text.
        """
        field = self.file.fields.get(name)
        if field is None:
            return None
        if field.constant is not None:
            return field.constant or None
        found = self.stated(name)
        if found is None:
            return field.default or None
        if not field.values:
            return found
        return self._meaning(name, field, found)

    def _meaning(self, name: str, field: FieldMap, found: str) -> str | None:
        meaning = field.values.get(found.casefold())
        if meaning is not None:
            return meaning or None
        if (joined := _joined_meaning(name, field, found)) is not None:
            return joined
        if field.closed:
            raise self.problem(name, f"is not in `values` of the map ({shown(found)})")
        return found

    def parsed(self, name: str, parse: Callable[[str], T]) -> T | None:
        """Parse the text of a field.

        Raises:
            RowProblem: the text is not understood.
        """
        found = self.text(name)
        if found is None:
            return None
        try:
            return parse(found)
        except CellNotUnderstood as error:
            raise self.problem(name, str(error)) from None

    def number(self, name: str) -> Decimal | None:
        """Parse a number in the canonical unit.

        Raises:
            RowProblem: the text is not a number.
        """
        found = self.parsed(name, lambda text: values.number(text, self._form))
        return None if found is None else found * self._factor(name)

    def price(self, name: str) -> tuple[Decimal, Decimal] | None:
        """Parse a price. Returns it in dollars with the unit of its last digit.

        Raises:
            RowProblem: the text is not a price in US dollars.
        """
        found = self.parsed(name, lambda text: values.price(text, self._form))
        if found is None:
            return None
        factor = self._factor(name)
        return found * factor, values.ulp(found) * factor

    def size(self, name: str) -> Decimal | None:
        """Parse an optional positive number; None for another text, which is noted."""
        found = self._optional(name, lambda text: values.number(text, self._form))
        if found is not None and found < 0:
            self.note(name)
        return found * self._factor(name) if found is not None and found > 0 else None

    def days(self, name: str) -> int | None:
        """Parse an optional number of days; None for another text, which is noted."""
        return self._optional(name, values.days)

    def measurements(self) -> _Sizes:
        """Parse length, width and depth of one column; None for another text, which is noted."""
        found = self._optional("measurements", lambda text: values.measurements(text, self._form))
        return found or (None, None, None)

    def word(self, name: str) -> str | None:
        """Return a text that is short enough for a grade or a colour."""
        return word(self.text(name))

    def grade(self, name: str, read: Callable[[str | None], Graded]) -> Graded:
        """Parse a grade. A text that is not understood is noted and keeps its text without a rank."""
        grade, rank = read(self.word(name))
        if grade is not None and rank is None:
            self.note(name)
        return grade, rank

    def note(self, name: str) -> None:
        """Note that the cell of a field is not understood."""
        self.notes.append((name, self.stated(name) or self.text(name) or ""))

    def problem(self, name: str, problem: str) -> RowProblem:
        """Create the problem of a field. The message names the field and its column."""
        place = self.row.places.get(name)
        column = f', column "{self.row.names[place]}"' if place is not None else ""
        return RowProblem(f"{name}{column}: {problem}")

    def _optional(self, name: str, parse: Callable[[str], T]) -> T | None:
        try:
            return self.parsed(name, parse)
        except RowProblem:
            self.note(name)
            return None

    def _factor(self, name: str) -> Decimal:
        units = FIELDS[name].units
        field = self.file.fields[name]
        return units[field.unit] if field.unit is not None else next(iter(units.values()), Decimal(1))


def _joined_meaning(name: str, field: FieldMap, found: str) -> str | None:
    """Apply the value table to the parts of a joined text: the strength in "VS Blue", both grades in "V-E"."""
    if name == "fluorescence":
        words = found.split()
        for count in range(len(words) - 1, 0, -1):
            meaning = field.values.get(" ".join(words[:count]).casefold())
            if meaning is not None:
                return " ".join((meaning, *words[count:]))
        return None
    if name not in _RANGES:
        return None
    parts = _RANGE.split(found)
    if len(parts) != 2:  # noqa: PLR2004 - a range has two ends
        return None
    meanings = [field.values.get(part.casefold()) for part in parts]
    if all(meaning is None for meaning in meanings):
        return None
    return " to ".join(meaning or part for meaning, part in zip(meanings, parts, strict=True))
