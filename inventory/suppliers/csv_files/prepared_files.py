"""Cache of prepared files and their indexes, in a temporary directory of the process."""

import asyncio
from collections import OrderedDict
from collections.abc import Collection
from pathlib import Path
from typing import Protocol

import msgspec

from inventory.core.errors import FeedDamaged, SupplierUnavailable
from inventory.suppliers.csv_files.column_map import ColumnMap, FileMap
from inventory.suppliers.csv_files.file_index import FileIndex, index_file
from inventory.suppliers.csv_files.preparation import prepare
from inventory.suppliers.csv_files.selection import delivery_digest
from inventory.suppliers.enumerated import SourceFile

_MAX_FILES = 200
_MAX_BYTES = 4_000_000_000
_MAX_ROWS = 3_000_000


class Fetch(Protocol):
    """Copy of a file of the source; returns the digest of its content."""

    async def __call__(self, name: str, target: Path) -> str:
        """Copy the file."""


class PreparedFile(msgspec.Struct, frozen=True):
    """A prepared file with its layout and index."""

    source: SourceFile
    file: FileMap
    path: Path
    size: int  # bytes
    index: FileIndex


class PreparedFiles:
    """Prepared files by digest and kind; the least recently used ones are removed beyond a number, a size and a number of rows."""

    def __init__(self, directory: Path, column_map: ColumnMap, fetch: Fetch) -> None:
        self._directory = directory
        self._column_map = column_map
        self._fetch = fetch
        self._files: OrderedDict[tuple[str, str], PreparedFile] = OrderedDict()
        self._lock = asyncio.Lock()
        self._count = 0

    async def get(self, source: SourceFile, *, keep: Collection[tuple[str, str]] = ()) -> PreparedFile:
        """Return a prepared file; it is fetched and prepared if it is not in the cache. `keep`: keys that stay in the cache.

        Raises:
            FeedDamaged: the file cannot be used, or its content is not the content of `source`.
            SupplierUnavailable: the source does not answer.
        """
        key = (source.digest, source.kind)
        async with self._lock:
            found = self._files.get(key)
            if found is None:
                found = self._files[key] = await self._prepare(source)
            self._files.move_to_end(key)
            self._evict({key, *keep})
        return found

    async def _prepare(self, source: SourceFile) -> PreparedFile:
        file = self._column_map.kind(source.kind)
        self._count += 1
        delivered, path = self._directory / f"{self._count}.delivered", self._directory / f"{self._count}.csv"
        try:
            _check_digest(source, await self._fetch(source.name, delivered))
            await asyncio.to_thread(prepare, delivered, path, file)
            index = await asyncio.to_thread(index_file, path, file)
        except FeedDamaged as error:
            path.unlink(missing_ok=True)
            raise FeedDamaged(f"{source.name}: {error.message.removeprefix(f'{source.name}: ')}") from None
        except OSError as error:
            path.unlink(missing_ok=True)
            raise SupplierUnavailable(
                f"{source.name}: the file cannot be prepared in {self._directory} ({error.strerror}). Set TMPDIR to a "
                "directory with space for three times the decoded file."
            ) from error
        finally:
            delivered.unlink(missing_ok=True)
        return PreparedFile(source, file, path, path.stat().st_size, index)

    def _evict(self, keep: Collection[tuple[str, str]]) -> None:
        for key in [key for key in self._files if key not in keep]:
            files = self._files.values()
            if (
                len(files) <= _MAX_FILES
                and sum(file.size for file in files) <= _MAX_BYTES
                and sum(file.index.rows for file in files) <= _MAX_ROWS
            ):
                return
            self._files.pop(key).path.unlink(missing_ok=True)


def _check_digest(source: SourceFile, content: str) -> None:
    if delivery_digest(content, source.modified, source.kind, full=source.full) != source.digest:
        raise FeedDamaged("the content has changed since the run started. A later run reads the new file.")
