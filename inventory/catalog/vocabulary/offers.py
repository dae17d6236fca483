"""Normalization of availability, growth methods and laboratories."""

from functools import lru_cache

from inventory.catalog.vocabulary.keys import NOTHING, REMEMBERED, key

# MEMO and CONSIGNMENT: the stone is with another dealer.
_AVAILABILITIES = {
    "AVAILABLE": "available",
    "HOLD": "on_hold",
    "ON HOLD": "on_hold",
    "ONHOLD": "on_hold",
    "SOLD": "sold",
    "SOLD OUT": "sold",
    "SOLDOUT": "sold",
    "MEMO": "unavailable",
    "ON MEMO": "unavailable",
    "ONMEMO": "unavailable",
    "CONSIGNMENT": "unavailable",
    "ON CONSIGNMENT": "unavailable",
    "NOT AVAILABLE": "unavailable",
    "UNAVAILABLE": "unavailable",
}
_LABS = {
    "GIA": "GIA", "GEMOLOGICAL INSTITUTE OF AMERICA": "GIA", "IGI": "IGI", "INTERNATIONAL GEMOLOGICAL INSTITUTE": "IGI",
    "HRD": "HRD", "HRD ANTWERP": "HRD", "AGS": "AGS", "AGSL": "AGS", "AMERICAN GEM SOCIETY": "AGS", "GCAL": "GCAL",
    "GEM CERTIFICATION AND ASSURANCE LAB": "GCAL", "EGL": "EGL", "GSI": "GSI", "IIDGR": "IIDGR", "SGL": "SGL",
}  # fmt: skip
# Values for a stone without a report. STOCKID: the number is the dealer's.
_NO_LAB = NOTHING | {
    "NON",
    "NO",
    "NO CERT",
    "NOT CERTIFIED",
    "UNCERTIFIED",
    "NON CERTIFIED",
    "NON CERT",
    "STOCKID",
    "STOCK ID",
}
_GROWTH_METHODS = {
    "CVD": "CVD", "CHEMICAL VAPOR DEPOSITION": "CVD", "CHEMICAL VAPOUR DEPOSITION": "CVD",
    "HPHT": "HPHT", "HIGH PRESSURE HIGH TEMPERATURE": "HPHT",
}  # fmt: skip
_LAB_GROWN = (" LG", " LGD", " LAB GROWN", " LABGROWN", " LABORATORY GROWN")


@lru_cache(REMEMBERED)
def availability(text: str | None) -> str:
    """Normalize availability to one of `grades.AVAILABILITIES`. An unknown text means unavailable."""
    return stated_availability(text) or "unavailable"


def stated_availability(text: str | None) -> str | None:
    """Normalize availability. Returns None if the text is unknown."""
    return _AVAILABILITIES.get(key(text or ""))


@lru_cache(REMEMBERED)
def growth_method(text: str | None) -> str | None:
    """Normalize the growth method to one of `grades.GROWTH_METHODS`. Returns None if the text names neither or both."""
    return _GROWTH_METHODS.get(key(text or ""))


@lru_cache(REMEMBERED)
def lab(text: str | None) -> str | None:
    """Normalize a laboratory to its short name. Returns None without a report. An unknown one keeps its text, in capitals."""
    found = key(text or "")
    if found in _NO_LAB:
        return None
    for ending in _LAB_GROWN:
        found = found.removesuffix(ending)
    # "G.I.A."
    return _LABS.get(found) or _LABS.get(found.replace(" ", "")) or (text or "").strip().upper()
