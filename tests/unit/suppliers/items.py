"""Items in the supplier's format: valid and altered ones."""

import copy
import json
from typing import Any

STONE_ID = "5d1f0a3e-0f5b-4b1e-9c0a-000000000001"

_GOOD: dict[str, Any] = {
    "id": f"DIAMOND/{STONE_ID}",
    "price": 123_456,
    "discount": -23.5,
    "markup_price": 130_863,
    "diamond": {
        "id": STONE_ID,
        "availability": "AVAILABLE",
        "HoldId": None,
        "supplierStockId": "AU0012345",
        "image": "https://media.example/still.jpg",
        "video": "https://media.example/film.mp4",
        "eyeClean": "Yes",
        "brown": "None",
        "milky": "Light",
        "supplier": {"id": "5000", "name": "Étoile du Nord", "legal_name": "Étoile du Nord SPRL"},
        "delivery_time": {"express_timeline_applicable": True, "min_business_days": 2, "max_business_days": 6},
        "certificate": {
            "lab": "GIA",
            "certNumber": "2215432101",
            "pdfUrl": "https://media.example/2215432101.pdf",
            "shape": "ROUND",
            "carats": 1.01,
            "clarity": "VS1",
            "cut": "EX",
            "polish": "VG",
            "symmetry": "G",
            "color": "G",
            "f_color": None,
            "f_intensity": None,
            "f_overtone": None,
            "floInt": "FNT",
            "floCol": "BLU",
            "labgrown": False,
            "treated": False,
            "length": 6.43,
            "width": 6.45,
            "depth": 3.98,
            "depthPercentage": 61.8,
            "table": 57.0,
            "crownAngle": 34.5,
            "comments": "Pinpoints are not shown.",
            "v360": {"id": "1", "url": "https://media.example/360"},
            "product_images": [{"id": "1", "url": "https://media.example/first.jpg"}],
        },
    },
}

MISSING = object()


def item(changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """A valid item with some values changed, by path: `{"diamond.certificate.carats": 0}`. MISSING removes the member."""
    found = copy.deepcopy(_GOOD)
    for path, value in (changes or {}).items():
        *parents, name = path.split(".")
        part = found
        for parent in parents:
            part = part[parent]
        if value is MISSING:
            del part[name]
        else:
            part[name] = value
    return found


def payload(changes: dict[str, Any] | None = None) -> bytes:
    """The item as JSON bytes."""
    return json.dumps(item(changes), ensure_ascii=False).encode()
