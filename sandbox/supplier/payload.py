"""Item generator: all fields of the supplier's schema for a stone, generated on demand from its columns."""

from decimal import Decimal
from typing import Any

from sandbox.supplier.identity import OFFER_PREFIX, certificate_number, mix, stone_id
from sandbox.supplier.stones import FANCY, HAS_IMAGE, HAS_V360, LAB_GROWN, Details, Record, Stones
from sandbox.supplier.vocabulary import (
    COMMENTS,
    COUNTRIES,
    CULETS,
    EYE_CLEAN,
    FANCY_COLORS,
    FANCY_INTENSITIES,
    FINISHES,
    FLUORESCENCE_COLORS,
    FLUORESCENCES,
    GIRDLE_CONDITIONS,
    GIRDLES,
    KEY_SYMBOLS,
    LAB_GROWN_LABS,
    LAB_GROWN_TYPES,
    LABS,
    MILKINESS,
    MINES,
    OVERTONES,
    SUPPLIERS,
    TINGES,
)

Item = dict[str, Any]

_GOLDEN = 0x9E3779B97F4A7C15
_MARKUP = Decimal("1.06")
_HALVES = tuple(f"{number / 2:.1f}" for number in range(100))
_FIVES = tuple(str(number * 5) for number in range(20))
_TENTHS = tuple(f"{number / 10:.1f}" for number in range(600))
_HUNDREDTHS = tuple(
    f"{number // 100}.{number % 100:02d}" for number in range(25_000)
)  # texts up to the longest stone, 208 mm
_COMPANIES: tuple[Item, ...] = tuple(
    {
        "id": f"{0x5000 + number:08x}",
        "name": name,
        "legal_name": legal_name,
        "locations": [],
        "accept_returns": None,
        "accept_holds": True,
    }
    for number, (name, legal_name) in enumerate(SUPPLIERS)
)


