"""Static files of the dashboard, the manifest of its npm files, and the Content-Security-Policy of its page."""

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

import msgspec

_PLACE = files("app.dashboard").joinpath("static")
# Browsers run modules of no other type.
_MEDIA_TYPES = MappingProxyType({
    ".css": "text/css",
    ".ico": "image/x-icon",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".svg": "image/svg+xml",
})  # fmt: skip
# The names that npm's files import each other by.
_IMPORT_MAP = msgspec.json.encode({
    "imports": {
        "preact": "/dashboard/vendor/preact.mjs",
        "preact/hooks": "/dashboard/vendor/preact-hooks.mjs",
        "htm": "/dashboard/vendor/htm.mjs",
        "graphql-ws": "/dashboard/vendor/graphql-ws-client.js",
    }
}).decode()  # fmt: skip


class PackageFile(msgspec.Struct, frozen=True):
    """A file of an npm package, stored unchanged: its path in the package, and the SHA-256 (hexadecimal) of its bytes."""

    file: str
    package: str
    version: str
    path: str
    licence: str
    sha256: str


class Asset(msgspec.Struct, frozen=True):
    """The bytes of a file and their media type."""

    content: bytes
    media_type: str


@cache
def manifest() -> tuple[PackageFile, ...]:
    """The npm files in `static/vendor/`, as `vendor.json` lists them."""
    return msgspec.json.decode(_PLACE.joinpath("vendor.json").read_bytes(), type=tuple[PackageFile, ...])


@cache
def assets() -> Mapping[str, Asset]:
    """Every file that the page may load, by its path below `/dashboard/`."""
    found: dict[str, Asset] = {}
    for prefix, directory in (
        ("", _PLACE),
        ("vendor/", _PLACE.joinpath("vendor")),
        ("pages/", _PLACE.joinpath("pages")),
    ):
        for entry in directory.iterdir():
            media_type = _MEDIA_TYPES.get("." + entry.name.rpartition(".")[2])
            if entry.is_file() and media_type:
                found[prefix + entry.name] = Asset(entry.read_bytes(), media_type)
    return MappingProxyType(found)


@cache
def page() -> bytes:
    """The dashboard's only HTML page."""
    return _PLACE.joinpath("dashboard.html").read_bytes().replace(b"{import_map}", _IMPORT_MAP.encode())


@cache
def policy() -> str:
    """The page's Content-Security-Policy: own files, this server, and the one inline import map by its hash."""
    digest = base64.b64encode(hashlib.sha256(_IMPORT_MAP.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'self' 'sha256-{digest}'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
