"""Media over HTTP: pictures, 360-degree views and certificates, drawn on request."""

from functools import cache
from importlib.resources import files
from typing import NamedTuple

import msgspec

from sandbox.supplier.drawings import Appearance, picture
from sandbox.supplier.identity import ordinal_of, ordinal_of_certificate
from sandbox.supplier.inventory import Inventory
from sandbox.supplier.report_page import report_page

PATH = "/media/"

_HTML = "text/html; charset=utf-8"
_SVG = "image/svg+xml"


class MediaResponse(NamedTuple):
    """Media type and body of an HTTP response."""

    media_type: str
    body: bytes


class Media:
    """Media by the URL path that items state, below `/media/`."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory

    def find(self, path: str) -> MediaResponse | None:
        """Find the media at a path. Returns None if no stone has it. Removed stones keep their media."""
        first, _, name = path.removeprefix(PATH).partition("/")
        if first == "certificates":
            return self._certificate(ordinal_of_certificate(name.rpartition("-")[2]))
        ordinal = ordinal_of(first)
        if ordinal is None or ordinal >= len(self._inventory.stones):
            return None
        appearance = self._appearance(ordinal)
        if name == "still.svg":
            return MediaResponse(_SVG, picture(appearance).encode())
        if name in {"360", "film"}:
            return MediaResponse(_HTML, _turntable(appearance).encode())
        return None

    def _certificate(self, ordinal: int | None) -> MediaResponse | None:
        if ordinal is None or ordinal >= len(self._inventory.stones):
            return None
        item = self._inventory.clean_item(ordinal)
        return MediaResponse(_HTML, report_page(item, picture(self._appearance(ordinal))).encode())

    def _appearance(self, ordinal: int) -> Appearance:
        certificate = self._inventory.clean_item(ordinal)["diamond"]["certificate"]
        length, width = float(certificate["length"]), float(certificate["width"])
        # Some sizes of the real stones are zero, an error in the source data.
        ratio = min(max(length / width, 0.5), 3.0) if length and width else 1.0
        return Appearance(
            shape=str(certificate["shape"]),
            ratio=ratio,
            table=min(max(float(certificate["table"]) / 100, 0.3), 0.85),
            depth=min(max(float(certificate["depthPercentage"]) / 100, 0.3), 0.85),
            color=certificate["color"],
            hue=certificate["f_color"],
            intensity=certificate["f_intensity"],
            seed=ordinal,
        )


def _turntable(appearance: Appearance) -> str:
    stone = appearance.model()
    facets = [[[round(part, 3) for part in point] for point in facet] for facet in (*stone.crown, *stone.pavilion)]
    content = {"facets": facets, "body": appearance.body(), "reach": max(1.0, appearance.ratio)}
    return _template().replace("{stone}", msgspec.json.encode(content).decode())


@cache
def _template() -> str:
    return files("sandbox.supplier").joinpath("turntable.html").read_text(encoding="utf-8")
