"""Files of npm packages that pages load: pinned by version and hash, stored compressed beside the page, served from memory.

`make consoles` writes them anew from npm, after a change of `.ci/consoles/package.json`.
"""

import gzip
from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from app.http.compression import accepts_gzip


class VendoredFile(msgspec.Struct, frozen=True):
    """A file: its name here, its package with version, its path in the package, and the hash of its content.

    `integrity` is the hash as browsers check it (Subresource Integrity).
    """

    name: str
    package: str
    version: str
    path: str
    integrity: str

    @property
    def media_type(self) -> str:
        """Media type by the name; a licence is plain text."""
        if self.name.endswith(".LICENSE"):
            return "text/plain"
        return "text/css" if self.name.endswith(".css") else "text/javascript"


class VendoredFiles:
    """The files of one page. `directory` holds each as `NAME.gz`."""

    def __init__(self, directory: Path, files: Sequence[VendoredFile]) -> None:
        self.directory = directory
        self.files = files
        self._by_name = {file.name: file for file in files}

    def respond(self, request: Request[Any], name: str) -> Response | None:
        """The response with a file; None if no file has this name."""
        file = self._by_name.get(name)
        if file is None:
            return None
        packed = read(self.directory / f"{name}.gz")
        headers = {"Vary": "Accept-Encoding"}
        if not accepts_gzip(request.headers.get("accept-encoding", "")):
            return Response(gzip.decompress(packed), headers=headers, media_type=file.media_type)
        headers["Content-Encoding"] = "gzip"
        return Response(packed, headers=headers, media_type=file.media_type)

    def tags(self, prefix: str, media_type: str, names: Collection[str] | None = None) -> str:
        """The elements by which a page loads the files of a type, or only those with these names.

        The browser checks their hashes.
        """
        return "\n".join(
            f'<link rel="stylesheet" href="{prefix}/{file.name}" integrity="{file.integrity}">'
            if media_type == "text/css"
            else f'<script defer src="{prefix}/{file.name}" integrity="{file.integrity}"></script>'
            for file in self.files
            if file.media_type == media_type and (names is None or file.name in names)
        )


@cache
def read(path: Path) -> bytes:
    """The content of a file of the package, read once."""
    return path.read_bytes()
