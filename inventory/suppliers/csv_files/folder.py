"""Source in a folder: files are complete when they have not changed for a settling time."""

import asyncio
import os
import shutil
import stat
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path

from inventory.core.errors import FeedDamaged, SupplierUnavailable
from inventory.suppliers.csv_files.selection import ListedFile, is_temporary

DIGEST_BYTES = 16


class Folder:
    """Files of a folder, without those of its subfolders.

    A file is complete when neither its content nor its attributes have changed for `settle_seconds` (status change time, which
    a copied modification time does not affect) and when it does not change while it is read.
    """

    def __init__(self, path: Path, *, settle_seconds: float, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._settle_seconds = settle_seconds
        self._now = now

    def describe(self) -> str:
        """Describe the source for operators."""
        return f"the folder {self._path}"

    async def list_files(self) -> Sequence[ListedFile]:
        """List the complete files.

        Raises:
            SupplierUnavailable: the folder cannot be read.
        """
        return await asyncio.to_thread(self._list)

    async def fetch(self, name: str, target: Path) -> str:
        """Copy a file and return the digest of its content.

        Raises:
            FeedDamaged: the file does not exist any more, or changed while it was read.
            SupplierUnavailable: the file cannot be read.
        """
        return await asyncio.to_thread(self._copy, name, target)

    def _list(self) -> list[ListedFile]:
        try:
            names = [path.name for path in self._path.iterdir() if not is_temporary(path.name)]
        except OSError as error:
            raise SupplierUnavailable(
                f"The folder {self._path} cannot be read ({error.strerror}). Check the path and its permissions."
            ) from None
        settled = self._now() - self._settle_seconds
        return [file for name in names if (file := self._listed(name, settled)) is not None]

    def _listed(self, name: str, settled: float) -> ListedFile | None:
        try:
            status = (self._path / name).stat()
        except OSError:
            return None  # removed since the folder was listed
        if not stat.S_ISREG(status.st_mode) or status.st_ctime > settled:
            return None
        return ListedFile(
            name=name,
            size=status.st_size,
            modified=datetime.fromtimestamp(status.st_mtime, UTC),
            version=f"{status.st_size}-{status.st_mtime_ns}-{status.st_ino}",
        )

    def _copy(self, name: str, target: Path) -> str:
        source = self._path / Path(name).name
        if not source.exists():
            raise FeedDamaged(f"{name}: the file is no longer in {self.describe()}. A later run reads the files there.")
        try:
            with source.open("rb") as content, target.open("wb") as copy:
                before = os.fstat(content.fileno())
                shutil.copyfileobj(content, copy, 1 << 20)
                after = os.fstat(content.fileno())
        except OSError as error:
            raise SupplierUnavailable(
                f"{name}: the file cannot be copied to {target.parent} ({error.strerror}). Check its permissions and the space."
            ) from error
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise FeedDamaged(f"{name}: the file changed while it was read. A later run reads it again.")
        return digest_of(target)


def digest_of(path: Path) -> str:
    """Hash the content of a file."""
    state = blake2b(digest_size=DIGEST_BYTES)
    with path.open("rb") as content:
        while part := content.read(1 << 20):
            state.update(part)
    return state.hexdigest()
