"""Answers to operations: who may ask what, field by field, errors beside data as a GraphQL server gives them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from graphql import GraphQLError, GraphQLObjectType, VariableValues, get_argument_values, get_named_type

from sandbox.supplier import search
from sandbox.supplier.accounts import Account, Accounts
from sandbox.supplier.calls import Calls
from sandbox.supplier.documents import Operation, Projection, Selected
from sandbox.supplier.faults import NOTHING, Faults, Rule
from sandbox.supplier.identity import ordinal_of
from sandbox.supplier.inventory import Inventory
from sandbox.supplier.search import Order
from sandbox.supplier.trading import OrderItem, Refused, Trading

_LARGEST_PAGE = 50
_DEFAULT_PAGE = 50
_TOTAL_CAP = 10_000
UNAUTHORIZED = "Unauthorized: invalid or expired token"


class Call:
    """One request on its way: whose it is, what went wrong on purpose, what went wrong."""

    def __init__(self, operation: Operation, variables: VariableValues, bearer: str | None) -> None:
        self.operation = operation
        self.variables = variables
        self.bearer = bearer
        self.struck = NOTHING
        self.errors: list[dict[str, Any]] = []

    def below(self, selected: Selected) -> list[Selected]:
        return self.operation.below(selected, self.variables)

    def roots(self) -> list[Selected]:
        return self.operation.select([self.operation.node.selection_set], self.variables)

    def names(self) -> list[str]:
        """What is asked for: the roots, and what `as` wraps."""
        names: list[str] = []
        for root in self.roots():
            names += [field.name for field in self.below(root)] if root.name == "as" else [root.name]
        return names

    def tokens(self) -> list[str]:
        """The tokens that the call carries."""
        wrapped = [self.arguments(root, self.operation.root)["token"] for root in self.roots() if root.name == "as"]
        return wrapped + ([self.bearer] if self.bearer else [])

    def arguments(self, selected: Selected, parent: GraphQLObjectType) -> dict[str, Any]:
        return get_argument_values(parent.fields[selected.name], selected.nodes[0], self.variables)


class Answers:
    """Answers calls from the inventory, the accounts and the trading book."""

    def __init__(
        self, inventory: Inventory, accounts: Accounts, trading: Trading, faults: Faults, calls: Calls
    ) -> None:
        self._inventory = inventory
        self._accounts = accounts
        self._trading = trading
        self._faults = faults
        self._calls = calls

    def answer(self, call: Call) -> dict[str, Any]:
        """The body of the answer: `data`, and `errors` if there are any."""
        self._trading.expire()
        data = self._fields(call, call.roots(), call.operation.root, None, ())
        if call.struck.spoils("errors") is not None:
            call.errors.append({"message": "Internal server error", "extensions": {"code": "INTERNAL"}})
        return {"errors": call.errors, "data": data} if call.errors else {"data": data}

    def _fields(
        self,
        call: Call,
        fields: Sequence[Selected],
        parent: GraphQLObjectType,
        account: Account | None,
        path: tuple[str, ...],
    ) -> dict[str, Any]:
        answers: dict[str, Any] = {}
        for field in fields:
            place = (*path, field.key)
            try:
                answers[field.key] = self._field(call, field, parent, account, place)
            except (Refused, GraphQLError) as error:
                message = error.message if isinstance(error, GraphQLError) else str(error)
                call.errors.append({"message": message, "path": list(place)})
                answers[field.key] = None
        return answers

    def _field(
        self, call: Call, field: Selected, parent: GraphQLObjectType, account: Account | None, path: tuple[str, ...]
    ) -> Any:
        if field.name.startswith("__"):
            return _meta(field, parent)
        arguments = call.arguments(field, parent)
        if field.name in {"as", "authenticate"}:
            account = self._holder(arguments["token"]) if field.name == "as" else None
            return self._fields(call, call.below(field), _type_of(field, parent), account, path)
        if field.name == "username_and_password":
            token = self._accounts.log_in(arguments["username"], arguments["password"])
            if token is None:
                raise Refused("Wrong username or password")
            return call.operation.projection(field, parent, call.variables)({"token": token})
        return self._data(call, field, parent, arguments, account or self._holder(call.bearer))

    def _data(
        self,
        call: Call,
        field: Selected,
        parent: GraphQLObjectType,
        arguments: dict[str, Any],
        account: Account,
    ) -> Any:
        if field.name == "diamonds_by_query_count":
            return self._inventory.search(_criteria(arguments)).count
        if field.name == "diamonds_by_query":
            return self._page(call, field, parent, arguments, account)
        if field.name == "create_order":
            return self._order(arguments, account)
        projection = call.operation.projection(field, parent, call.variables)
        if field.name == "get_diamond_by_id":
            ordinal = self._inventory.find(ordinal_of(arguments["diamond_id"]))
            return None if ordinal is None else self._projected(ordinal, account, projection)
        return projection(self._hold(field.name, arguments, account))

    def _holder(self, token: str | None) -> Account:
        account = None if token is None else self._accounts.holder(token)
        if account is None:
            raise Refused(UNAUTHORIZED)
        return account

    # Reading

    def _page(
        self, call: Call, field: Selected, parent: GraphQLObjectType, arguments: Mapping[str, Any], account: Account
    ) -> Any:
        limit, offset = arguments.get("limit"), arguments.get("offset") or 0
        limit = _DEFAULT_PAGE if limit is None else limit
        if not 0 <= limit <= _LARGEST_PAGE:
            raise Refused(f"limit must lie between 0 and {_LARGEST_PAGE}")
        if offset < 0:
            raise Refused("offset must not be negative")
        order = arguments.get("order")
        found = self._inventory.search(
            _criteria(arguments),
            Order(order["type"], (order.get("direction") or "ASC") == "DESC") if order else Order(),
        )
        ordinals = found.page(offset, limit)
        if call.struck.spoils("repeat") and ordinals:
            start = max(offset - _LARGEST_PAGE, 0)
            ordinals = self._faults.repeat(ordinals, found.page(start, offset - start), limit)
        total = found.count
        if call.struck.spoils("total_count"):
            total = self._faults.random.randrange(2 * total + 10)
        # Not to be trusted on a good day either: it stops counting early and is always a little behind.
        page: dict[str, Any] = {"__typename": "DiamondPage", "total_count": min(total - total // 50, _TOTAL_CAP)}
        answers: dict[str, Any] = {}
        for part in call.below(field):
            if part.name == "items":
                projection = call.operation.projection(part, _type_of(field, parent), call.variables)
                answers[part.key] = self._items(call, ordinals, account, projection)
            else:
                answers[part.key] = page[part.name]
        return answers

    def _items(self, call: Call, ordinals: Sequence[int], account: Account, projection: Projection) -> Any:
        rule = call.struck.spoils("dirt")
        if rule is not None:
            return self._dirty_items(rule, ordinals, account, projection)
        return [self._projected(ordinal, account, projection) for ordinal in ordinals]

    def _dirty_items(self, rule: Rule, ordinals: Sequence[int], account: Account, projection: Projection) -> Any:
        variant = self._faults.variant(rule)
        if variant == "null":
            return None
        if variant == "odd":
            return "[object Object]"
        hit = self._faults.random.randrange(len(ordinals)) if ordinals else 0
        items = []
        for place, ordinal in enumerate(ordinals):
            item, _ = self._shown(ordinal, account)
            if variant == "unknown_field":
                item["rapnet_listed"] = {"since": None, "tags": ["new"]}
            elif place == hit:
                item = self._inventory.clean_item(ordinal)
                self._faults.smear(item, usable=variant == "usable")
            items.append(_raw(projection.raw(item, self._inventory.clean_item(ordinal))))
        return items

    def _projected(self, ordinal: int, account: Account, projection: Projection) -> Any:
        item, special = self._shown(ordinal, account)
        return _raw(projection.raw(item, self._inventory.clean_item(ordinal))) if special else projection(item)

    def _shown(self, ordinal: int, account: Account) -> tuple[dict[str, Any], bool]:
        item, special = self._inventory.item(ordinal)
        hold_id = self._trading.hold_id(ordinal, account)
        if hold_id is not None and isinstance(item["diamond"], dict):
            item["diamond"]["HoldId"] = hold_id
        return item, special

    # Trading

    def _hold(self, name: str, arguments: dict[str, Any], account: Account) -> dict[str, Any]:
        _need_pro(account)
        try:
            if name == "cancel_hold":
                answer: dict[str, Any] = {"id": str(self._trading.cancel_hold(arguments["hold_id"], account).id)}
            else:
                hold = self._trading.create_hold(arguments["ProductId"], account)
                answer = {
                    "id": None if hold is None else str(hold.id),
                    "denied": hold is None,
                    "until": None if hold is None else hold.until.isoformat(),
                }
        except Refused as error:
            self._calls.traded(name, account.username, arguments, {"refused": str(error)})
            raise
        self._calls.traded(name, account.username, arguments, dict(answer))
        return answer

    def _order(self, arguments: dict[str, Any], account: Account) -> str:
        _need_pro(account)
        items = [msgspec.convert(item, OrderItem) for item in arguments["items"]]
        try:
            order, returns = self._trading.create_order(items, account)
        except Refused as error:
            self._calls.traded("create_order", account.username, arguments, {"refused": str(error)})
            raise
        answer = {"id": str(order), "return_options": returns}
        self._calls.traded("create_order", account.username, arguments, answer)
        return str(order)


def _meta(field: Selected, parent: GraphQLObjectType) -> str:
    if field.name != "__typename":
        raise Refused("Introspection is not available")
    return parent.name


def _need_pro(account: Account) -> None:
    if not account.pro:
        raise Refused("This account has no Pro access: holds and orders are not enabled")


def _criteria(arguments: Mapping[str, Any]) -> search.Criteria:
    try:
        return search.criteria(arguments["query"])
    except ValueError as error:
        raise Refused(f"query.updated: {error}") from error


def _type_of(field: Selected, parent: GraphQLObjectType) -> GraphQLObjectType:
    kind = get_named_type(parent.fields[field.name].type)
    if not isinstance(kind, GraphQLObjectType):
        raise TypeError(f"{field.name} is no object")
    return kind


def _raw(item: Any) -> msgspec.Raw:
    # Only this writer lets through what msgspec rightly refuses: lone surrogates, integers beyond 64 bits.
    return msgspec.Raw(json.dumps(item).encode())
