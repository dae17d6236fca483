"""Walking the inventory of a whole stack by cursor while its syncs run."""

import pytest

from tests.acceptance.walk import DIRECTIONS, stack, walk_everything
from tests.integration.api.test_graphql import SORTS

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(300)]


async def test_no_stone_that_stays_is_missed_or_repeated_while_syncs_run() -> None:
    async with stack(1500) as address:
        walked = await walk_everything(address)
    assert walked.walks == len(SORTS) * len(DIRECTIONS) * 2
    assert walked.syncs > 1
    assert walked.moved > 0
    assert walked.stayed > 1000 * walked.walks
    assert (walked.missed, walked.repeated, walked.disagreed) == (0, 0, 0)
