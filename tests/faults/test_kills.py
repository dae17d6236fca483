"""Invariant 4, many times over: whoever is killed, wherever, the tables are those of an undisturbed run."""

import pytest

from tests.faults.campaign import Campaign
from tests.faults.kills import Reference
from tests.faults.site import Site

pytestmark = [pytest.mark.faults, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]

KILLS, PER_RUN = 15, 5


@pytest.mark.parametrize("seed", [1, 2])
async def test_invariant_04_kill_anywhere_and_the_tables_are_those_of_an_undisturbed_run(
    seed: int, reference: Reference, site: Site
) -> None:
    said: list[str] = []
    campaign = Campaign(site, reference, seed=seed, per_run=PER_RUN, say=said.append)
    result = await campaign.go(KILLS)
    assert result.clean, "\n".join([*said, *result.problems])
    assert result.kills >= KILLS
