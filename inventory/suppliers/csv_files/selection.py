"""Selection of the files of a run from the files at the source, by the naming and order rules of the column map. Pure."""

from collections.abc import Collection, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from hashlib import blake2b

import msgspec

from inventory.core.errors import ColumnMapInvalid
from inventory.suppliers.csv_files.column_map import ColumnMap, FileMap
from inventory.suppliers.enumerated import Snapshot, SourceFile

_DIGEST_BYTES = 16
_TEMPORARY = (".part", ".partial", ".filepart", ".tmp", ".temp", ".crdownload", ".uploading", ".swp", "~")


class ListedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A complete file at the source. `version`: changes with the content, such as a modification time or an ETag."""

    name: str
    size: int  # bytes
    modified: datetime
    version: str


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A file that the column map describes."""

    listed: ListedFile
    kind: str
    full: bool


def is_temporary(name: str) -> bool:
    """Whether a name marks an incomplete upload."""
    return name.startswith(".") or name.lower().endswith(_TEMPORARY)


def with_marker(names: Collection[str], marker: str | None) -> set[str]:
    """Select the names that a marker file completes; all names if the map has no marker."""
    return {*names} if marker is None else {name for name in names if name + marker in names}


def describe(name: str, column_map: ColumnMap) -> tuple[FileMap, bool] | None:
    """Find the layout of a file by its name, and whether it is a full price list. None if no pattern matches.

    Raises:
        ColumnMapInvalid: the name matches several rules.
    """
    if column_map.marker is not None and name.endswith(column_map.marker):
        return None
    found = [
        (file, full)
        for file in column_map.files
        for patterns, full in ((file.full, True), (file.partial, False))
        if any(fnmatchcase(name.lower(), pattern.lower()) for pattern in patterns)
    ]
    if len(found) > 1:
        rules = " and ".join(f"{'full' if full else 'partial'} of kind {file.kind}" for file, full in found)
        raise ColumnMapInvalid(f"{column_map.source}: the name {name!r} matches {rules}. Make the patterns exclusive.")
    return found[0] if found else None


def candidates(listed: Sequence[ListedFile], column_map: ColumnMap) -> list[Candidate]:
    """Select the files that can be part of a run, oldest first: of each kind the newest full file and later partial files.

    A kind without a full file has all its partial files.

    Raises:
        ColumnMapInvalid: a name matches several rules.
    """
    ordered = sorted((one for one in listed if not is_temporary(one.name)), key=lambda one: _order(one, column_map))
    described = [
        Candidate(listed=one, kind=found[0].kind, full=found[1])
        for one in ordered
        if (found := describe(one.name, column_map)) is not None
    ]
    newest = {one.kind: place for place, one in enumerate(described) if one.full}
    return [one for place, one in enumerate(described) if place >= newest.get(one.kind, 0)]


def _order(listed: ListedFile, column_map: ColumnMap) -> tuple[object, ...]:
    return (listed.name,) if column_map.order == "name" else (listed.modified, listed.name)


def select(files: Sequence[SourceFile], consumed: Collection[str], kinds: Collection[str]) -> Snapshot | None:
    """Select the files of the next run. None if every file is consumed.

    `files`: files of the candidates, oldest first, with their digests. `consumed`: digests of files of completed runs.
    """
    files = _distinct(files)
    new = [file for file in files if file.digest not in consumed]
    if not new:
        return None
    missing = sorted({*kinds} - {file.kind for file in files if file.full})
    if any(file.full for file in new) and not missing:
        return Snapshot(
            files=tuple(files), full=True, reason="every kind of file has a full price list, and one is new"
        )
    # Files that follow a new one are read again: their rows are newer than its rows.
    first = {file.kind: place for place, file in reversed([*enumerate(files)]) if file in new}
    chosen = tuple(file for place, file in enumerate(files) if place >= first.get(file.kind, len(files)))
    if missing:
        reason = f"there is no full price list of kind {', '.join(missing)}, so no stone is removed"
    else:
        reason = "the new files list changes"
    return Snapshot(files=chosen, full=False, reason=reason)


def delivery_digest(content: str, modified: datetime, kind: str, *, full: bool) -> str:
    """Identify a delivery: by its content, its time and its meaning, not by its name.

    The time counts, because a supplier may return to an earlier content: after the prices X, Y and X again, X must be read again.
    """
    identity = f"{content} {modified.isoformat()} {kind} {full}"
    return blake2b(identity.encode(), digest_size=_DIGEST_BYTES).hexdigest()


def _distinct(files: Sequence[SourceFile]) -> list[SourceFile]:
    """Remove copies: of several files of one delivery, the last one stays."""
    newest = {file.digest: place for place, file in enumerate(files)}
    return [file for place, file in enumerate(files) if newest[file.digest] == place]
