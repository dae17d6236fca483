"""Single item reader with `get_diamond_by_id`, for a schema without a filter by ids."""

import re
from collections.abc import Sequence
from typing import Literal

from inventory.suppliers.nivoda import null_items
from inventory.suppliers.nivoda.client import NivodaClient
from inventory.suppliers.nivoda.documents import ITEM
from inventory.suppliers.nivoda.error_entries import ErrorEntry
from inventory.suppliers.nivoda.errors import AnswerTooLarge, is_unshowable
from inventory.suppliers.nivoda.mapping import observe
from inventory.suppliers.nivoda.null_items import Shown
from inventory.suppliers.ports import ObservedItem

_NO_SUCH = re.compile(
    r"not found|no such|(?:does not|doesn't|not) exist|unknown|no (?:diamond|stone|item)|could not find|couldn't find"
    r"|\binvalid (?:diamond_?)?id\b",
    re.IGNORECASE,
)


class SingleItems:
    """Reads single items."""

    def __init__(self, client: NivodaClient) -> None:
        self._client = client

    async def read(self, stone_id: str) -> ObservedItem | Literal["absent", "unclear"]:
        """Read an item. An item that the supplier cannot show has the reason as its problem.

        `absent`: the supplier reports that it has no such stone. `unclear`: its answer does not determine it.

        Raises:
            SupplierError: as `NivodaClient.call`.
        """
        try:
            answer = await self._client.call(ITEM, {"stone": stone_id})
        except AnswerTooLarge:
            return "unclear"
        item = bytes(answer.account.get_diamond_by_id)
        if item != null_items.NULL:
            found = observe(item)
            return found if found.supplier_stone_id == stone_id else "unclear"
        if unshowable := [entry for entry in answer.errors if is_unshowable(entry)]:
            shown = Shown(diamond=null_items.ShownStone(stone_id))
            return observe(null_items.payload(shown, unshowable[0]))
        if says_absent(answer.errors):
            return "absent"
        return "unclear"


def says_absent(errors: Sequence[ErrorEntry]) -> bool:
    """Whether the errors of a null item report that the supplier has no such stone. A null without errors does, too."""
    return all(_NO_SUCH.search(entry.message or entry.code) for entry in errors)
