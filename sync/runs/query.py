"""Supplier queries of a run."""

from datetime import datetime, timedelta

from inventory.runs.models import Run, RunType
from inventory.suppliers.ports import Feed, StoneQuery
from sync.planning.listing import SubQuery


def query_of(
    run_type: RunType,
    window_from: datetime | None,
    window_to: datetime,
    price_from: int | None,
    price_to: int | None,
) -> StoneQuery:
    """Build the query of a run within a price range.

    A full run has no window: it must not miss a stone because of the change time that the supplier records.
    """
    if run_type == "full":
        return StoneQuery(price_from=price_from, price_to=price_to)
    return StoneQuery(price_from=price_from, price_to=price_to, updated_from=window_from, updated_to=window_to)


async def count_of_part(feed: Feed, run: Run, part: SubQuery, overlap: timedelta) -> int:
    """Request the supplier's count of a part of a run.

    If the supplier cannot filter by changes, the number of changes is 0: counts and pages must then agree exactly.
    """
    if part.changed is not None and not (await feed.capabilities()).windows:
        return 0
    return await feed.count(query_of_part(run, part, overlap))


def query_of_part(run: Run, part: SubQuery, overlap: timedelta) -> StoneQuery:
    """Build the query of a part of a run. `overlap`: the largest delay of the supplier's clock."""
    updated_from, updated_to = (None, None) if run.run_type == "full" else (run.window_from, run.window_to)
    if part.changed == "since_opening":
        updated_from, updated_to = run.window_to, None
    elif part.changed == "recently":
        recently = run.window_to - overlap
        updated_from = recently if updated_from is None else max(updated_from, recently)
    return StoneQuery(
        price_from=part.price_from,
        price_to=part.price_to,
        carats_from=part.carats_from,
        carats_to=part.carats_to,
        cross_from=part.cross_from,
        cross_to=part.cross_to,
        lab_grown=part.lab_grown,
        updated_from=updated_from,
        updated_to=updated_to,
    )
