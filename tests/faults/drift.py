"""A feed that changes continuously while it is read. As a command: many rounds, on a feed of any size.

`python -m tests.faults.drift --stones 50000 --per-second 20 --rounds 10`; exit code 0 if no round had a problem.
"""

import asyncio
from typing import Annotated

import typer

from tests.faults.options import Options
from tests.faults.site import Site, open_site
from tests.faults.snapshot import against_supplier, check_figures, snapshot

_KINDS = ["price", "availability", "add", "remove"]
_SECONDS = 900.0
# Large feeds are read as in production: many partitions, large batches.
_LARGE = {
    "SYNC_MIN_PARTITION_STONES": "1000",
    "SYNC_MAX_PARTITIONS": "30",
    "SYNC_PARTITION_CONCURRENCY": "8",
    "SYNC_CONSOLIDATION_BATCH": "5000",
    "SYNC_LEASE_SECONDS": "20",
    "SYNC_RESEND_SECONDS": "60",
    "NIVODA_REQUESTS_PER_SECOND": "200",
    "NIVODA_BURST": "50",
    "NIVODA_TIMEOUT_SECONDS": "30",
}


async def drifting(site: Site, *, per_second: float, seed: int) -> list[str]:
    """Two full runs over a changing feed, then an incremental one over a static feed. Returns the problems.

    The second full run meets an inventory of which it could delete too much.
    """
    wrong: list[str] = []
    touched: dict[str, set[str]] = {}
    for number in range(2):
        await site.feed("POST", "drift", {"per_second": per_second, "seed": seed + number, "kinds": _KINDS})
        await site.complete("--full", seconds=_SECONDS)
        report = await site.feed("DELETE", "drift")
        if not report["changes"]:
            wrong.append("nothing has drifted")
        for kind, ids in report["ids"].items():
            touched.setdefault(kind, set()).update(ids)
        wrong += await _flaws_of_full_run(site, set().union(*map(set, report["ids"].values())))
    runs = await site.complete(seconds=_SECONDS)
    if runs[-1].run_type != "incremental":
        wrong.append(f"the run at rest is {runs[-1].run_type}")
    found, truth = await snapshot(site), await site.truth()
    # Only the next full run detects a removed stone.
    for verdict in (against_supplier(found, truth, touched.get("remove", ())), await check_figures(site, runs[-1])):
        if verdict:
            wrong.append(f"after the incremental run at rest: {verdict}")
    runs = await site.complete("--full", seconds=_SECONDS)
    if verdict := against_supplier(await snapshot(site), truth, ()):
        wrong.append(f"after the full run at rest: {verdict}")
    return wrong


async def _flaws_of_full_run(site: Site, touched: set[str]) -> list[str]:
    found, truth = await snapshot(site), await site.truth()
    usable = {stone_id for stone_id, row in truth.items() if row["usable"]}
    unchanged = usable - touched
    wrong = []
    if missing := unchanged - found.active:
        wrong.append(f"{len(missing)} stones stayed as they were and are missing, such as {min(missing)}")
    if deleted := found.with_status("deleted") & truth.keys():
        wrong.append(f"{len(deleted)} stones still exist and were deleted, such as {min(deleted)}")
    prices = {i for i in unchanged & found.active if found.diamonds[i].supplier_cents != truth[i]["price"]}
    if prices:
        wrong.append(f"{len(prices)} unchanged stones have another price, such as {min(prices)}")
    return wrong


def main(
    stones: Annotated[int, typer.Option(min=500, max=500_000)] = 50_000,
    per_second: Annotated[float, typer.Option(min=0.1, help="Changes of the feed while it is read.")] = 20.0,
    rounds: Annotated[int, typer.Option(min=1)] = 10,
    seed: int = 1,
) -> None:
    """Read a changing feed repeatedly."""

    async def command() -> int:
        bad = 0
        async with open_site(Options(stones=stones, seed=seed, settings=_LARGE)) as site:
            for number in range(rounds):
                await site.reset()
                wrong = await drifting(site, per_second=per_second, seed=seed + 10 * number)
                bad += bool(wrong)
                typer.echo(f"round {number + 1} of {rounds}: {'; '.join(wrong) or 'all equal'}")
        return bad

    if asyncio.run(command()):
        raise typer.Exit(1)


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    app.command()(main)
    app()
