"""Fields of a column map: names, accepted options and units."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

import msgspec

Kind = Literal["identifier", "text", "grade", "number", "price", "measurements", "origin", "days", "address"]


class FieldRule(msgspec.Struct, frozen=True):
    """Rule of a field. `units`: the factor to the canonical unit by the unit's name; the first unit is the default."""

    kind: Kind
    description: str
    units: Mapping[str, Decimal] = {}


_DOLLARS = {"dollars": Decimal(1), "cents": Decimal("0.01")}
_PERCENT = {"percent": Decimal(1), "fraction": Decimal(100)}
_MILLIMETRES = {"mm": Decimal(1), "cm": Decimal(10)}

FIELDS: Mapping[str, FieldRule] = {
    "stock_number": FieldRule("identifier", "the supplier's number of the stone"),
    "report_number": FieldRule("identifier", "number of the laboratory's report"),
    "lab": FieldRule("grade", "laboratory of the report; NONE for a stone without a report"),
    "shape": FieldRule("grade", "shape"),
    "carat": FieldRule("number", "weight", {"carats": Decimal(1), "points": Decimal("0.01")}),
    "price_per_carat": FieldRule("price", "price per carat in US dollars", _DOLLARS),
    "total_price": FieldRule("price", "price of the whole stone in US dollars", _DOLLARS),
    "availability": FieldRule("grade", "AVAILABLE, HOLD, SOLD, MEMO or UNAVAILABLE"),
    "lab_grown": FieldRule("origin", "NATURAL or LAB GROWN"),
    "growth_method": FieldRule("grade", "growth of a lab-grown stone: CVD or HPHT; not a treatment"),
    "treatment": FieldRule("text", "treatment; HPHT here is a treatment, not a growth"),
    "color": FieldRule("grade", "colour grade, or a fancy colour with its intensity"),
    "fancy_color": FieldRule("grade", "fancy colour"),
    "fancy_intensity": FieldRule("grade", "intensity of the fancy colour"),
    "fancy_overtone": FieldRule("grade", "overtone of the fancy colour"),
    "clarity": FieldRule("grade", "clarity"),
    "cut": FieldRule("grade", "cut grade (not the shape)"),
    "polish": FieldRule("grade", "polish"),
    "symmetry": FieldRule("grade", "symmetry"),
    "fluorescence": FieldRule("grade", "strength of the fluorescence, also with its colour"),
    "fluorescence_color": FieldRule("grade", "colour of the fluorescence"),
    "measurements": FieldRule("measurements", "length, width and depth in one column, in millimetres"),
    "length": FieldRule("number", "length", _MILLIMETRES),
    "width": FieldRule("number", "width", _MILLIMETRES),
    "height": FieldRule("number", "depth as a length", _MILLIMETRES),
    "depth": FieldRule("number", "depth as a share of the width", _PERCENT),
    "table": FieldRule("number", "table", _PERCENT),
    "crown_angle": FieldRule("number", "crown angle in degrees"),
    "crown_height": FieldRule("number", "crown height", _PERCENT),
    "pavilion_angle": FieldRule("number", "pavilion angle in degrees"),
    "pavilion_depth": FieldRule("number", "pavilion depth", _PERCENT),
    "star_length": FieldRule("number", "star length", _PERCENT),
    "lower_girdle": FieldRule("number", "lower half", _PERCENT),
    "girdle": FieldRule("text", "girdle"),
    "girdle_condition": FieldRule("text", "condition of the girdle"),
    "culet_size": FieldRule("text", "size of the culet"),
    "culet_condition": FieldRule("text", "condition of the culet"),
    "eye_clean": FieldRule("text", "whether the stone is eye-clean"),
    "brown": FieldRule("text", "brown tinge"),
    "green": FieldRule("text", "green tinge"),
    "milky": FieldRule("text", "milkiness"),
    "shade": FieldRule("text", "shade of the colour"),
    "image_url": FieldRule("address", "address of an image"),
    "video_url": FieldRule("address", "address of a video"),
    "report_url": FieldRule("address", "address of the report"),
    "delivery_min_days": FieldRule("days", "shortest delivery time in business days"),
    "delivery_max_days": FieldRule("days", "longest delivery time in business days"),
    "return_days": FieldRule("days", "days to return the stone; 0: not returnable"),
    "comments": FieldRule("text", "comments"),
    "key_to_symbols": FieldRule("text", "key to symbols of the report"),
    "country_of_origin": FieldRule("text", "country where the stone was mined or grown; not where it is"),
    "mine_of_origin": FieldRule("text", "mine"),
    "supplier_name": FieldRule("text", "name of the supplier; default: `supplier` of the map"),
}

REQUIRED_FIELDS = ("stock_number", "shape", "carat", "availability", "lab_grown")
"""Fields that every kind of file declares, by a column, a constant or a rule. A price field is required, too."""
PRICE_FIELDS = ("price_per_carat", "total_price")
