"""JSON file for scripts, written atomically: a reader never sees a part of it."""

import errno
import os
from pathlib import Path

import msgspec


class Document:
    """File that receives the result of a command. A file of an earlier command is removed when this object is created."""

    def __init__(self, path: Path, *, private: bool) -> None:
        """`private`: only this user may read it.

        Raises:
            OSError: the path is not writable.
        """
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        self._path = path
        self._mode = 0o600 if private else 0o666  # as the umask has it
        if self._replaceable:
            path.unlink(missing_ok=True)
            self._part.unlink(missing_ok=True)
            os.close(self._create())
            self._part.unlink()

    def write(self, value: object) -> None:
        """Write the value as JSON and replace the file atomically."""
        content = msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
        if not self._replaceable:
            self._path.write_bytes(content)
            return
        with os.fdopen(self._create(), "wb") as file:
            file.write(content)
        self._part.replace(self._path)

    @property
    def _replaceable(self) -> bool:
        """Whether the path is a file or absent. A pipe or a terminal is written directly."""
        return self._path.is_file() or not self._path.exists()

    @property
    def _part(self) -> Path:
        return self._path.with_name(f".{self._path.name}.part")

    def _create(self) -> int:
        return os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, self._mode)
