"""Counts, pages and single items, and the faults that spoil them."""

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.supplier import bad_values, search
from sandbox.supplier.accounts import Account
from sandbox.supplier.call import Call
from sandbox.supplier.completion import Path, Ready, Refused
from sandbox.supplier.documents import Projection, Selected
from sandbox.supplier.faults import Faults, Rule
from sandbox.supplier.identity import mix, ordinal_of
from sandbox.supplier.inventory import Inventory
from sandbox.supplier.payload import Item
from sandbox.supplier.search import Criteria, Order
from sandbox.supplier.trading import Trading
from sandbox.supplier.views import Found

LARGEST_PAGE = 50
LARGEST_OFFSET = 50_000
_TOTAL_CAP = 10_000
_BAD_INPUT = "BAD_USER_INPUT"
_UNREADABLE: tuple[bad_values.Path, ...] = (
    *((*bad_values.CERTIFICATE, name) for name in ("lab", "polish", "symmetry", "color")),
    ("diamond", "availability"),
)
"""Fields whose enum value can make an item null."""

Arguments = Mapping[str, Any]


class Reading:
    """Answers queries about stones."""

    def __init__(self, inventory: Inventory, trading: Trading, faults: Faults) -> None:
        self._inventory = inventory
        self._trading = trading
        self._faults = faults

    def count(self, call: Call, arguments: Arguments) -> int:
        wanted = self._criteria(call, arguments)
        count = self._inventory.search(wanted).count
        stale, wrong = call.struck.spoils("stale_count"), call.struck.spoils("count_error")
        if stale is not None:
            count = self._faults.stale_count(stale, wanted, count)
        return count if wrong is None else self._faults.wrong_count(wrong, count)

    def page(self, call: Call, arguments: Arguments, account: Account) -> "_Page":
        """A page of stones.

        Raises:
            Refused: the page or the query can't be answered.
        """
        limit, offset = arguments.get("limit"), arguments.get("offset") or 0
        limit = LARGEST_PAGE if limit is None else limit
        if not 0 <= limit <= LARGEST_PAGE:
            raise Refused(f"limit must not be greater than {LARGEST_PAGE}", _BAD_INPUT)
        if not 0 <= offset <= LARGEST_OFFSET:
            raise Refused(f"offset must not be greater than {LARGEST_OFFSET}", _BAD_INPUT)
        given = arguments.get("order")
        order = Order(given["type"], given["direction"] == "DESC") if given else Order()
        found = self._inventory.search(self._criteria(call, arguments), order)
        total = found.count
        if call.struck.spoils("total_count"):
            total = self._faults.random.randrange(2 * total + 10)
        # Not to be trusted on a good day either: it stops counting early and is always a little behind.
        total = min(total - total // 50, _TOTAL_CAP)
        return _Page(self, call, account, total, self._ordinals(call, found, offset, limit))

    def by_id(self, call: Call, identity: str, field: Selected, account: Account) -> Any:
        """The item of a stone.

        Raises:
            Refused: the feed has no such stone.
        """
        ordinal = None if "/" in identity else self._inventory.find(ordinal_of(identity))
        if ordinal is None:
            raise Refused("Diamond not found", "NOT_FOUND")
        return self.item(call, ordinal, account, call.operation.projection(field, call.operation.root, call.variables))

    def _criteria(self, call: Call, arguments: Arguments) -> Criteria:
        exclusive = call.struck.spoils("exclusive_ranges")
        ends = exclusive.ends if exclusive is not None else None
        try:
            return search.criteria(
                arguments.get("query") or {},
                exclusive_from=ends in {"both", "from"},
                exclusive_to=ends in {"both", "to"},
            )
        except ValueError as error:
            raise Refused(str(error), _BAD_INPUT) from error

    def _ordinals(self, call: Call, found: Found, offset: int, limit: int) -> list[int]:
        struck = call.struck
        early = struck.spoils("early_end")
        if early is not None:
            limit = max(0, min(limit, found.count - early.stones - offset))
        if struck.spoils("random_ties"):
            ordinals = found.page_with_random_ties(offset, limit, self._faults.random)
        else:
            ordinals = found.page(offset, limit)
        if struck.spoils("repeat") and ordinals:
            start = max(offset - LARGEST_PAGE, 0)
            ordinals = self._faults.repeat(ordinals, found.page(start, offset - start), limit)
        if struck.spoils("duplicate"):
            ordinals = self._faults.duplicate(ordinals)
        return self._faults.omit(ordinals) if struck.spoils("omit") else ordinals

    # Items

    def items(self, call: Call, ordinals: Sequence[int], account: Account, projection: Projection) -> Any:
        """The items of a page, for completion."""
        rule = call.struck.spoils("bad_data")
        if rule is not None:
            return self._dirty_items(call, rule, ordinals, account, projection)
        return [self.item(call, ordinal, account, projection) for ordinal in ordinals]

    def item(self, call: Call, ordinal: int, account: Account, projection: Projection) -> Any:
        """An item for completion: ready where nothing can be wrong with it, else its stored values."""
        item, special = self.stored_item(ordinal, account)
        for rule in call.struck.spoilers:
            if rule.kind == "null_items" and self._faults.hits(rule, ordinal):
                bad_values.override(item, _nulling(rule, item, ordinal))
                special = True
            elif rule.kind == "big_comments" and self._faults.hits(rule, ordinal):
                bad_values.override(item, bad_values.certificate(comments="x" * rule.bytes))
            elif rule.kind == "labgrown" and self._faults.hits(rule, ordinal):
                shown = self._mislabelled(rule, item)
                return Ready(projection.raw(shown, shown))
        return item if special or not call.operation.served.plain else Ready(projection(item))

    def stored_item(self, ordinal: int, account: Account) -> tuple[Item, bool]:
        """The stored values of an item as this account sees them, and whether they may break the schema."""
        item, special = self._inventory.item(ordinal)
        if isinstance(item["diamond"], dict):
            item["diamond"]["HoldId"] = self._trading.hold_id(ordinal, account) or item["diamond"].get("HoldId")
            item["diamond"]["OrderItemId"] = self._trading.order_item_id(ordinal, account)
        return item, special

    def _mislabelled(self, rule: Rule, item: Item) -> Item:
        """The item with another origin than its own; a text may stand for the flag."""
        diamond = item["diamond"] if isinstance(item["diamond"], dict) else {}
        certificate = diamond.get("certificate")
        flag = isinstance(certificate, dict) and certificate.get("labgrown") is True
        bad_values.override(item, bad_values.certificate(labgrown=not flag if rule.shown is None else rule.shown))
        return item

    def _dirty_items(
        self, call: Call, rule: Rule, ordinals: Sequence[int], account: Account, projection: Projection
    ) -> Any:
        variant = self._faults.variant(rule)
        if variant == "null":
            return None
        if variant == "odd":
            return Ready("[object Object]")
        hit = self._faults.random.randrange(len(ordinals)) if ordinals else 0
        items = []
        for place, ordinal in enumerate(ordinals):
            item, special = self.stored_item(ordinal, account)
            if variant == "unknown_field" and not special:
                item["rapnet_listed"] = {"since": None, "tags": ["new"]}
            elif variant != "unknown_field" and place == hit:
                item = self._inventory.clean_item(ordinal)
                self._faults.smear(item, usable=variant == "usable")
            else:
                items.append(self.item(call, ordinal, account, projection))
                continue
            items.append(Ready(projection.raw(item, self._inventory.clean_item(ordinal))))
        return items


class _Page:
    """`DiamondList`."""

    def __init__(self, reading: Reading, call: Call, account: Account, total: int, ordinals: Sequence[int]) -> None:
        self._reading = reading
        self._call = call
        self._account = account
        self._total = total
        self._ordinals = ordinals

    def resolve(self, name: str, _arguments: Arguments, field: Selected, _path: Path) -> Any:
        if name == "total_count":
            return self._total
        operation = self._call.operation
        projection = operation.projection(field, operation.served.object_type("DiamondList"), self._call.variables)
        return self._reading.items(self._call, self._ordinals, self._account, projection)


def _nulling(rule: Rule, item: Item, ordinal: int) -> bad_values.Overrides:
    """What makes an item null: with every selection, or with every one that has the field with an unknown value."""
    if not rule.fewer_fields:
        return {(name,): None for name in item}
    path = _UNREADABLE[mix(ordinal) % len(_UNREADABLE)]
    return {path: "UNKNOWN_VALUE"}
