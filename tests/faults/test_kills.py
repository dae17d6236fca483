"""Invariant 4: after kills of any process at any point, the tables equal those of an undisturbed run."""

import pytest

from tests.faults.campaign import Campaign
from tests.faults.kills import Reference
from tests.faults.site import Site

pytestmark = [pytest.mark.faults, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]

KILLS, PER_RUN = 15, 5


@pytest.mark.parametrize("seed", [1, 2])
async def test_invariant_04_tables_equal_undisturbed_run_after_kills(
    seed: int, reference: Reference, site: Site
) -> None:
    said: list[str] = []
    campaign = Campaign(site, reference, seed=seed, per_run=PER_RUN, say=said.append)
    result = await campaign.go(KILLS)
    assert result.clean, "\n".join([*said, *result.problems])
    assert result.kills >= KILLS
