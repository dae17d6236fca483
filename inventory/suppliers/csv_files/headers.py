"""Headers of a price list: normalization, and names of repeated columns."""

import re
from collections import Counter
from collections.abc import Sequence

_FLAWED = re.compile("[\x00\ud800-\udfff]")


def normalize_header(text: str) -> str:
    """Remove the byte order mark and outer spaces, fold the case and collapse spaces. Headers are compared in this form."""
    return " ".join(text.replace("\ufeff", "").split()).casefold()


def unique_names(header: Sequence[str]) -> list[str]:
    """Name every column once: the second "Price" is "Price (2)", a column without a name is "column 61"."""
    found: Counter[str] = Counter()
    names = []
    for place, text in enumerate(header, 1):
        shown = _FLAWED.sub("?", " ".join(text.replace("\ufeff", "").split()))
        found[normalize_header(text)] += 1
        count = found[normalize_header(text)]
        names.append(f"column {place}" if not shown else shown if count == 1 else f"{shown} ({count})")
    return names
