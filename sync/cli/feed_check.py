"""`feeds check`: check a column map against a file of a supplier, without a database."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from inventory.core.command_line import CONFIGURATION_EXIT, exit_with, print_json, print_text
from inventory.core.command_options import AsJson
from inventory.core.counts import count_text
from inventory.core.errors import ColumnMapInvalid
from inventory.core.records import terminal_width, wrap
from inventory.suppliers.csv_files.column_map import read_column_map
from inventory.suppliers.csv_files.file_check import FileCheck, check_file

app = typer.Typer(no_args_is_help=True, help="Feeds of suppliers.")

_WIDTH = 80
_SHOWN_VALUES = 10
# Derived from other values, or the same for every stone of a price list.
_HIDDEN = frozenset({
    "supplier_stone_id", "offer_id", "stock_number", "supplier_stock_number", "certificate_hidden", "measurements_hidden",
})  # fmt: skip
_WORDS = {True: "yes", False: "no"}


@app.callback()
def feeds() -> None:
    """Feeds of suppliers."""


@app.command()
def check(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="Price list: CSV, gzip or zip.")
    ],
    column_map: Annotated[Path, typer.Option("--map", metavar="MAP", help="Column map of the supplier (TOML).")],
    kind: Annotated[str | None, typer.Option("--kind", help="Kind of file, if no pattern matches the name.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 if a row is invalid, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Map every row of a price list and print what a run would read. Needs neither a database nor settings.

    Exit code 0: the file can be read. 1: it cannot be used, no row is valid, or with --strict a row is invalid. 2: the map is not
    valid.
    """
    try:
        found = check_file(read_column_map(column_map), file, kind)
    except ColumnMapInvalid as error:
        exit_with(f"{error.code}: {error.message}", CONFIGURATION_EXIT)
    if as_json:
        print_json(found)
    else:
        print_text("\n".join(_lines(found)))
    raise typer.Exit(0 if found.valid and not (strict and found.quarantined) else 1)


def _lines(found: FileCheck) -> list[str]:
    mode = {True: "a full price list", False: "a list of changes", None: "the name matches no pattern of the map"}[
        found.full
    ]
    lines = [
        f"{found.file}: kind {found.kind}, {mode}",
        ", ".join(
            (
                f"{count_text(found.rows, 'row')}: {found.valid:,} valid",
                f"{found.quarantined:,} quarantined",
                count_text(found.repetitions, "repetition"),
            )
        ),
    ]
    if found.damaged:
        lines += _note("The file is damaged: stock numbers may have been lost. A run removes no stone because of it.")
    for reason in found.reasons:
        places = ", ".join(map(str, reason.lines)) + (", ..." if reason.rows > len(reason.lines) else "")
        lines += [f"\n{reason.rows:,} quarantined in line {places}", *_note(reason.example)]
    if found.unknown_columns:
        lines += [
            "\nUnknown columns (use them in the map, or list them in `ignored`)",
            *_note(", ".join(found.unknown_columns)),
        ]
    if found.missing_columns:
        lines += ["\nOptional fields without a column in this file", *_note(", ".join(found.missing_columns))]
    if found.unknown_values:
        lines.append("\nValues that are not understood (add them to `values` of the field)")
        for one in found.unknown_values[:_SHOWN_VALUES]:
            lines += _note(f"{one.field}: {one.value!r} in {count_text(one.rows, 'row')}")
        if len(found.unknown_values) > _SHOWN_VALUES:
            lines += _note(f"and {len(found.unknown_values) - _SHOWN_VALUES} more (--json lists them)")
    if found.stones:
        lines.append(f"\nThe first {count_text(len(found.stones), 'stone')}")
    for stone in found.stones:
        lines += [f"  {stone['supplier_stone_id']}", *wrap(_describe(stone), terminal_width() or _WIDTH, "    ")]
    return lines


def _describe(stone: Mapping[str, object]) -> str:
    """Describe a stone by its known values: money in US dollars; weights, lengths and percents as plain numbers."""
    shown = []
    for name, value in stone.items():
        if name.endswith("_rank") or name in _HIDDEN or not isinstance(value, (str, int)):
            continue
        if name.endswith("_cents"):
            shown.append(f"{name.removesuffix('_cents')} {Decimal(value) / 100:,.2f}")
        elif name.endswith("_milli"):
            shown.append(f"{name.removesuffix('_milli')} {Decimal(value) / 1000:f}")
        else:
            shown.append(f"{name} {_WORDS.get(value, value) if isinstance(value, bool) else value}")
    return ", ".join(shown)


def _note(text: str) -> list[str]:
    return wrap(text, terminal_width() or _WIDTH)
