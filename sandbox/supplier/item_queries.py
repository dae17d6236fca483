"""Item queries: counts, pages and single items, changed by the fault rules that fired."""

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.supplier import bad_values, search
from sandbox.supplier.accounts import Account
from sandbox.supplier.call import Call
from sandbox.supplier.completion import Completed, Path, Refused
from sandbox.supplier.documents import Projection, Selected
from sandbox.supplier.faults import Faults, Rule
from sandbox.supplier.identity import mix, ordinal_of
from sandbox.supplier.inventory import Inventory
from sandbox.supplier.payload import Item
from sandbox.supplier.search import Criteria, Order
from sandbox.supplier.trading import Trading
from sandbox.supplier.views import ViewRange

LARGEST_PAGE = 50
LARGEST_OFFSET = 50_000
_TOTAL_CAP = 10_000
_BAD_INPUT = "BAD_USER_INPUT"
_UNREADABLE: tuple[bad_values.Path, ...] = (
    *((*bad_values.CERTIFICATE, name) for name in ("lab", "polish", "symmetry", "color")),
    ("diamond", "availability"),
)
"""Fields in which an unknown enum value makes the item null."""

Arguments = Mapping[str, Any]


class ItemQueries:
    """Counts, pages and items of the feed for an account."""

    def __init__(self, inventory: Inventory, trading: Trading, faults: Faults) -> None:
        self._inventory = inventory
        self._trading = trading
        self._faults = faults

    def count(self, call: Call, arguments: Arguments) -> int:
        filters = self._criteria(call, arguments)
        count = self._inventory.search(filters).count
        stale, wrong = call.fired.rule_of("stale_count"), call.fired.rule_of("count_error")
        if stale is not None:
            count = self._faults.stale_count(stale, filters, count)
        return count if wrong is None else self._faults.wrong_count(wrong, count)

    def page(self, call: Call, arguments: Arguments, account: Account) -> "_Page":
        """Read a page of stones.

        Raises:
            Refused: limit, offset or a filter is not supported.
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
        if call.fired.rule_of("total_count"):
            total = self._faults.random.randrange(2 * total + 10)
        # The supplier's total_count is unreliable also without a fault: it is capped and 2 % too low.
        total = min(total - total // 50, _TOTAL_CAP)
        return _Page(self, call, account, total, self._ordinals(call, found, offset, limit))

    def by_id(self, call: Call, identity: str, field: Selected, account: Account) -> Any:
        """Read the item of a stone.

        Raises:
            Refused: the stone is not in the feed.
        """
        ordinal = None if "/" in identity else self._inventory.find(ordinal_of(identity))
        if ordinal is None:
            raise Refused("Diamond not found", "NOT_FOUND")
        return self.item(call, ordinal, account, call.operation.projection(field, call.operation.root, call.variables))

    def _criteria(self, call: Call, arguments: Arguments) -> Criteria:
        exclusive = call.fired.rule_of("exclusive_ranges")
        ends = exclusive.ends if exclusive is not None else None
        try:
            return search.criteria(
                arguments.get("query") or {},
                exclusive_from=ends in {"both", "from"},
                exclusive_to=ends in {"both", "to"},
            )
        except ValueError as error:
            raise Refused(str(error), _BAD_INPUT) from error

    def _ordinals(self, call: Call, found: ViewRange, offset: int, limit: int) -> list[int]:
        fired = call.fired
        early = fired.rule_of("early_end")
        if early is not None:
            limit = max(0, min(limit, found.count - early.stones - offset))
        if fired.rule_of("random_ties"):
            ordinals = found.page_with_random_ties(offset, limit, self._faults.random)
        else:
            ordinals = found.page(offset, limit)
        if fired.rule_of("repeat") and ordinals:
            start = max(offset - LARGEST_PAGE, 0)
            ordinals = self._faults.repeat(ordinals, found.page(start, offset - start), limit)
        if fired.rule_of("duplicate"):
            ordinals = self._faults.duplicate(ordinals)
        return self._faults.omit(ordinals) if fired.rule_of("omit") else ordinals

    # Items

    def items(self, call: Call, ordinals: Sequence[int], account: Account, projection: Projection) -> Any:
        """Items of a page for value completion."""
        rule = call.fired.rule_of("bad_data")
        if rule is not None:
            return self._items_with_bad_data(call, rule, ordinals, account, projection)
        return [self.item(call, ordinal, account, projection) for ordinal in ordinals]

    def item(self, call: Call, ordinal: int, account: Account, projection: Projection) -> Any:
        """An item for value completion: projected if its values are valid in the schema, otherwise its stored values."""
        item, special = self.stored_item(ordinal, account)
        for rule in call.fired.response_rules:
            if rule.kind == "null_items" and self._faults.affects_stone(rule, ordinal):
                bad_values.override(item, _null_overrides(rule, item, ordinal))
                special = True
            elif rule.kind == "big_comments" and self._faults.affects_stone(rule, ordinal):
                bad_values.override(item, bad_values.certificate(comments="x" * rule.bytes))
            elif rule.kind == "labgrown" and self._faults.affects_stone(rule, ordinal):
                shown = self._with_wrong_origin(rule, item)
                return Completed(projection.raw(shown, shown))
        return item if special or not call.operation.served.plain else Completed(projection(item))

    def stored_item(self, ordinal: int, account: Account) -> tuple[Item, bool]:
        """Stored values of an item with the account's hold and order ids, and whether they may break the schema."""
        item, special = self._inventory.item(ordinal)
        if isinstance(item["diamond"], dict):
            item["diamond"]["HoldId"] = self._trading.hold_id(ordinal, account) or item["diamond"].get("HoldId")
            item["diamond"]["OrderItemId"] = self._trading.order_item_id(ordinal, account)
        return item, special

    def _with_wrong_origin(self, rule: Rule, item: Item) -> Item:
        """Set a wrong origin in an item: the opposite flag, or the rule's `shown` value."""
        diamond = item["diamond"] if isinstance(item["diamond"], dict) else {}
        certificate = diamond.get("certificate")
        flag = isinstance(certificate, dict) and certificate.get("labgrown") is True
        bad_values.override(item, bad_values.certificate(labgrown=not flag if rule.shown is None else rule.shown))
        return item

    def _items_with_bad_data(
        self, call: Call, rule: Rule, ordinals: Sequence[int], account: Account, projection: Projection
    ) -> Any:
        variant = self._faults.variant(rule)
        if variant == "null":
            return None
        if variant == "odd":
            return Completed("[object Object]")
        hit = self._faults.random.randrange(len(ordinals)) if ordinals else 0
        items = []
        for place, ordinal in enumerate(ordinals):
            item, special = self.stored_item(ordinal, account)
            if variant == "unknown_field" and not special:
                item["rapnet_listed"] = {"since": None, "tags": ["new"]}
            elif variant != "unknown_field" and place == hit:
                item = self._inventory.clean_item(ordinal)
                self._faults.corrupt(item, usable=variant == "usable")
            else:
                items.append(self.item(call, ordinal, account, projection))
                continue
            items.append(Completed(projection.raw(item, self._inventory.clean_item(ordinal))))
        return items


class _Page:
    """Resolver of `DiamondList`."""

    def __init__(self, queries: ItemQueries, call: Call, account: Account, total: int, ordinals: Sequence[int]) -> None:
        self._queries = queries
        self._call = call
        self._account = account
        self._total = total
        self._ordinals = ordinals

    def resolve(self, name: str, _arguments: Arguments, field: Selected, _path: Path) -> Any:
        if name == "total_count":
            return self._total
        operation = self._call.operation
        projection = operation.projection(field, operation.served.object_type("DiamondList"), self._call.variables)
        return self._queries.items(self._call, self._ordinals, self._account, projection)


def _null_overrides(rule: Rule, item: Item, ordinal: int) -> bad_values.Overrides:
    """Overrides that make an item null: with every selection, or only with a selection of the field in question."""
    if not rule.fewer_fields:
        return {(name,): None for name in item}
    path = _UNREADABLE[mix(ordinal) % len(_UNREADABLE)]
    return {path: "UNKNOWN_VALUE"}
