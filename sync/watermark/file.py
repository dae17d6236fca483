"""The watermark in a file, for one machine: replaced by renaming, and only over the version that was read."""

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
        """The watermark and its version; None where there is no file yet."""
        content = await asyncio.to_thread(self._content)
        return None if content is None else (decode_watermark(content), _version(content))

    async def write(self, watermark: Watermark, version: str | None) -> None:
        """Replace exactly this version; see `sync.ports.WatermarkStore`."""
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
                # One name is enough: its writer holds the lock. What a death left there is written over.
                part = self._path.with_name(f".{self._path.name}.part")
                with part.open("wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                part.replace(self._path)


@contextmanager
def _outages() -> Iterator[None]:
    """A disk that is full or away is what an account in the cloud that does not answer is."""
    try:
        yield
    except OSError as error:
        raise StorageUnavailable(f"The watermark's directory can't be used: {error.strerror}") from error


def _version(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
