"""Rows of a price list: records of the CSV format with their lines, checked for width and for damaged characters."""

import csv
import io
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from inventory.core.errors import FeedDamaged
from inventory.suppliers.csv_files.column_map import FileMap
from inventory.suppliers.csv_files.columns import Columns, resolve_columns
from inventory.suppliers.csv_files.headers import normalize_header

ENCODING = "utf-8"
"""Encoding of a prepared file. Bytes that are not of the declared encoding are lone surrogates in it."""
ERRORS = "surrogatepass"
MAX_LINE_LENGTH = 1_000_000
_MAX_RECORD_LENGTH = 200_000
_SHOWN = 80
_FLAWED = re.compile("[\x00\ud800-\udfff]")
_REFUSAL = re.compile(r"\s*(?:<|\{|\[)")


class CsvRecord(msgspec.Struct, frozen=True):
    """A record of the file. `offset`: its first byte in the prepared file; `end`: the byte after it. `line`: from 1.

    `damaged`: its quoting is damaged, so the cells of the line are not known.
    """

    line: int
    offset: int
    end: int
    cells: Sequence[str]
    damaged: bool = False


class Row(msgspec.Struct, frozen=True):
    """A record below the header. `places`: index of the cell of each field.

    `problem`: the reason why the row is invalid. `aligned`: whether the cells belong to their columns.
    """

    line: int
    names: Sequence[str]
    cells: Sequence[str]
    places: Mapping[str, int]
    problem: str | None = None
    aligned: bool = True

    def storable(self, *, empty: bool = False) -> dict[str, str]:
        """Return the cells by the name of the column. Damaged characters are escaped. `empty`: also empty cells."""
        extra = [f"column {place}" for place in range(len(self.names) + 1, len(self.cells) + 1)]
        found = {name: cell for name, cell in zip((*self.names, *extra), self.cells, strict=False) if cell or empty}
        if self.problem is None:
            return found
        return {name: _FLAWED.sub(_escape, cell) for name, cell in found.items()}

    @classmethod
    def from_payload(cls, line: int, row: Mapping[str, str], file: FileMap, *, aligned: bool) -> "Row":
        """Restore a row from its stored cells. A column of the map that is not among them is an empty cell."""
        names = tuple(row)
        normal = {normalize_header(name): place for place, name in enumerate(names)}
        places = {}
        for name, field in file.fields.items():
            suffix = f" ({field.occurrence})" if field.occurrence and field.occurrence > 1 else ""
            found = [normal[header + suffix] for header in field.headers if header + suffix in normal]
            if found:
                places[name] = found[0]
        return cls(line, names, tuple(row.values()), places, aligned=aligned)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code - 0xDC00 if code > 0xDC00 else code:02x}"  # noqa: PLR2004 - offset of the escaped bytes


class RecordReader:
    """CSV reader that continues behind damaged quoting.

    After a quoting error, the line where the record began is damaged, and reading continues at the next line. So a quote that
    is never closed costs its line, not the rest of the file.
    """

    def __init__(self, lines: io.TextIOBase, file: FileMap, *, line: int = 0, offset: int = 0) -> None:
        """`lines`: a prepared file, opened without newline translation. `line`: lines before; `offset`: bytes before."""
        self._lines = lines
        self._delimiter = file.delimiter
        self._quoting = csv.QUOTE_MINIMAL if file.quoting else csv.QUOTE_NONE
        self._pending: list[str] = []
        self._taken: list[str] = []
        self._length = 0
        self._line = line
        self._offset = offset
        self._csv = self._reader()

    def __iter__(self) -> Iterator[CsvRecord]:
        """Yield the records that are not blank."""
        while True:
            self._taken, self._length = [], 0
            line, offset = self._line + 1, self._offset
            try:
                cells = next(self._csv)
            except StopIteration:
                return
            except csv.Error:
                yield self.reject(line, offset)
                continue
            self._line += len(self._taken)
            self._offset += sum(map(_size, self._taken))
            if any(cell and not cell.isspace() for cell in cells):
                yield CsvRecord(line, offset, self._offset, cells)

    def reject(self, line: int, offset: int) -> CsvRecord:
        """Treat the first line of the current record as damaged; reading continues at its next line."""
        first = self._taken[0]
        self._pending = self._taken[1:] + self._pending
        self._line, self._offset = line, offset + _size(first)
        self._csv = self._reader()
        return CsvRecord(line, offset, self._offset, [first.rstrip("\r\n")], damaged=True)

    @property
    def line(self) -> int:
        """Number of lines that were read."""
        return self._line

    @property
    def spans_lines(self) -> bool:
        """Whether the current record has several lines."""
        return len(self._taken) > 1

    def _reader(self) -> Iterator[list[str]]:
        return csv.reader(self._next_lines(), delimiter=self._delimiter, quoting=self._quoting, strict=True)  # type: ignore[arg-type]

    def _next_lines(self) -> Iterator[str]:
        while True:
            if self._pending:
                line = self._pending.pop(0)
            else:
                line = self._lines.readline(MAX_LINE_LENGTH)
                if len(line) == MAX_LINE_LENGTH:
                    raise FeedDamaged(f"Line {self._line + 1} has more than {MAX_LINE_LENGTH:,} characters.")
            if not line:
                return
            self._taken.append(line)
            self._length += len(line)
            if len(self._taken) > 1 and self._length > _MAX_RECORD_LENGTH:
                raise csv.Error("a record without an end")
            yield line


