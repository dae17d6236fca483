"""Check of a column map against a file, without a database: what a run would read, and what it would not understand."""

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from inventory.catalog.stone import Stone
from inventory.core.errors import FeedDamaged
from inventory.suppliers.csv_files.cells import Cells
from inventory.suppliers.csv_files.column_map import ColumnMap, FileMap
from inventory.suppliers.csv_files.file_index import index_file
from inventory.suppliers.csv_files.mapping import observe_cells
from inventory.suppliers.csv_files.precedence import item_rows, repeated_problem
from inventory.suppliers.csv_files.preparation import prepare
from inventory.suppliers.csv_files.rows import read_header, read_rows
from inventory.suppliers.csv_files.selection import describe

_EXAMPLES = 3
_MAX_LINES = 5
_MAX_REASONS = 50
_MAX_COUNTED = 10_000
# The line, and the text of the cell: reasons are grouped without them.
_DETAILS = re.compile(r" \(line [0-9]+\)$| \((?:'[^']*'|\"[^\"]*\")\)")


class Reason(msgspec.Struct):
    """Rows that are invalid for the same reason. `lines`: up to five lines. `example`: the problem of the first row."""

    problem: str
    rows: int
    lines: list[int]
    example: str


class UnknownValue(msgspec.Struct, frozen=True):
    """A value of an optional field that is not understood. A grade keeps the text without a rank; a size is unknown."""

    field: str
    value: str
    rows: int


class FileCheck(msgspec.Struct, frozen=True, kw_only=True):
    """Result of a check.

    `rows`: records without blank lines. `valid`, `quarantined`: stones. `repetitions`: rows that repeat a stone of another row.
    `damaged`: stock numbers may have been lost, so a run removes no stone. `stones`: the first three.
    """

    file: str
    kind: str
    full: bool | None
    rows: int
    valid: int
    quarantined: int
    repetitions: int
    damaged: bool
    reasons: list[Reason]
    unknown_columns: list[str]
    missing_columns: list[str]
    unknown_values: list[UnknownValue]
    stones: list[Mapping[str, object]]


def check_file(column_map: ColumnMap, path: Path, kind: str | None = None) -> FileCheck:
    """Map every row of a file. `kind`: its layout; None finds it by the file's name, or takes the only one.

    Raises:
        ColumnMapInvalid: the map has no such kind, or two patterns match the name.
        FeedDamaged: the file cannot be used, or its name matches no pattern and the map has several kinds.
    """
    found = describe(path.name, column_map)
    if kind is not None:
        file = column_map.kind(kind)
    elif found is not None:
        file = found[0]
    elif len(column_map.files) == 1:
        file = column_map.files[0]
    else:
        kinds = ", ".join(file.kind for file in column_map.files)
        raise FeedDamaged(f"{path.name}: no pattern of the map matches the name. Pass --kind with one of: {kinds}.")
    with TemporaryDirectory(prefix="diamonds-check-") as directory:
        prepared = Path(directory) / "prepared.csv"
        try:
            prepare(path, prepared, file)
            return _checked(path.name, prepared, file, full=found[1] if found and found[0] is file else None)
        except FeedDamaged as error:
            raise FeedDamaged(f"{path.name}: {error.message}") from None
        except OSError as error:
            raise FeedDamaged(f"{path.name}: the file cannot be read or prepared ({error.strerror}).") from None


def _checked(name: str, prepared: Path, file: FileMap, *, full: bool | None) -> FileCheck:
    index = index_file(prepared, file)
    (marks,) = item_rows([index])
    columns, line, offset = read_header(prepared, file)
    reasons: dict[str, Reason] = {}
    values: Counter[tuple[str, str]] = Counter()
    stones: list[Mapping[str, object]] = []
    valid = quarantined = 0
    for place, (_, row) in enumerate(read_rows(prepared, file, columns, line=line, offset=offset)):
        if not marks[place]:
            continue
        cells = Cells(row, file)
        problem = repeated_problem(row.line) if index.stocks[place] in index.repeated else None
        item = observe_cells(cells, feed="check", problem=problem)
        if item.problem is not None:
            quarantined += 1
            _count(reasons, item.problem, row.line)
        elif item.stone is not None:
            valid += 1
            values.update(note for note in cells.notes if note in values or len(values) < _MAX_COUNTED)
            if len(stones) < _EXAMPLES:
                stones.append(_shown(item.stone))
    return FileCheck(
        file=name,
        kind=file.kind,
        full=full,
        rows=index.rows,
        valid=valid,
        quarantined=quarantined,
        repetitions=index.rows - valid - quarantined,
        damaged=index.damaged,
        reasons=sorted(reasons.values(), key=lambda reason: -reason.rows),
        unknown_columns=list(columns.unknown),
        missing_columns=list(columns.missing),
        unknown_values=[UnknownValue(field, value, rows) for (field, value), rows in values.most_common(_MAX_REASONS)],
        stones=stones,
    )


def _count(reasons: dict[str, Reason], problem: str, line: int) -> None:
    key = _DETAILS.sub("", problem)
    if key not in reasons and len(reasons) >= _MAX_REASONS:
        key = "other problems"
    reason = reasons.setdefault(key, Reason(problem=key, rows=0, lines=[], example=problem))
    reason.rows += 1
    if len(reason.lines) < _MAX_LINES:
        reason.lines.append(line)


def _shown(stone: Stone) -> Mapping[str, object]:
    """Return the values of a stone that are known."""
    values = msgspec.structs.asdict(stone) | {
        "measurements": msgspec.Raw(stone.measurements),
        "attributes": msgspec.Raw(stone.attributes),
    }
    return {name: value for name, value in values.items() if value is not None}
