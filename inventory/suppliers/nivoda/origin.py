"""Origin of a stone, natural or lab-grown, from every field of a supplier item that states it.

Selling a lab-grown stone as natural is unlawful. So an unknown statement, a contradiction of statements, and a missing
statement are problems without a default.
"""

from inventory.suppliers.nivoda.payload import PayloadCertificate, PayloadDiamond
from inventory.suppliers.origin_statements import NotUnderstood, is_lab_grown_number, is_lab_grown_phrase, stated_origin

_NAMES = {True: "lab-grown", False: "natural"}


class UnclearOrigin(Exception):
    """The origin of the item is not clear. The message is `field: problem`."""


def lab_grown(diamond: PayloadDiamond, certificate: PayloadCertificate, queried: bool | None) -> bool:
    """Decide whether a stone is lab-grown.

    `queried`: the origin of the query, which decides if the item states nothing.

    Raises:
        UnclearOrigin: a statement is unknown, two statements contradict each other, or there is none.
    """
    try:
        stated = stated_origin(certificate.labgrown)
    except NotUnderstood:
        raise UnclearOrigin("diamond.certificate.labgrown: is neither yes nor no") from None
    try:
        typed = stated_origin(certificate.labgrown_type)
    except NotUnderstood:
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


def _hint(diamond: PayloadDiamond, certificate: PayloadCertificate) -> str | None:
    """Return the field with a laboratory's report number of a lab-grown stone, or None."""
    if is_lab_grown_number(certificate.cert_number):
        return "diamond.certificate.certNumber"
    if is_lab_grown_phrase(certificate.comments):
        return "diamond.certificate.comments"
    if is_lab_grown_phrase(diamond.certificate_type):
        return "diamond.CertificateType"
    return "diamond.certificate.lab" if is_lab_grown_phrase(certificate.lab) else None
