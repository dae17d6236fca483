"""Column map: declarative description of a supplier's price lists, decoded from TOML.

A map holds no code. docs/reference/column-map.md describes every key.
"""

import codecs
import tomllib
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

import msgspec

from inventory.catalog.vocabulary.offers import stated_availability
from inventory.core.errors import ColumnMapInvalid
from inventory.suppliers.csv_files.fields import FIELDS, PRICE_FIELDS, REQUIRED_FIELDS
from inventory.suppliers.csv_files.headers import normalize_header
from inventory.suppliers.origin_statements import NotUnderstood, stated_origin

VERSION = 1
_NULLS = ("", "-", "--", "n/a", "null", "none given")
_MAX_BYTES = 1_000_000
_DIGEST_BYTES = 16


class FieldMap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Source of a field.

    `headers`: accepted headers of the column; a file has exactly one of them. `occurrence`: position among columns of the same
    header (1 for the first). `required`: whether the file must have the column. `values`: meaning by spelling; `closed`: no other
    spelling is accepted. `default`: value of an empty cell. `constant`: value of every row, without a column.
    `report_prefixes` (field lab_grown only): a report number with such a prefix is lab-grown, any other number is natural.
    """

    headers: tuple[str, ...] = ()
    occurrence: int | None = None
    required: bool = True
    unit: str | None = None
    values: dict[str, str] = {}
    closed: bool = False
    default: str | None = None
    constant: str | None = None
    report_prefixes: tuple[str, ...] = ()


class FileMap(msgspec.Struct, frozen=True, kw_only=True):
    """Layout of one kind of file. `digest`: 16 bytes that change with every change of the map that affects rows."""

    kind: str
    supplier: str | None
    full: tuple[str, ...]
    partial: tuple[str, ...]
    encoding: str
    delimiter: str
    quoting: bool
    decimal: str
    group: str
    null: frozenset[str]
    columns: tuple[str, ...]
    skip_lines: int
    ignored: frozenset[str]
    price_tolerance_percent: str
    fields: Mapping[str, FieldMap]
    digest: bytes


class ColumnMap(msgspec.Struct, frozen=True, kw_only=True):
    """Column map of a supplier. `marker`: suffix of the marker file that completes a file; None: files complete by age."""

    source: str  # where the map was read; named in errors
    supplier: str | None
    order: Literal["modified", "name"]
    marker: str | None
    files: tuple[FileMap, ...]

    def kind(self, name: str) -> FileMap:
        """Return the layout of a kind.

        Raises:
            ColumnMapInvalid: the map has no such kind.
        """
        for file in self.files:
            if file.kind == name:
                return file
        raise ColumnMapInvalid(f"{self.source}: the map has no kind {name!r}. Add it, or run the feed with --full.")


class _Files(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    kind: str
    full: tuple[str, ...] = ()
    partial: tuple[str, ...] = ()
    encoding: str = "utf-8"
    delimiter: str = ","
    quoting: bool = True
    decimal: Literal[".", ","] = "."
    group: Literal["", ",", ".", " ", "'"] = ""
    null: tuple[str, ...] = _NULLS
    columns: tuple[str, ...] = ()
    skip_lines: int = 0
    ignored: tuple[str, ...] = ()
    price_tolerance_percent: str = "0"
    fields: dict[str, dict[str, Any]] = {}


class _Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: int
    supplier: str | None = None
    order: Literal["modified", "name"] = "modified"
    marker: str | None = None
    fields: dict[str, dict[str, Any]] = {}
    files: tuple[dict[str, Any], ...]


def read_column_map(path: Path) -> ColumnMap:
    """Read a column map.

    Raises:
        ColumnMapInvalid: the file cannot be read, or the map is not valid.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ColumnMapInvalid(
                f"{path}: the map has more than {_MAX_BYTES:,} bytes. Give the path of a column map."
            )
        text = path.read_bytes().decode()
    except OSError as error:
        raise ColumnMapInvalid(f"{path}: the map cannot be read ({error.strerror}). Check the path.") from None
    except UnicodeDecodeError:
        raise ColumnMapInvalid(f"{path}: the map is not UTF-8. Save it as UTF-8.") from None
    return decode_column_map(text, str(path))


