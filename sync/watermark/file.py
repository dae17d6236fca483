"""Watermark store in a file, for one machine: atomic replacement with optimistic locking by the content's hash."""

import asyncio
import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from inventory.core.errors import StorageUnavailable, WatermarkConflict
from sync.planning.window import Watermark, decode_watermark


class FileWatermarkStore:
    """One JSON file, replaced by renaming. Its version is the hash of its content; a lock file orders writers."""

    def __init__(self, directory: Path, feed: str) -> None:
        self._path = directory / f"{feed}.json"
        self._lock = directory / f".{feed}.lock"

    async def read(self) -> tuple[Watermark, str] | None:
        """Read the watermark and its version; None if there is no file yet."""
        content = await asyncio.to_thread(self._content)
        return None if content is None else (decode_watermark(content), _version(content))

    async def write(self, watermark: Watermark, version: str | None) -> None:
        """Replace the watermark if it still has this version; see `sync.ports.WatermarkStore`."""
        await asyncio.to_thread(self._replace, msgspec.json.encode(watermark), version)

    def _content(self) -> bytes | None:
        with _outages():
            try:
                return self._path.read_bytes()
            except FileNotFoundError:
                return None

    def _replace(self, content: bytes, version: str | None) -> None:
        with _outages():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._lock.open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                present = self._content()
                if (None if present is None else _version(present)) != version:
                    raise WatermarkConflict
                # A fixed name is safe: its writer holds the lock. A file left by a dead process is overwritten.
                part = self._path.with_name(f".{self._path.name}.part")
                with part.open("wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                part.replace(self._path)


@contextmanager
def _outages() -> Iterator[None]:
    """Convert errors of the disk to `StorageUnavailable`."""
    try:
        yield
    except OSError as error:
        raise StorageUnavailable(f"The watermark directory cannot be used: {error.strerror}") from error


def _version(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
