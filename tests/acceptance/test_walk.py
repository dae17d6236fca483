"""Cursor paging through the inventory of a complete stack during syncs."""

import pytest

from tests.acceptance.walk import DIRECTIONS, open_stack, walk_everything
from tests.integration.api.test_graphql import SORTS

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(300)]


async def test_unchanged_stones_are_visited_once_during_syncs() -> None:
    async with open_stack(1500) as address:
        walked = await walk_everything(address)
    assert walked.walks % (len(SORTS) * len(DIRECTIONS) * 2) == 0
    assert walked.syncs > 1
    assert walked.moved > 0
    assert walked.stayed > 1000 * walked.walks
    assert (walked.missed, walked.repeated, walked.disagreed) == (0, 0, 0)