def decode_column_map(text: str, source: str) -> ColumnMap:
    """Decode a column map from TOML. `source`: its name in errors.

    Raises:
        ColumnMapInvalid: the map is not valid. The message names the kind of file and the field.
    """
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ColumnMapInvalid(f"{source}: the map is not TOML: {error}. Correct the syntax.") from None
    if values.get("version") != VERSION:
        raise ColumnMapInvalid(f"{source}: version is {values.get('version')!r}. Set version = {VERSION}.")
    document = _convert(values, _Document, source)
    if not document.files:
        raise ColumnMapInvalid(f"{source}: the map has no kind of file. Add a table [[files]].")
    files = tuple(_file(values, document, f"{source}, file {place}") for place, values in enumerate(document.files, 1))
    kinds = [file.kind for file in files]
    if len({*kinds}) < len(kinds):
        raise ColumnMapInvalid(f"{source}: two kinds of files have the same name. Give each [[files]] another `kind`.")
    if document.marker is not None and not document.marker:
        raise ColumnMapInvalid(f'{source}: marker is empty. Remove it, or set a suffix such as marker = ".done".')
    return ColumnMap(
        source=source, supplier=document.supplier, order=document.order, marker=document.marker, files=files
    )


def _convert(values: Mapping[str, Any], target: type[Any], place: str) -> Any:
    try:
        return msgspec.convert(values, target)
    except msgspec.ValidationError as error:
        known = ", ".join(field.name for field in msgspec.structs.fields(target))
        raise ColumnMapInvalid(f"{place}: {error}. Known keys: {known}.") from None


def _file(values: Mapping[str, Any], document: _Document, place: str) -> FileMap:
    kind = values.get("kind")
    place = f"{place} (kind {kind})" if isinstance(kind, str) else place
    layout: _Files = _convert(values, _Files, place)
    _check_layout(layout, place)
    declared = document.fields | layout.fields
    fields = {name: _field(name, values, f"{place}, field {name}") for name, values in declared.items()}
    _check_fields(fields, place)
    ignored = frozenset(map(normalize_header, layout.ignored))
    used = {normalize_header(header): name for name, field in fields.items() for header in field.headers}
    for header in ignored & used.keys():
        raise ColumnMapInvalid(
            f"{place}, field {used[header]}: the column {header!r} is also in `ignored`. Remove one."
        )
    content = (VERSION, document.supplier, msgspec.structs.replace(layout, full=(), partial=(), fields={}), fields)
    return FileMap(
        kind=layout.kind,
        supplier=document.supplier,
        full=layout.full,
        partial=layout.partial,
        encoding=layout.encoding,
        delimiter=layout.delimiter,
        quoting=layout.quoting,
        decimal=layout.decimal,
        group=layout.group,
        null=frozenset(text.strip().casefold() for text in (*layout.null, "")),
        columns=layout.columns,
        skip_lines=layout.skip_lines,
        ignored=ignored,
        price_tolerance_percent=layout.price_tolerance_percent,
        fields=fields,
        digest=blake2b(msgspec.json.encode(content, order="sorted"), digest_size=_DIGEST_BYTES).digest(),
    )


def _check_layout(layout: _Files, place: str) -> None:
    problems = (
        (not layout.kind, "kind is empty. Name the kind of file, such as natural"),
        (not layout.full, 'full is missing. Name the full price lists, such as full = ["natural-*.csv"]'),
        (
            not _is_text_encoding(layout.encoding),
            f"encoding {layout.encoding!r} is not known. Use such as utf-8 or cp1252",
        ),
        (
            len(layout.delimiter) != 1 or layout.delimiter in '"\r\n',
            "delimiter must be one character. Use such as , ; or \\t",
        ),
        (layout.decimal == layout.group, "decimal and group are the same character. Change one"),
        (layout.skip_lines < 0, "skip_lines is negative. Use 0 if the header is the first line"),
        (
            not _is_share(layout.price_tolerance_percent),
            'price_tolerance_percent must be a text from "0" to "10", such as "0.5"',
        ),
    )
    for wrong, problem in problems:
        if wrong:
            raise ColumnMapInvalid(f"{place}: {problem}.")


