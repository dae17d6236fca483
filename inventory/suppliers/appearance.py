"""Shape, colour and proportions of a stone, derived from several texts of its certificate."""

from typing import NamedTuple

from inventory.catalog.grades import FANCY_INTENSITIES
from inventory.catalog.vocabulary import colors, shapes

_MAX_RATIO = 100_000
_DIRECTED = frozenset({"HEART", "TRILLIANT"})
_FANCY = frozenset(name for name in FANCY_INTENSITIES if name.startswith("FANCY"))
_MAX_GRADE_LENGTH = 3  # "O-P"; a longer text may contain more than the grade


class Color(NamedTuple):
    """`reported`: the text of the colour if the grade does not contain all of it."""

    grade: str | None
    rank: int | None
    hues: str | None
    intensity: str | None
    reported: str | None


def shape(plain: str | None, full: str | None) -> tuple[str, str | None]:
    """Parse the shape. Returns it with its source text. `full`: the laboratory's phrase, used if `plain` is not understood."""
    found = shapes.shape(plain)
    if found == shapes.OTHER and (by_full := shapes.shape(full)) != shapes.OTHER:
        found = by_full
    return found, plain or full


def color(shown: str | None, fancy_color: str | None, fancy_intensity: str | None) -> Color:
    """Parse the colour grade and the fancy colour. Each may be in the field of the other.

    A valid fancy colour has precedence over a grade D to Z: the grade then is a reported text, which searches do not match.
    """
    grade, rank = colors.color(shown)
    if fancy_color is None and fancy_intensity is None and rank is not None:
        return Color(grade, rank, None, None, shown if shown and len(shown) > _MAX_GRADE_LENGTH else None)
    hues, intensity = colors.hues(fancy_color), colors.intensity(fancy_intensity)
    for stated in (fancy_color, shown if rank is None else None):
        own_hues, own_intensity = colors.fancy(stated)
        hues, intensity = hues or own_hues, intensity or own_intensity
    if rank is not None and hues and intensity in _FANCY:
        return Color(None, None, hues, intensity, shown)
    return Color(grade, rank, hues, intensity, shown if shown and rank and len(shown) > _MAX_GRADE_LENGTH else None)


def ratio(shape_name: str, length: int | None, width: int | None) -> int | None:
    """Ratio of the longer to the shorter side in thousandths, rounded half up; None if it is implausible (a typing error).

    Hearts and triangles have an orientation: their ratio is the measured length by width.
    """
    if not length or not width:
        return None
    if length < width and shape_name not in _DIRECTED:
        length, width = width, length
    found = (2000 * length + width) // (2 * width)
    return found if found <= _MAX_RATIO else None
