"""Certificate page: sample grading report of a stone as HTML."""

from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

_GRADES = {
    "ID": "Ideal", "EX": "Excellent", "VG": "Very good", "G": "Good", "F": "Fair", "P": "Poor", "NON": "None", "FNT": "Faint",
    "MED": "Medium", "STG": "Strong", "VST": "Very strong", "THN": "Thin", "STK": "Slightly thick", "TSK": "Thick",
    "VSM": "Very small", "SML": "Small", "PTD": "Pointed",
}  # fmt: skip

Rows = Sequence[tuple[str, Any]]


def report_page(item: Mapping[str, Any], drawing: str) -> str:
    """Render the page. `item`: the stone's item of the feed; `drawing`: its picture as SVG."""
    certificate = item["diamond"]["certificate"]
    grown = certificate["labgrown"]
    number, lab = str(certificate["certNumber"]), str(certificate["lab"])
    fancy = " ".join(filter(None, (certificate["f_intensity"], certificate["f_overtone"], certificate["f_color"])))
    sizes = " x ".join(str(certificate[name]) for name in ("length", "width", "depth"))
    sections = {
        "Stone": [
            ("Shape and cutting style", str(certificate["fullShape"]).title()),
            ("Measurements", f"{sizes} mm"),
            ("Origin", f"Laboratory-grown ({certificate['labgrown_type']})" if grown else "Natural"),
        ],
        "Grades": [
            ("Carat weight", f"{certificate['carats']:.2f} ct"),
            ("Colour", fancy.title() if fancy else certificate["color"]),
            ("Clarity", certificate["clarity"]),
            ("Cut", certificate["cut"]),
            ("Polish", certificate["polish"]),
            ("Symmetry", certificate["symmetry"]),
            ("Fluorescence", certificate["floInt"]),
        ],
        "Proportions": [
            ("Depth", f"{certificate['depthPercentage']} %"),
            ("Table", f"{certificate['table']} %"),
            ("Crown", f"{certificate['crownAngle']}°, {certificate['crownHeight']} %"),
            ("Pavilion", f"{certificate['pavAngle']}°, {certificate['pavDepth']} %"),
            ("Girdle", certificate["girdle"]),
            ("Culet", certificate["culetSize"]),
        ],
        "Clarity characteristics": [("Key to symbols", certificate["keyToSymbols"])],
    }
    title = f"{lab} {'laboratory-grown ' if grown else ''}diamond report {number}"
    parts = {
        "number": escape(number),
        "title": escape(title),
        "sections": "".join(_section(name, rows) for name, rows in sections.items()),
        "drawing": drawing,
        "comments": escape(certificate["comments"] or ""),
    }
    page = _template()
    for name, value in parts.items():
        page = page.replace(f"{{{name}}}", value)
    return page


def _section(name: str, rows: Rows) -> str:
    listed = "".join(f"<dt>{escape(label)}</dt><dd>{escape(_text(value))}</dd>" for label, value in rows)
    return f"<h2>{escape(name)}</h2><dl>{listed}</dl>"


def _text(value: Any) -> str:
    return "not stated" if value in {None, ""} else _GRADES.get(str(value), str(value))


@cache
def _template() -> str:
    return files("sandbox.supplier").joinpath("report.html").read_text(encoding="utf-8")
