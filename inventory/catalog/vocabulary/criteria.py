"""Criteria of a search by text, read by the functions that read the data."""

from collections.abc import Callable, Iterable, Sequence

from inventory.catalog.vocabulary import colors, scales, shapes
from inventory.catalog.vocabulary.colors import hues, intensity
from inventory.catalog.vocabulary.offers import lab

Read = Callable[[str], str | None]


def any_spelling(texts: Iterable[str], read: Read) -> Sequence[str]:
    """The values that match the texts: what the data makes of each text, and the text itself as a supplier may send it."""
    return [*dict.fromkeys(value for text in texts for value in (text, read(text)) if value)]


def shape(text: str) -> str | None:
    """The shape, "rb" as "ROUND"; None for one that is not understood."""
    found = shapes.shape(text)
    return None if found == shapes.OTHER else found


def color(text: str) -> str | None:
    """The colour grade; a range or an unknown text is none of the listed grades."""
    return colors.color(text)[0]


def clarity(text: str) -> str | None:
    """The clarity grade, "vvs-1" as "VVS1"."""
    return scales.clarity(text)[0]


def cut(text: str) -> str | None:
    """The cut grade, "EX" as "EXCELLENT"."""
    return scales.cut(text)[0]


def finish(text: str) -> str | None:
    """The grade of polish or symmetry, "VG" as "VERY_GOOD"."""
    return scales.finish(text)[0]


def fluorescence(text: str) -> str | None:
    """The strength of fluorescence, "FNT" as "FAINT"."""
    return colors.fluorescence(text, None)[0]


def labs(texts: Iterable[str]) -> Sequence[str]:
    """Laboratories, "gia" as "GIA"."""
    return any_spelling(texts, lab)


def fancy_colors(texts: Iterable[str]) -> Sequence[str]:
    """Fancy colours and overtones, "Brownish Orange" as "BROWN-ORANGE"."""
    return any_spelling(texts, hues)


def fancy_intensities(texts: Iterable[str]) -> Sequence[str]:
    """Intensities of fancy colours, "vivid" as "FANCY_VIVID"."""
    return any_spelling(texts, intensity)
