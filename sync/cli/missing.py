"""`runs show --missing`: active diamonds that a full run did not see, as text, JSON or CSV."""

import sys
from collections.abc import AsyncIterator, Sequence

from inventory.core.command_line import print_json, print_text
from inventory.core.counts import count_text
from inventory.core.csv_export import csv_lines
from inventory.core.database import Connection
from inventory.core.records import Record, print_records
from inventory.runs import review
from inventory.runs.models import Run

_PAGE = 1000
_SHOWN = 1000
_HEADER = ("supplier_stone_id", "diamond_id", "shape", "carat", "retail_price_usd")


async def show_missing(connection: Connection, run: Run, limit: int | None, *, as_csv: bool, as_json: bool) -> None:
    """Print the diamonds that a run would delete. `limit`: None prints 1000, and all of them as CSV."""
    if as_csv:
        sys.stdout.write(csv_lines([_HEADER]))
        async for page in _pages(connection, run, limit):
            sys.stdout.write(csv_lines([_cells(one) for one in page]))
        return
    total = await review.count_missing(connection, run)
    listed = [one async for page in _pages(connection, run, limit or _SHOWN) for one in page]
    if as_json:
        print_json({"run_id": run.id, "missing": total, "diamonds": listed})
        return
    print_text(f"The feed of run {run.id} did not contain {count_text(total, 'active diamond')}.")
    if run.run_type != "full":
        print_text("An incremental run deletes nothing.")
    if listed:
        print_records(
            ("stone", "diamond", "shape", "carat", "price (USD)"),
            [
                Record(
                    (one.supplier_stone_id, str(one.id), one.shape, _carat(one), f"{one.retail_price_cents / 100:,.2f}")
                )
                for one in listed
            ],
        )
    if len(listed) < total:
        print_text(f"... and {total - len(listed):,} more; --limit shows more, --csv prints all of them.")


async def _pages(connection: Connection, run: Run, limit: int | None) -> AsyncIterator[Sequence[review.MissingDiamond]]:
    """Read the diamonds in pages by the supplier's id, at most `limit` of them."""
    after, read = "", 0
    while limit is None or read < limit:
        page = await review.missing_diamonds(
            connection, run, after, _PAGE if limit is None else min(_PAGE, limit - read)
        )
        if not page:
            return
        yield page
        after, read = page[-1].supplier_stone_id, read + len(page)


def _cells(one: review.MissingDiamond) -> Sequence[object]:
    cents = one.retail_price_cents
    return (one.supplier_stone_id, one.id, one.shape, _carat(one), f"{cents // 100}.{cents % 100:02}")


def _carat(one: review.MissingDiamond) -> str:
    return f"{one.carat_milli / 1000:.2f}"
