"""Price lists and column maps for the tests of the CSV feed."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inventory.suppliers.csv_files.column_map import ColumnMap, FileMap, decode_column_map
from inventory.suppliers.csv_files.file_index import FileIndex, index_file
from inventory.suppliers.csv_files.mapping import observe_row
from inventory.suppliers.csv_files.preparation import prepare
from inventory.suppliers.csv_files.rows import read_header, read_rows
from inventory.suppliers.ports import ObservedItem

EXAMPLES = Path(__file__).parents[4] / "examples" / "column-maps"
HEADER = ("Stock", "Report", "Lab", "Shape", "Carat", "Price", "Color", "Clarity", "Status", "Notes")
FIELDS = {
    "stock_number": '{ headers = ["Stock"] }',
    "report_number": '{ headers = ["Report"] }',
    "lab": '{ headers = ["Lab"] }',
    "shape": '{ headers = ["Shape"] }',
    "carat": '{ headers = ["Carat"] }',
    "total_price": '{ headers = ["Price"] }',
    "color": '{ headers = ["Color"] }',
    "clarity": '{ headers = ["Clarity"] }',
    "availability": '{ headers = ["Status"], values = { Y = "AVAILABLE" } }',
    "comments": '{ headers = ["Notes"] }',
    "lab_grown": '{ constant = "NATURAL" }',
}


def toml(*, head: str = "", layout: str = "", without: Sequence[str] = (), **fields: str) -> str:
    """A map of one kind. `head`, `layout`: lines for the map and for the kind; `fields`: tables that replace or add a field."""
    declared = {name: table for name, table in (FIELDS | fields).items() if name not in without}
    lines = "\n".join(f"{name} = {table}" for name, table in declared.items())
    return (
        f'version = 1\n{head}\n[[files]]\nkind = "list"\nfull = ["full-*"]\npartial = ["delta-*"]\n{layout}\n'
        f"[files.fields]\n{lines}\n"
    )


def column_map(**options: Any) -> ColumnMap:
    return decode_column_map(toml(**options), "map.toml")


def file_map(**options: Any) -> FileMap:
    return column_map(**options).files[0]


def row(stock: str = "S1", **cells: str) -> list[str]:
    """A row below `HEADER`."""
    report = "".join(str(ord(letter) % 10) for letter in stock).ljust(8, "0")
    valid = {"Report": report, "Lab": "GIA", "Shape": "Round", "Carat": "1.00", "Price": "5000.00",
             "Color": "D", "Clarity": "VS1", "Status": "Y", "Notes": ""}  # fmt: skip
    return [stock, *(valid | cells).values()]


def text_of(rows: Sequence[Sequence[str]], *, header: Sequence[str] = HEADER, delimiter: str = ",") -> str:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows([header, *rows] if header else rows)
    return out.getvalue()


def prepared(tmp_path: Path, content: str | bytes, file: FileMap) -> Path:
    delivered, path = tmp_path / "delivered", tmp_path / "prepared"
    delivered.write_bytes(content.encode() if isinstance(content, str) else content)
    prepare(delivered, path, file)
    return path


def indexed(tmp_path: Path, content: str | bytes, file: FileMap) -> FileIndex:
    return index_file(prepared(tmp_path, content, file), file)


def observed(tmp_path: Path, content: str | bytes, file: FileMap) -> list[ObservedItem]:
    """Map every row of a file."""
    path = prepared(tmp_path, content, file)
    columns, line, offset = read_header(path, file)
    return [
        observe_row(found, file, feed="list") for _, found in read_rows(path, file, columns, line=line, offset=offset)
    ]


def one(tmp_path: Path, file: FileMap | None = None, /, stock: str = "S1", **cells: str) -> ObservedItem:
    """Map one row below `HEADER`."""
    (item,) = observed(tmp_path, text_of([row(stock, **cells)]), file or file_map())
    return item