def _is_share(text: str) -> bool:
    whole, _, fraction = text.partition(".")
    digits = whole + fraction
    return digits.isascii() and digits.isdigit() and len(digits) < 6 and float(text) <= 10  # noqa: PLR2004


def _is_text_encoding(name: str) -> bool:
    try:
        "".encode(name)
        codecs.lookup(name)
    except (LookupError, UnicodeError, ValueError):
        return False
    return True


def _field(name: str, values: Mapping[str, Any], place: str) -> FieldMap:
    rule = FIELDS.get(name)
    if rule is None:
        raise ColumnMapInvalid(f"{place}: the field is not known. Known fields: {', '.join(FIELDS)}.")
    field: FieldMap = _convert(values, FieldMap, place)
    sources = [bool(field.headers), field.constant is not None, bool(field.report_prefixes)]
    problems = (
        (
            sum(sources) != 1,
            "state exactly one of headers, constant" + (", report_prefixes" if name == "lab_grown" else ""),
        ),
        (bool(field.report_prefixes) and name != "lab_grown", "report_prefixes belongs to the field lab_grown only"),
        (
            field.constant is not None and name in {"stock_number", "carat"},
            "a constant cannot be the value of every row",
        ),
        (
            field.unit is not None and field.unit not in rule.units,
            f"unit {field.unit!r} is not accepted. Accepted: {', '.join(rule.units) or 'none'}",
        ),
        (field.occurrence is not None and field.occurrence < 1, "occurrence starts at 1"),
        (field.occurrence is not None and not field.headers, "occurrence needs headers"),
        (bool(field.values) and rule.kind in {"number", "price", "measurements"}, "a number has no value table"),
        (field.closed and not field.values, "closed needs a value table (values)"),
        (name == "stock_number" and field.default is not None, "a stock number has no default"),
        (
            not all(normalize_header(header) for header in field.headers),
            "a header is empty. Name the column in the file",
        ),
        (not all(field.report_prefixes), "a prefix is empty"),
    )
    for wrong, problem in problems:
        if wrong:
            raise ColumnMapInvalid(f"{place}: {problem}.")
    _check_meanings(name, field, place)
    folded = {spelling.strip().casefold(): meaning for spelling, meaning in field.values.items()}
    if len(folded) < len(field.values):
        raise ColumnMapInvalid(f"{place}: values has a spelling twice (case does not count). Remove one.")
    return msgspec.structs.replace(
        field,
        headers=tuple(dict.fromkeys(map(normalize_header, field.headers))),
        values=folded,
        report_prefixes=tuple(prefix.upper() for prefix in field.report_prefixes),
    )


def _check_meanings(name: str, field: FieldMap, place: str) -> None:
    """Check the stated values of fields on which a sale depends, so that a typing error does not quarantine every row."""
    understood = {"availability": _is_availability, "lab_grown": _is_origin}.get(name)
    if understood is None:
        return
    for meaning in (field.constant, field.default, *field.values.values()):
        if meaning is not None and not understood(meaning):
            raise ColumnMapInvalid(f"{place}: {meaning!r} is not understood. Use {FIELDS[name].description}.")


def _is_availability(text: str) -> bool:
    return stated_availability(text) is not None


def _is_origin(text: str) -> bool:
    try:
        return stated_origin(text) is not None
    except NotUnderstood:
        return False


def _check_fields(fields: Mapping[str, FieldMap], place: str) -> None:
    missing: Sequence[str] = [name for name in REQUIRED_FIELDS if name not in fields]
    if missing:
        raise ColumnMapInvalid(f"{place}: the field {missing[0]} is missing. State its column, or a constant.")
    if not any(name in fields for name in PRICE_FIELDS):
        raise ColumnMapInvalid(f"{place}: no price. State the field price_per_carat, total_price, or both.")
    if fields["lab_grown"].report_prefixes and "report_number" not in fields:
        raise ColumnMapInvalid(f"{place}, field lab_grown: report_prefixes needs the field report_number.")
    if "depth" in fields and fields["depth"].unit is None:
        raise ColumnMapInvalid(
            f'{place}, field depth: unit is missing. State unit = "percent" or "fraction"; millimetres are the field height.'
        )
