"""Price of a stone in cents, from the price per carat, the total, or both."""

from decimal import Context, Decimal

from inventory.suppliers.csv_files.cells import Cells
from inventory.suppliers.csv_files.values import round_to_cent
from inventory.suppliers.limits import MAX_CENTS

_CENT = Decimal("0.01")
_EXACT = Context(prec=60)  # more digits than two numbers of a file have


def price_cents(cells: Cells, carats: Decimal) -> int:
    """Determine the price of the whole stone in US cents.

    A stated total is the price; it must be whole cents. Without a total, the price is the price per carat times the weight
    as the file states it, rounded half up to the cent. If the file states both, they must agree (`_check`).

    Raises:
        RowProblem: no price is stated, it is not understood, or the two prices contradict each other.
    """
    total, per_carat = cells.price("total_price"), cells.price("price_per_carat")
    if total is None and per_carat is None:
        fields = [name for name in ("total_price", "price_per_carat") if name in cells.file.fields]
        raise cells.problem(fields[0], "is missing")
    name = "price_per_carat" if total is None else "total_price"
    for field, stated in (("total_price", total), ("price_per_carat", per_carat)):
        if stated is not None and stated[0] <= 0:
            raise cells.problem(field, "is not positive")
    if total is not None:
        amount = total[0]
        if amount % _CENT:
            raise cells.problem(name, "is not a whole number of cents")
        if per_carat is not None:
            _check(cells, total, per_carat, carats)
    else:
        assert per_carat is not None  # noqa: S101 - one of the two is stated
        amount = round_to_cent(_EXACT.multiply(per_carat[0], carats))
    cents = int(amount * 100)
    if cents > MAX_CENTS:
        raise cells.problem(name, f"is more than {MAX_CENTS} cents")
    if not cents:
        raise cells.problem(name, "is less than a cent")
    return cents


def _check(cells: Cells, total: tuple[Decimal, Decimal], per_carat: tuple[Decimal, Decimal], carats: Decimal) -> None:
    """Compare the total with the price per carat times the weight.

    Each stated number may be rounded or truncated at its last digit: a price per carat of 5000 means 5000 plus or minus 1. The
    map may allow a further share of the total (`price_tolerance_percent`).
    """
    expected = _EXACT.multiply(per_carat[0], carats)
    share = Decimal(cells.file.price_tolerance_percent) / 100
    if abs(total[0] - expected) > per_carat[1] * carats + total[1] + share * total[0]:
        raise cells.problem(
            "total_price", f"is {total[0]}, but price_per_carat times carat is {round_to_cent(expected)}"
        )
