"""Comparison of the tables after runs, without columns that may differ between two runs of one feed."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any
from uuid import UUID

import msgspec

from inventory.runs.models import Run
from tests.faults.site import FEED, Site

# Only the run that wrote a row and its time may differ.
_VARYING = {
    "diamonds": {"created_at", "updated_at", "source_updated_at", "deleted_at"},
    "raw_diamonds_nivoda": {"observed_at", "run_id", "gone_at"},
}
_COLUMNS = """
    SELECT table_name, column_name FROM information_schema.columns
    WHERE table_schema = current_schema AND table_name = ANY ($1) ORDER BY table_name, column_name
"""
_DIAMONDS = (
    "SELECT supplier_stone_id, status, supplier_price_cents, retail_price_cents, {digest} AS digest FROM diamonds "
    "WHERE supplier = 'nivoda'"
)
_RAW = "SELECT supplier_stone_id, gone_at IS NOT NULL AS gone, {digest} AS digest FROM raw_diamonds_nivoda"
# The known values of an item that the supplier answers with null depend on the pages around it.
_SHOWN = "CASE WHEN payload::text NOT LIKE '%\"$errors\"%' THEN {} END"
_UNBALANCED = """
    SELECT id, fetched, distinct_stones, repeated, upserted, unchanged, quarantined FROM run_metadata
    WHERE status = 'completed'
      AND (fetched <> distinct_stones + repeated OR distinct_stones <> upserted + unchanged + quarantined)
"""
_PARTS = """
    SELECT count(*)::int AS parts, count(*) FILTER (WHERE status = 'succeeded')::int AS succeeded,
           coalesce(sum(fetched), 0)::int AS fetched
    FROM worker_runs WHERE run_id = $1
"""
_SEEN = "SELECT count(*)::int FROM stones_seen WHERE feed = $1 AND run_id = $2"


class Diamond(msgspec.Struct, frozen=True):
    """A row of `diamonds`. `digest` covers all columns that do not vary."""

    status: str
    supplier_cents: int
    retail_cents: int
    digest: str


class Snapshot(msgspec.Struct, frozen=True):
    """The tables. `raw`: for each stone whether it is deleted, and the digest of its row."""

    diamonds: Mapping[str, Diamond]
    raw: Mapping[str, tuple[bool, str]]

    @property
    def active(self) -> set[str]:
        return {stone_id for stone_id, diamond in self.diamonds.items() if diamond.status == "active"}

    def with_status(self, status: str) -> set[str]:
        return {stone_id for stone_id, diamond in self.diamonds.items() if diamond.status == status}


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Differences of the tables: stones that are missing, unexpected or counted twice, or that have another price; and
    other problems as text.
    """

    lost: int = 0
    duplicated: int = 0
    wrong_price: int = 0
    unequal: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is any difference."""
        return bool(self.lost or self.duplicated or self.wrong_price or self.unequal)


async def snapshot(site: Site) -> Snapshot:
    """The current tables."""
    columns: dict[str, list[str]] = {table: [] for table in _VARYING}
    for row in await site.fetch(_COLUMNS, list(_VARYING)):
        if row["column_name"] not in _VARYING[row["table_name"]]:
            columns[row["table_name"]].append(row["column_name"])
    columns["raw_diamonds_nivoda"] = [
        _SHOWN.format(name) if name in {"payload", "payload_hash"} else name for name in columns["raw_diamonds_nivoda"]
    ]
    digests = {table: f"md5(ROW({', '.join(names)})::text)" for table, names in columns.items()}
    diamonds = await site.fetch(_DIAMONDS.format(digest=digests["diamonds"]))
    raw = await site.fetch(_RAW.format(digest=digests["raw_diamonds_nivoda"]))
    return Snapshot(
        diamonds={
            row["supplier_stone_id"]: Diamond(
                row["status"], row["supplier_price_cents"], row["retail_price_cents"], row["digest"]
            )
            for row in diamonds
        },
        raw={row["supplier_stone_id"]: (row["gone"], row["digest"]) for row in raw},
    )


def against_supplier(found: Snapshot, truth: Mapping[str, Mapping[str, Any]], unnoticed: Collection[str]) -> Verdict:
    """Compare the inventory with the supplier's stones. `unnoticed` left the feed, and no full run has read it since."""
    usable = {stone_id: row["price"] for stone_id, row in truth.items() if row["usable"]}
    active = found.active
    return Verdict(
        lost=len(usable.keys() - active),
        duplicated=len(active - usable.keys() - set(unnoticed)),
        wrong_price=sum(
            found.diamonds[stone_id].supplier_cents != usable[stone_id] for stone_id in usable.keys() & active
        ),
    )


def against_reference(found: Snapshot, reference: Snapshot) -> Verdict:
    """Compare the tables with those of an undisturbed run of the same feed."""
    both = found.diamonds.keys() & reference.diamonds.keys()
    repriced = {
        stone_id
        for stone_id in both
        if found.diamonds[stone_id].retail_cents != reference.diamonds[stone_id].retail_cents
    }
    return Verdict(
        lost=len(reference.diamonds.keys() - found.diamonds.keys()),
        duplicated=len(found.diamonds.keys() - reference.diamonds.keys()),
        wrong_price=len(repriced),
        unequal=(
            *_differing("diamonds", {i: found.diamonds[i] for i in both - repriced}, reference.diamonds),
            *_differing("raw", found.raw, reference.raw),
        ),
    )


def _differing(table: str, found: Mapping[str, object], reference: Mapping[str, object]) -> Iterable[str]:
    others = [stone_id for stone_id, row in found.items() if reference.get(stone_id) != row]
    if others:
        first = others[0]
        yield f"{table}: {len(others)} rows differ, such as {first}: {found[first]} instead of {reference.get(first)}"


async def check_figures(site: Site, run: Run) -> Verdict:
    """Check the figures of all completed runs, of this one in detail, and the watermark."""
    wrong = [f"the figures of run {row['id']} do not add up: {row}" for row in await site.fetch(_UNBALANCED)]
    (parts,) = await site.fetch(_PARTS, run.id)
    seen = await site.value(_SEEN, FEED, run.id)
    if parts["succeeded"] != parts["parts"]:
        wrong.append(f"{parts['succeeded']} of {parts['parts']} partitions succeeded in a completed run")
    if run.distinct_stones != seen:
        wrong.append(f"{run.distinct_stones} distinct stones are booked, {seen} were seen")
    if run.fetched < parts["fetched"]:
        wrong.append(f"{run.fetched} fetched stones are booked, the partitions have {parts['fetched']}")
    watermark = site.watermark()
    if watermark is None or UUID(watermark["lastRunId"]) != run.id:
        wrong.append(f"the watermark is not that of run {run.id}: {watermark}")
    elif msgspec.convert(watermark["lastUpdatedAt"], type(run.window_to)) != run.window_to:
        wrong.append(f"the watermark {watermark['lastUpdatedAt']} is not where the window closed: {run.window_to}")
    return Verdict(unequal=tuple(wrong))
