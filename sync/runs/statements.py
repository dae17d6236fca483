"""SQL statements of the pipeline. Placeholders stand for the columns of a stone.

`Stone` is the only list of a stone's columns: a field that is added there (and by a migration) is a column everywhere.
A placeholder in `queries.sql` is a set of columns in one of four forms:

    {stone}                 name, name, ...
    {stone of raw}          raw.name, raw.name, ...
    {stone from excluded}   name = excluded.name, ...
    {stone at $9}           $9::type[], $10::type[], ...

`{run}` stands for the columns of a run named `run`, as in `inventory.runs`.

Placeholders insert names from the code, never values.
"""

import re
from collections.abc import Callable, Mapping

import msgspec

from inventory.catalog.stone import Stone
from inventory.core.sql import Statements
from inventory.runs import statements as runs

_TYPES = {str: "text", int: "integer", bool: "boolean", bytes: "json"}
_TYPES_BY_ENDING = {"_rank": "smallint", "_cents": "bigint"}


def _type(field: msgspec.structs.FieldInfo) -> str:
    """The SQL type of a field's column, by the field's type and the unit in its name."""
    for ending, named in _TYPES_BY_ENDING.items():
        if field.name.endswith(ending):
            return named
    kinds = getattr(field.type, "__args__", (field.type,))
    return next(name for kind, name in _TYPES.items() if kind in kinds)


_KEY = {"supplier_stone_id": "text"}
_PAYLOAD = {"payload": "json", "queried_lab_grown": "boolean"}
_MAPPING = {"payload_hash": "bytea", "problem": "text", "diamond_id": "uuid", "canonical_hash": "bytea"}
_STONE = {field.name: _type(field) for field in msgspec.structs.fields(Stone) if field.name not in _KEY}

# Columns of the raw table and their types, in the order of `staging.columns`.
OBSERVED: Mapping[str, str] = {**_KEY, **_PAYLOAD, **_MAPPING, **_STONE}

_SETS: Mapping[str, Mapping[str, str]] = {
    "observed": OBSERVED,  # a received stone, with its key
    "received": {**_PAYLOAD, **_MAPPING, **_STONE},
    "mapped": {**_MAPPING, **_STONE},  # the result of mapping a payload
    "stone": _STONE,
}
_PLACEHOLDER = re.compile(rf"\{{(?P<columns>{'|'.join(_SETS)})(?: (?P<form>of|from|at) (?P<where>\w+|\$\d+))?\}}")


def compose(statement: str) -> str:
    """Replace the placeholders of a statement."""
    return _PLACEHOLDER.sub(_columns, runs.compose(statement))


def _columns(found: re.Match[str]) -> str:
    columns, where = _SETS[found["columns"]], found["where"]
    if found["form"] == "at":
        first = int(where.removeprefix("$"))
        return ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(columns.values(), first))
    forms: Mapping[str | None, Callable[[str], str]] = {
        None: lambda name: name,
        "of": lambda name: f"{where}.{name}",
        "from": lambda name: f"{name} = {where}.{name}",
    }
    return ", ".join(forms[found["form"]](name) for name in columns)


sql = Statements("sync.runs", compose=compose)
