"""`make faults`: kill the pipeline's processes repeatedly, and compare the result with an undisturbed run.

Exit code 0 if nothing was lost, duplicated, priced wrongly or left hanging, 1 otherwise.
"""

import asyncio
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from tests.faults.campaign import Campaign, Result, Unsettle, reference_run
from tests.faults.fault_injection import unsettling
from tests.faults.options import Options
from tests.faults.site import open_site

_START_SECONDS = 600
_KILL_SECONDS = 60


def main(
    kills: Annotated[int, typer.Option(min=1, help="How many processes are killed, at least.")] = 500,
    seed: Annotated[int, typer.Option(help="Chooses the points and moments.")] = 1,
    json: Annotated[Path | None, typer.Option(help="Where the figures go.")] = None,
    stones: Annotated[int, typer.Option(min=500, max=100_000, help="The size of the feed.")] = 2500,
    feed: Annotated[int, typer.Option(help="The seed of the feed.")] = 1,
    per_run: Annotated[int, typer.Option(min=1, max=20, help="How many kills a run has to bear.")] = 4,
    supplier_faults: Annotated[float, typer.Option(min=0, max=0.5, help="Share of calls that fail besides.")] = 0.0,
    message_faults: Annotated[bool, typer.Option(help="Messages come twice, late and out of order besides.")] = False,
) -> None:
    """Kill scheduler, workers, consolidator and reconciler at named points and random moments."""
    unsettle = unsettling(seed, supplier_faults, messages=message_faults)
    result = asyncio.run(_campaign(Options(stones=stones, seed=feed), kills, seed, per_run, unsettle))
    for problem in result.problems:
        typer.echo(problem, err=True)
    typer.echo(
        f"{result.kills} kills in {result.runs} runs, {result.seconds:g} s: {result.lost} lost, "
        f"{result.duplicated} duplicated, {result.wrong_price} with a wrong price, {result.hung} hung, "
        f"{len(result.problems)} problems."
    )
    if json is not None:
        json.write_bytes(msgspec.json.format(msgspec.json.encode(result)) + b"\n")
    if not result.clean:
        raise typer.Exit(1)


async def _campaign(options: Options, kills: int, seed: int, per_run: int, unsettle: Unsettle | None) -> Result:
    async with open_site(options) as site:
        reference = await reference_run(site)
        campaign = Campaign(site, reference, seed=seed, per_run=per_run, say=typer.echo, unsettle=unsettle)
        try:
            # Every wait below has its own limit. This one covers the waits without a limit.
            async with asyncio.timeout(_START_SECONDS + kills * _KILL_SECONDS):
                return await campaign.go(kills)
        except TimeoutError:
            campaign.result.hung += 1
            return campaign.result


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    app.command()(main)
    app()
