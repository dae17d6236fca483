"""Which stones of the feed a run asks for."""

from datetime import datetime

from app.runs.models import RunType
from app.suppliers.ports import StoneQuery


def query_of(
    run_type: RunType,
    window_from: datetime | None,
    window_to: datetime,
    price_from: int | None,
    price_to: int | None,
) -> StoneQuery:
    """The stones of a run within a price range.

    A full run asks without a window: a stone must not be missed for what the supplier knows of its last change.
    """
    if run_type == "full":
        return StoneQuery(price_from=price_from, price_to=price_to)
    return StoneQuery(price_from=price_from, price_to=price_to, updated_from=window_from, updated_to=window_to)
