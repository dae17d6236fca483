"""Preparation of a delivered file: decompress and decode it once, within limits, to a local file of one encoding."""

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from inventory.core.errors import FeedDamaged
from inventory.suppliers.csv_files.column_map import FileMap
from inventory.suppliers.csv_files.rows import ENCODING, ERRORS

MAX_CHARACTERS = 1_000_000_000
"""Largest decoded file. Ten times a price list of 300,000 rows and 60 columns; the limit stops decompression bombs."""
_CHUNK = 1 << 20
_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_MARKS = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_ENCRYPTED = 0x1
_UNREADABLE = (EOFError, gzip.BadGzipFile, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError)


def prepare(delivered: Path, prepared: Path, file: FileMap, *, max_characters: int = MAX_CHARACTERS) -> None:
    """Write a delivered file (plain, gzip, or a zip with one member) as a prepared file.

    Bytes that are not of the declared encoding become lone surrogates, so that they affect their row only.

    Raises:
        FeedDamaged: the file is cut off, has several members, is too large, or is of another encoding.
    """
    with _decompressed(delivered) as content:
        first = cast("io.BufferedReader", content).peek(4)[:4]
        _check_mark(first, file.encoding)
        encoding = "utf-8-sig" if file.encoding.lower().replace("_", "-") in {"utf-8", "utf8"} else file.encoding
        text = io.TextIOWrapper(content, encoding=encoding, errors="surrogateescape", newline="")
        length = 0
        try:
            with prepared.open("w", encoding=ENCODING, errors=ERRORS, newline="") as target:
                while part := text.read(_CHUNK):
                    length += len(part)
                    if length > max_characters:
                        raise FeedDamaged(
                            f"The file has more than {max_characters:,} characters. Ask the supplier for smaller files."
                        )
                    target.write(part)
        except UnicodeError:
            raise FeedDamaged(
                f"The file is not {file.encoding}. Set `encoding` in the map to the encoding of the supplier."
            ) from None


@contextmanager
def _decompressed(delivered: Path) -> Iterator[IO[bytes]]:
    with delivered.open("rb") as raw:
        mark = raw.peek(4)[:4]
        try:
            if mark.startswith(_GZIP):
                with gzip.open(raw) as unpacked, io.BufferedReader(cast("io.RawIOBase", unpacked), _CHUNK) as buffered:
                    yield cast("IO[bytes]", buffered)
            elif mark.startswith(_ZIP):
                with zipfile.ZipFile(raw) as archive, archive.open(_member(archive)) as member:
                    yield cast("IO[bytes]", io.BufferedReader(cast("io.RawIOBase", member), _CHUNK))
            else:
                yield raw
        except _UNREADABLE as error:
            raise FeedDamaged(
                f"The file cannot be read ({type(error).__name__}: {error}). It may be cut off; ask the supplier for it again."
            ) from None


def _member(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = [info for info in archive.infolist() if not info.is_dir() and not info.filename.startswith("__MACOSX/")]
    if len(members) != 1:
        raise FeedDamaged(
            f"The zip has {len(members)} files instead of one. Ask the supplier for one file in each zip."
        )
    if members[0].flag_bits & _ENCRYPTED:
        raise FeedDamaged("The zip is encrypted. Ask the supplier for a zip without a password.")
    return members[0]


def _check_mark(first: bytes, encoding: str) -> None:
    """Compare the byte order mark with the declared encoding."""
    for mark, stated in _MARKS.items():
        if first.startswith(mark) and not encoding.lower().replace("_", "-").startswith(stated):
            raise FeedDamaged(
                f"The file begins with the byte order mark of {stated}, but the map states {encoding}. "
                f'Set encoding = "{stated}".'
            )
