"""The watermark in a file, for one machine: replaced by renaming, and only over the version that was read."""

import asyncio
import fcntl
import hashlib
import os
import tempfile
from pathlib import Path

import msgspec

from app.core.errors import WatermarkConflict
from sync.domain.window import Watermark, decode_watermark


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
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return None

    def _replace(self, content: bytes, version: str | None) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            present = self._content()
            if (None if present is None else _version(present)) != version:
                raise WatermarkConflict
            with tempfile.NamedTemporaryFile(dir=self._path.parent, prefix=".", delete=False) as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(file.name).replace(self._path)


def _version(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