class Payloads:
    """Item generator. The same seed and record give the same item."""

    def __init__(self, stones: Stones, seed: int, media_url: str) -> None:
        """`media_url`: URL prefix of pictures, films and certificates, without a slash at the end."""
        self._stones = stones
        self._media = f"{media_url}/media"
        self._seed = mix(seed & 0xFFFFFFFFFFFFFFFF)

    def item(self, ordinal: int, record: Record) -> Item:
        """Generate the item of a record, without bad values, overrides, holds and orders."""
        stones = self._stones
        bits = mix((self._seed + (ordinal + 1) * _GOLDEN) & 0xFFFFFFFFFFFFFFFF)
        more = mix(bits)
        identity = stone_id(ordinal)
        price, flags = record.price, record.flags
        grown, fancy = bool(flags & LAB_GROWN), bool(flags & FANCY)
        image = f"{self._media}/{identity}/still.svg" if flags & HAS_IMAGE else None
        video = f"{self._media}/{identity}/film" if bits & 7 else None
        certificate = self._certificate(ordinal, record, identity, image, more, fancy=fancy, grown=grown)
        supplier = _COMPANIES[11 if grown else bits >> 3 & 15]
        item: Item = {
            "id": OFFER_PREFIX + identity,
            "price": price,
            "discount": record.discount,
            "diamond_price": price,
            "markup_price": int(price * _MARKUP),
            "markup_discount": record.discount + 600,
            "diamond": {
                "id": identity,
                "OrderItemId": None,
                "v360": certificate["v360"],
                "availability": stones.availabilities.word(record.availability),
                "HoldId": None,
                "NivodaStockId": f"N{ordinal + 100_000:09d}",
                "supplierStockId": f"{supplier['name'][:2].upper()}{more & 0xFFFFFF:07d}",
                "image": image,
                "video": video,
                "eyeClean": EYE_CLEAN[bits >> 7 & 7],
                "brown": TINGES[bits >> 10 & 7],
                "green": TINGES[bits >> 13 & 7],
                "blue": TINGES[bits >> 16 & 7],
                "gray": TINGES[bits >> 19 & 7],
                "other": None,
                "milky": MILKINESS[bits >> 22 & 7],
                "bowtie": None if record.shape == 0 else TINGES[bits >> 25 & 7],
                "mine_of_origin": None if grown else MINES[bits >> 28 & 7],
                "canada_mark_eligible": None,
                "forever_mark_eligible": None,
                "supplier_video_link": video,
                "approval_type": "INTERNAL" if bits >> 31 & 1 else "FULL",
                "final_price": True,
                "inclusions": [],
                "show_measurements": True,
                "show_certificate_number": True,
                "return_window": 7 if returnable(bits) else 0,
                "CertificateType": "DIGITAL" if grown else "PHYSICAL",
                "location": None,
                "delivery_time": {
                    "express_timeline_applicable": bool(bits >> 33 & 1),
                    "min_business_days": 2 + (bits >> 34 & 3),
                    "max_business_days": 6 + (bits >> 36 & 7),
                },
                "supplier": supplier,
                "certificate": certificate,
            },
        }
        details = stones.details.get(ordinal)
        if details is not None:
            self._apply_details(details, item["diamond"])
        return item

    def _apply_details(self, details: Details, diamond: Item) -> None:
        """Write the details of a generated stone into its item, in place."""
        certificate = diamond["certificate"]
        certificate |= {
            "lab": details.lab,
            "polish": details.polish,
            "symmetry": details.symmetry,
            "f_color": details.hue,
            "f_intensity": details.intensity,
            "f_overtone": details.overtone,
            "floInt": details.fluorescence,
            "floCol": details.fluorescence_color,
            "labgrown_type": details.growth,
            "treated": False,
            "length": _HUNDREDTHS[details.length],
            "width": _HUNDREDTHS[details.width],
            "depth": _HUNDREDTHS[details.height],
            "depthPercentage": _HUNDREDTHS[details.depth],
            "table": _HUNDREDTHS[details.table],
            "pdfUrl": f"{self._media}/certificates/{details.lab}-{certificate['certNumber']}"
            if details.report
            else None,
        }
        diamond |= {
            "return_window": details.return_days,
            "delivery_time": {
                "express_timeline_applicable": details.express,
                "min_business_days": details.days[0],
                "max_business_days": details.days[1],
            },
        }

    def _certificate(
        self, ordinal: int, record: Record, identity: str, image: str | None, bits: int, *, fancy: bool, grown: bool
    ) -> Item:
        stones = self._stones
        number = certificate_number(ordinal)
        shape = stones.shapes.word(record.shape)
        lab = (LAB_GROWN_LABS if grown else LABS)[bits & 7]
        depth, table, length, width, height = self._measures(ordinal, record, bits)
        fluorescence = FLUORESCENCES[bits >> 3 & 15]
        film = f"{self._media}/{identity}/360"
        films = bool(record.flags & HAS_V360)
        pavilion = _HALVES[84 + (bits >> 45 & 7)]
        return {
            "id": f"{mix(bits):016x}",
            "lab": lab,
            "certNumber": number,
            "pdfUrl": f"{self._media}/certificates/{lab}-{number}",
            "diamonds": None,
            "shape": shape,
            "fullShape": f"{shape} BRILLIANT" if record.shape == 0 else shape,
            "carats": record.carats / 1000,
            "clarity": stones.clarities.word(record.clarity),
            "cut": stones.cuts.word(record.cut),
            "polish": FINISHES[bits >> 7 & 7],
            "symmetry": FINISHES[bits >> 10 & 7],
            "color": stones.colors.word(record.color),
            "f_color": FANCY_COLORS[bits >> 13 & 7] if fancy else None,
            "f_intensity": FANCY_INTENSITIES[bits >> 16 & 7] if fancy else None,
            "f_overtone": OVERTONES[bits >> 19 & 7] if fancy else None,
            "floInt": fluorescence,
            "floCol": None if fluorescence == "NON" else FLUORESCENCE_COLORS[bits >> 19 & 3],
            "labgrown": grown,
            "labgrown_type": LAB_GROWN_TYPES[bits >> 22 & 3] if grown else None,
            "treated": not bits >> 24 & 63,
            "verified": "true" if bits >> 30 & 7 else "false",
            "length": length,
            "width": width,
            "depth": height,
            "depthPercentage": depth,
            "table": table,
            "crownAngle": _HUNDREDTHS[3_000 + (bits >> 33 & 31) * 25],
            "crownHeight": _HALVES[24 + (bits >> 38 & 7)],
            "pavAngle": _TENTHS[400 + (bits >> 41 & 15)],
            "pavHeight": pavilion,
            "pavDepth": pavilion,
            "girdle": GIRDLES[bits >> 48 & 7],
            "girdleCondition": GIRDLE_CONDITIONS[bits >> 51 & 3],
            "culetSize": CULETS[bits >> 53 & 7],
            "culet_condition": None,
            "cut_style": None,
            "keyToSymbols": KEY_SYMBOLS[bits >> 56 & 7],
            "inclusions": [],
            "comments": COMMENTS[bits >> 59 & 7],
            "colorShade": None,
            "mix_tinge": None,
            "starLength": _FIVES[9 + (bits >> 40 & 3)],
            "lowerGirdle": _FIVES[14 + (bits >> 42 & 3)],
            "country_of_origin": None if grown else COUNTRIES[bits >> 61 & 7],
            "canada_mark_eligible": None,
            "image": image,
            "video": film if films else None,
            "v360": {
                "id": f"{bits & 0xFFFFFFFF:08x}",
                "url": film,
                "frame_count": 256,
                "renumbered": None,
                "top_index": None,
                "dl_link": None,
            }
            if films
            else None,
            "product_images": []
            if image is None
            else [
                {
                    "id": f"{bits >> 32:08x}",
                    "url": image,
                    "loupe360_url": f"{film}/still",
                    "type": "STILL",
                    "display_index": 0,
                }
            ],
            "product_videos": [
                {
                    "id": f"{bits >> 16 & 0xFFFFFFFF:08x}",
                    "url": film,
                    "loupe360_url": film,
                    "type": "360",
                    "display_index": 0,
                }
            ]
            if films
            else [],
        }

    def _measures(self, ordinal: int, record: Record, bits: int) -> tuple[str, str, str, str, str]:
        """Depth and table (percent), length, width and depth (mm). The supplier serves them as texts."""
        measured = self._stones.measured
        if ordinal < len(measured["x"]):
            hundredths = tuple(measured[name][ordinal] for name in ("depth", "table", "x", "y", "z"))
        else:
            # A round stone of 1 carat has a diameter of about 6.45 mm; the volume is proportional to the weight.
            width = round(645 * (record.carats / 1000) ** (1 / 3))
            length = width if record.shape == 0 else round(width * (1 + (bits >> 20 & 31) / 62))
            depth = 5_700 + (bits >> 25 & 63) * 10
            hundredths = depth, 5_400 + (bits >> 31 & 7) * 100, length, width, round(width * depth / 10_000)
        depth_text, table, length_text, width_text, height = [_HUNDREDTHS[number] for number in hundredths]
        return depth_text, table, length_text, width_text, height

    def returnable(self, ordinal: int) -> bool:
        """Whether the stone can be returned to the supplier."""
        details = self._stones.details.get(ordinal)
        if details is not None:
            return details.return_days > 0
        return returnable(mix((self._seed + (ordinal + 1) * _GOLDEN) & 0xFFFFFFFFFFFFFFFF))


def returnable(bits: int) -> bool:
    return bool(bits >> 39 & 3)
