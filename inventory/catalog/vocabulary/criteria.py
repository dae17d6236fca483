"""Normalization of search criteria by the same functions as supplier data."""

from collections.abc import Callable, Iterable, Sequence

from inventory.catalog.vocabulary import colors, scales, shapes
from inventory.catalog.vocabulary.colors import hues, intensity
from inventory.catalog.vocabulary.offers import lab

Read = Callable[[str], str | None]


def any_spelling(texts: Iterable[str], read: Read) -> Sequence[str]:
    """Values that match the texts: the normalized value of each text, and the text itself."""
    return [*dict.fromkeys(value for text in texts for value in (text, read(text)) if value)]


def shape(text: str) -> str | None:
    """Normalize a shape ("rb" to "ROUND"). Returns None if it is unknown."""
    found = shapes.shape(text)
    return None if found == shapes.OTHER else found


def color(text: str) -> str | None:
    """Normalize a colour grade. A range or an unknown text is not a listed grade."""
    return colors.color(text)[0]


def clarity(text: str) -> str | None:
    """Normalize a clarity grade ("vvs-1" to "VVS1")."""
    return scales.clarity(text)[0]


def cut(text: str) -> str | None:
    """Normalize a cut grade ("EX" to "EXCELLENT")."""
    return scales.cut(text)[0]


def finish(text: str) -> str | None:
    """Normalize a grade of polish or symmetry ("VG" to "VERY_GOOD")."""
    return scales.finish(text)[0]


def fluorescence(text: str) -> str | None:
    """Normalize the strength of fluorescence ("FNT" to "FAINT")."""
    return colors.fluorescence(text, None)[0]


def labs(texts: Iterable[str]) -> Sequence[str]:
    """Normalize laboratories ("gia" to "GIA")."""
    return any_spelling(texts, lab)


def fancy_colors(texts: Iterable[str]) -> Sequence[str]:
    """Normalize fancy colours and overtones ("Brownish Orange" to "BROWN-ORANGE")."""
    return any_spelling(texts, hues)


def fancy_intensities(texts: Iterable[str]) -> Sequence[str]:
    """Normalize intensities of fancy colours ("vivid" to "FANCY_VIVID")."""
    return any_spelling(texts, intensity)