def _size(line: str) -> int:
    return len(line) if line.isascii() else len(line.encode(ENCODING, ERRORS))


def open_text(path: Path, offset: int = 0) -> io.TextIOWrapper:
    """Open a prepared file at a byte, without newline translation."""
    content = path.open("rb")
    content.seek(offset)
    return io.TextIOWrapper(content, encoding=ENCODING, errors=ERRORS, newline="")


def read_header(path: Path, file: FileMap) -> tuple[Columns, int, int]:
    """Read the header of a prepared file. Returns the columns, and the lines and the bytes before the first row.

    Raises:
        FeedDamaged: the file is empty, is not a price list, or its header does not fit the map.
    """
    with open_text(path) as text:
        offset = sum(_size(text.readline(MAX_LINE_LENGTH)) for _ in range(file.skip_lines))
        if file.columns:
            return resolve_columns(file.columns, file), file.skip_lines, offset
        reader = RecordReader(text, file, line=file.skip_lines, offset=offset)
        first = next(iter(reader), None)
    if first is None:
        raise FeedDamaged("The file is empty. Wait for the next delivery, or ask the supplier.")
    try:
        return resolve_columns(first.cells, file), reader.line, first.end
    except FeedDamaged as error:
        if first.damaged or len(first.cells) == 1 or _REFUSAL.match(first.cells[0]):
            shown = " ".join(first.cells[0].split())[:_SHOWN]
            raise FeedDamaged(
                f"The file is not a price list. It begins with {shown!r}. Read the file: it may be a refusal of the supplier."
            ) from None
        raise error from None


def read_rows(
    path: Path, file: FileMap, columns: Columns, *, line: int, offset: int
) -> Generator[tuple[CsvRecord, Row], None, None]:
    """Yield the records of a prepared file from a position with their rows. `line`: lines before the position."""
    with open_text(path, offset) as text:
        reader = RecordReader(text, file, line=line, offset=offset)
        for record in reader:
            found = record
            if not record.damaged and reader.spans_lines and _width_problem(record.cells, columns):
                found = reader.reject(record.line, record.offset)
            yield found, _row(found, columns, file.encoding)


def _width_problem(cells: Sequence[str], columns: Columns) -> str | None:
    if len(cells) < columns.least or any(cell.strip() for cell in cells[columns.width :]):
        return f"the row has {len(cells)} columns instead of {columns.width}"
    return None


def _row(record: CsvRecord, columns: Columns, encoding: str) -> Row:
    if record.damaged:
        return Row(record.line, (), record.cells, {}, "quoting: the row's quotation marks are damaged", aligned=False)
    if problem := _width_problem(record.cells, columns):
        return Row(record.line, columns.names, record.cells, columns.places, f"columns: {problem}", aligned=False)
    for place, cell in enumerate(record.cells):
        if not cell.isprintable() and (found := _FLAWED.search(cell)):
            name = columns.names[place] if place < len(columns.names) else f"column {place + 1}"
            what = "a NUL character" if found[0] == "\x00" else f"bytes that are not {encoding}"
            return Row(record.line, columns.names, record.cells, columns.places, f"column {name!r}: holds {what}")
    return Row(record.line, columns.names, record.cells, columns.places)
