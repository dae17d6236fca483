"""Origin of a stone of a price list, natural or lab-grown, as the column map states it.

Selling a lab-grown stone as natural is unlawful. So a missing or unknown statement, and a contradiction, are problems.
A treatment (HPHT) states nothing about the origin.
"""

from inventory.catalog.vocabulary import offers
from inventory.catalog.vocabulary.keys import key
from inventory.suppliers.csv_files.cells import Cells
from inventory.suppliers.csv_files.values import shown
from inventory.suppliers.origin_statements import NotUnderstood, is_lab_grown_number, is_lab_grown_phrase, stated_origin

_TREATMENTS = frozenset({"HPHT", "HTHP"})


def lab_grown(cells: Cells, report_number: str | None, lab: str | None) -> bool:
    """Decide whether a stone is lab-grown.

    Raises:
        RowProblem: the statement of the map is missing or unknown, or another cell contradicts it.
    """
    answer = _stated(cells, report_number)
    if answer:
        return True
    contradictions = (
        ("report_number", is_lab_grown_number(report_number)),
        ("lab", is_lab_grown_phrase(lab)),
        ("comments", is_lab_grown_phrase(cells.text("comments"))),
        ("growth_method", offers.growth_method(cells.word("growth_method")) is not None),
    )
    for name, contradicts in contradictions:
        if contradicts:
            raise cells.problem("lab_grown", f"says natural, but {name} says lab-grown")
    return False


def _stated(cells: Cells, report_number: str | None) -> bool:
    prefixes = cells.file.fields["lab_grown"].report_prefixes
    if prefixes:
        if report_number is None:
            raise cells.problem("lab_grown", "is not known, because the row has no report number")
        return report_number.upper().startswith(prefixes)
    stated = cells.text("lab_grown")
    if stated is not None and _TREATMENTS.intersection(key(stated).split()) and "GROWN" not in key(stated).split():
        raise cells.problem("lab_grown", f"may be a treatment ({shown(stated)}). State what it means in `values`")
    try:
        answer = stated_origin(stated)
    except NotUnderstood:
        raise cells.problem("lab_grown", f"is neither natural nor lab-grown ({shown(stated or '')})") from None
    if answer is None:
        raise cells.problem("lab_grown", "is missing. If an empty cell means natural, set `default` in the map")
    return answer
