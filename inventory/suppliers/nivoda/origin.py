"""Origin of a stone, natural or lab-grown, from every field of a supplier item that states it.

Selling a lab-grown stone as natural is unlawful. So an unknown statement, a contradiction of statements, and a missing
statement are problems without a default.
"""

import re
from functools import lru_cache
from typing import Any

from inventory.suppliers.nivoda.payload import PayloadCertificate, PayloadDiamond
from inventory.suppliers.nivoda.values import number, text

_SEPARATORS = re.compile(r"[\s\-_./,]+")
_SILENT = frozenset({
    "", "NONE", "NULL", "NIL", "NAN", "N A", "NA", "NOT APPLICABLE", "NOT AVAILABLE", "UNKNOWN", "UNDEFINED",
})  # fmt: skip
_LAB_GROWN = frozenset({
    "TRUE", "T", "YES", "Y", "LG", "LGD", "LGDR", "LAB", "LABORATORY", "LAB GROWN", "LABGROWN", "LABORATORY GROWN",
    "LAB GROWN DIAMOND", "LABGROWN DIAMOND", "LABORATORY GROWN DIAMOND", "LAB DIAMOND", "LAB CREATED", "LABCREATED",
    "LAB CREATED DIAMOND", "LABORATORY CREATED", "LAB MADE", "LAB GROW", "MAN MADE", "MANMADE", "CREATED", "SYNTHETIC",
})  # fmt: skip
_NATURAL = frozenset({
    "FALSE", "F", "NO", "N", "NATURAL", "NAT", "NATURAL DIAMOND", "MINED", "MINED DIAMOND", "EARTH MINED",
    "EARTHMINED", "EARTH MINED DIAMOND", "NOT LAB GROWN", "NOT LABGROWN", "NON LAB GROWN", "NON LABGROWN", "NO LAB GROWN",
})  # fmt: skip
_METHODS = frozenset({"CVD", "MPCVD", "HPHT", "HTHP", "IIA"})
# Words allowed next to a method of growth. "HPHT processed" is a treatment, also of natural stones.
_BESIDE_METHODS = frozenset({
    "AS", "GROWN", "GROWTH", "CREATED", "LAB", "LABORATORY", "LABGROWN", "DIAMOND", "AND", "OR", "BY", "TYPE", "METHOD",
})  # fmt: skip
# IGI numbers its reports of lab-grown stones LG1234567, other laboratories LG-123 or LGD 123.
_LAB_GROWN_NUMBER = re.compile(r"\s*LG[A-Z]{0,2}[\s\-_/.#]*[0-9]", re.IGNORECASE)
_LAB_GROWN_PHRASE = re.compile(
    r"(?<!\bnot )(?<!\bnon[ -])(?<!\bnot a )(?<!\bno )(?<!\bisn't )"
    r"\b(?:(?:lab|laboratory|man)[\s-]*(?:grown|created|made)|post[\s-]*growth|as[\s-]+grown"
    r"|chemical\s+vapou?r\s+deposition|cvd[\s-]+(?:grown|growth|created)|grown\s+by\s+(?:cvd|hpht))\b",
    re.IGNORECASE,
)
_NAMES = {True: "lab-grown", False: "natural"}
_MAX_REMEMBERED_LENGTH = 300
_REMEMBERED = 8192


class UnclearOrigin(Exception):
    """The origin of the item is not clear. The message is `field: problem`."""


class _NotUnderstood(Exception):
    """The statement is unknown."""


def lab_grown(diamond: PayloadDiamond, certificate: PayloadCertificate, queried: bool | None) -> bool:
    """Decide whether a stone is lab-grown.

    `queried`: the origin of the query, which decides if the item states nothing.

    Raises:
        UnclearOrigin: a statement is unknown, two statements contradict each other, or there is none.
    """
    try:
        stated = _stated(certificate.labgrown)
    except _NotUnderstood:
        raise UnclearOrigin("diamond.certificate.labgrown: is neither yes nor no") from None
    try:
        typed = _stated(certificate.labgrown_type)
    except _NotUnderstood:
        if stated is not True:
            raise UnclearOrigin("diamond.certificate.labgrown_type: is no known type of growth") from None
        typed = None
    hint = _hint(diamond, certificate)
    if hint is None and queried in {None, stated} and typed in {None, stated} and stated is not None:
        return stated
    # The query is compared last, so that a contradiction names a field of the item first.
    statements = (
        ("diamond.certificate.labgrown", stated),
        ("diamond.certificate.labgrown_type", typed),
        (hint or "", True if hint else None),
        ("the query", queried),
    )
    known = [(name, answer) for name, answer in statements if answer is not None]
    if not known:
        raise UnclearOrigin("diamond.certificate.labgrown: is missing, and no other field states the origin")
    first, answer = known[0]
    for name, other in known[1:]:
        if other != answer:
            raise UnclearOrigin(f"{first}: says {_NAMES[answer]}, but {name} says {_NAMES[other]}")
    return bool(answer)


def _stated(value: Any) -> bool | None:
    """Parse a statement: lab-grown (True), natural (False) or nothing (None).

    Raises:
        _NotUnderstood: the statement is unknown.
    """
    if value is None or type(value) is bool:
        return value
    found = text(value)
    if found is None:
        if type(value) is str:
            return None
        raise _NotUnderstood
    return _stated_by(found)


@lru_cache(_REMEMBERED)
def _stated_by(found: str) -> bool | None:
    amount = number(found)
    if amount is not None:
        if amount not in {0, 1}:
            raise _NotUnderstood
        return amount == 1
    key = _SEPARATORS.sub(" ", found.upper()).strip()
    if key in _SILENT:
        return None
    if key in _NATURAL:
        return False
    words = frozenset(key.split())
    if key in _LAB_GROWN or (words & _METHODS and words <= _METHODS | _BESIDE_METHODS):
        return True
    raise _NotUnderstood


def _hint(diamond: PayloadDiamond, certificate: PayloadCertificate) -> str | None:
    """Return the field with a laboratory's report number of a lab-grown stone, or None."""
    number = certificate.cert_number
    if type(number) is str and _LAB_GROWN_NUMBER.match(number):
        return "diamond.certificate.certNumber"
    if _is_phrase(certificate.comments):
        return "diamond.certificate.comments"
    if _is_phrase(diamond.certificate_type):
        return "diamond.CertificateType"
    return "diamond.certificate.lab" if _is_phrase(certificate.lab) else None


def _is_phrase(value: Any) -> bool:
    if type(value) is not str:
        return False
    if len(value) > _MAX_REMEMBERED_LENGTH:
        return _LAB_GROWN_PHRASE.search(value) is not None
    return _is_short_phrase(value)


@lru_cache(_REMEMBERED)
def _is_short_phrase(value: str) -> bool:
    return _LAB_GROWN_PHRASE.search(value) is not None
