"""Static files of the dashboard: its page and modules, npm files, and the Content-Security-Policy of the page."""

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

import msgspec

from app.http.vendored import VendoredFile, VendoredFiles, read

ADDRESS = "/dashboard"
VENDORED = f"{ADDRESS}/vendored"

_PLACE = Path(__file__).parent / "static"
# Browsers run modules of no other type.
_MEDIA_TYPES = MappingProxyType({".css": "text/css", ".ico": "image/x-icon", ".js": "text/javascript"})

FILES = VendoredFiles(_PLACE / "vendored", (
    VendoredFile("preact.mjs", "preact", "11.2.0", "dist/preact.mjs",
                 "sha384-k/EbA8To4I3ncNvT4R+JKSGfXaos0GHF0QjilyGENHN3dfDvol5wxZlDSy5JsgjZ"),
    VendoredFile("preact-hooks.mjs", "preact", "11.2.0", "hooks/dist/hooks.mjs",
                 "sha384-6F3ul+Ho/nKCCDmlU/B6eYlkriJbeXtDjrsI5tzV7s/OZ+Dky6DAB2MW5Tn0UxO9"),
    VendoredFile("preact.LICENSE", "preact", "11.2.0", "LICENSE",
                 "sha384-xMn7eKwbmbh7PQrJ/p7EPGNYY7Ayr/2qEForngAvQzJ4zPfmwvAZRLmQUXkAYJ1W"),
    VendoredFile("htm.mjs", "htm", "3.1.1", "dist/htm.mjs",
                 "sha384-k7/PyxcXOQ/zfJq1v0TM/CcBLQ2m2NzGg2tfHehdgJGqcY7RBwIP4Ye+ssG+QK1I"),
    VendoredFile("htm.LICENSE", "htm", "3.1.1", "LICENSE",
                 "sha384-y6ya0NFYQBWrDYk1ryOS/8CoUlx/L1khJoWJvyVMtEjWvngakLiFBsblQKBT1C9q"),
    VendoredFile("graphql-ws-client.js", "graphql-ws", "6.4.2", "dist/client.js",
                 "sha384-bsk5zOGRwGJLFqassmcHYGFAK03iH+zPHbdv7Y+mTXZ1uR+9DOQ4dnjw5p8904kU"),
    VendoredFile("common-CGW11Fyb.js", "graphql-ws", "6.4.2", "dist/common-CGW11Fyb.js",
                 "sha384-mCOCDRFfQ7huBk2yMBMDYCXa4ZEeuKgDfrQR5qA/eaQ9ZhpxR30d+roaYQO/DTqX"),
    VendoredFile("graphql-ws.LICENSE", "graphql-ws", "6.4.2", "LICENSE.md",
                 "sha384-c9rwCRJhBe3xpfGbnP7ZTP0sfjJyIeA1TwyZG3NBT2vtq9QfSZQKD4RT0zGM91Uc"),
    VendoredFile("uPlot.js", "uplot", "1.6.32", "dist/uPlot.iife.min.js",
                 "sha384-Gx3t0zdBAuQOuvvmaLZj7HKEiSgWTAs+VdtNY7wt19QDPTDQjFIwAuXDj0zeN00c"),
    VendoredFile("uPlot.css", "uplot", "1.6.32", "dist/uPlot.min.css",
                 "sha384-IfV0B7MIOYuO95kO9G5ySKPz/85zqFNOAs8iy4tkK5zd9izhJAB8b7lHrwYqqmYE"),
    VendoredFile("uPlot.LICENSE", "uplot", "1.6.32", "LICENSE",
                 "sha384-LBMwZlHtMnim4BBA9gOI4OOPUI5cNjaxzIZCJRYYEyIykienqB4X7/vxq0t1Ihgd"),
))  # fmt: skip

# Not a module: it is loaded by an element of the page.
_SCRIPTS = ("uPlot.js",)
# The names that npm's files import each other by.
_MODULES = MappingProxyType({
    "preact": "preact.mjs",
    "preact/hooks": "preact-hooks.mjs",
    "htm": "htm.mjs",
    "graphql-ws": "graphql-ws-client.js",
})  # fmt: skip


class Asset(msgspec.Struct, frozen=True):
    """The bytes of a file and their media type."""

    content: bytes
    media_type: str


@cache
def assets() -> Mapping[str, Asset]:
    """The dashboard's own files that the page may load, by their path below `/dashboard/`."""
    found: dict[str, Asset] = {}
    for prefix, directory in (("", _PLACE), ("pages/", _PLACE / "pages")):
        for path in directory.iterdir():
            media_type = _MEDIA_TYPES.get(path.suffix)
            if path.is_file() and media_type:
                found[prefix + path.name] = Asset(read(path), media_type)
    return MappingProxyType(found)


@cache
def page() -> bytes:
    """The dashboard's only HTML page."""
    text = read(_PLACE / "dashboard.html").decode()
    text = text.replace("{styles}", FILES.tags(VENDORED, "text/css")).replace("{import_map}", _import_map())
    return text.replace("{scripts}", FILES.tags(VENDORED, "text/javascript", names=_SCRIPTS)).encode()


@cache
def policy() -> str:
    """The page's Content-Security-Policy: own files, this server, and the one inline import map by its hash."""
    digest = base64.b64encode(hashlib.sha256(_import_map().encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'self' 'sha256-{digest}'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


@cache
def _import_map() -> str:
    """Addresses of the npm modules, and the hashes by which browsers check them."""
    modules = {
        f"{VENDORED}/{file.name}": file.integrity
        for file in FILES.files
        if file.media_type == "text/javascript" and file.name not in _SCRIPTS
    }
    names = {name: f"{VENDORED}/{file}" for name, file in _MODULES.items()}
    return msgspec.json.encode({"imports": names, "integrity": modules}).decode()
