"""Columns of a price list: the column of each field, by the header and the column map."""

from collections.abc import Mapping, Sequence

import msgspec

from inventory.core.errors import FeedDamaged
from inventory.suppliers.csv_files.column_map import FileMap
from inventory.suppliers.csv_files.headers import normalize_header, unique_names

_SHOWN = 80


class Columns(msgspec.Struct, frozen=True, kw_only=True):
    """Columns of a file.

    `names`: unique names in order. `places`: index of the column of each field (from 0). `width`, `least`: number of columns, and
    without trailing unnamed ones. `unknown`: columns that the map does not mention. `missing`: optional fields without a column.
    """

    names: tuple[str, ...]
    places: Mapping[str, int]
    width: int
    least: int
    unknown: tuple[str, ...]
    missing: tuple[str, ...]


def resolve_columns(header: Sequence[str], file: FileMap) -> Columns:
    """Find the column of every field.

    Raises:
        FeedDamaged: a required column is missing, or two columns match one field.
    """
    normal = [normalize_header(text) for text in header]
    places: dict[str, int] = {}
    missing, used = [], set()
    for name, field in file.fields.items():
        if not field.headers:
            continue
        found = [place for place, text in enumerate(normal) if text in field.headers]
        spellings = {normal[place] for place in found}
        if len(spellings) > 1:
            raise FeedDamaged(
                f"field {name}: the file has {len(spellings)} of its headers ({', '.join(sorted(spellings))}). "
                "Keep one of them in `headers` of the map."
            )
        if len(found) > 1 and field.occurrence is None:
            raise FeedDamaged(
                f"field {name}: the file has {len(found)} columns {normal[found[0]]!r}. State `occurrence` in the map."
            )
        position = (field.occurrence or 1) - 1
        if position < len(found):
            places[name] = found[position]
            used.update(found)
        elif field.required:
            raise FeedDamaged(_missing(name, field.headers, field.occurrence, header))
        else:
            missing.append(name)
    names = unique_names(header)
    named = [place for place, text in enumerate(normal) if text]
    return Columns(
        names=tuple(names),
        places=places,
        width=len(header),
        least=named[-1] + 1 if named else 0,
        unknown=tuple(names[place] for place in named if place not in used and normal[place] not in file.ignored),
        missing=tuple(missing),
    )


def _missing(name: str, headers: Sequence[str], occurrence: int | None, header: Sequence[str]) -> str:
    wanted = f"occurrence {occurrence} of " if occurrence and occurrence > 1 else ""
    shown = ", ".join(text.strip() for text in header if text.strip())
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
    return (
        f"field {name}: the file has no column {wanted}{' or '.join(map(repr, headers))}. It begins with: {shown!r}. "
        "If the supplier renamed the column, add the header to the map; if this is not a price list, ask the supplier."
    )
