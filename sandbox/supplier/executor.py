"""GraphQL executor: root resolvers with their access checks, and the types for sessions, holds, orders and locations."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

import msgspec
from graphql import DocumentNode, OperationDefinitionNode, OperationType, SelectionSetNode, execute_sync

from sandbox.supplier.accounts import Account, Accounts, Login
from sandbox.supplier.behaviour import Behaviour, BehaviourHolder
from sandbox.supplier.call import Call
from sandbox.supplier.call_log import CallLog
from sandbox.supplier.completion import Completed, Path, Refused
from sandbox.supplier.documents import Selected
from sandbox.supplier.faults import Faults
from sandbox.supplier.identity import mix
from sandbox.supplier.inventory import Inventory
from sandbox.supplier.item_queries import ItemQueries
from sandbox.supplier.locations import Locations
from sandbox.supplier.trading import Hold, OrderItem, Trading

UNAUTHORIZED = "Unauthorized: invalid or expired token"
UNAUTHENTICATED = "UNAUTHENTICATED"
_NO_PRO = "This account has no Pro access: holds and orders are not enabled"

Arguments = Mapping[str, Any]


class Executor:
    """Executes calls over the inventory, the accounts, and the holds and orders."""

    def __init__(
        self,
        inventory: Inventory,
        accounts: Accounts,
        trading: Trading,
        faults: Faults,
        calls: CallLog,
        behaviour: BehaviourHolder,
    ) -> None:
        self.accounts = accounts
        self.trading = trading
        self.calls = calls
        self.locations = Locations()
        self.item_queries = ItemQueries(inventory, trading, faults)
        self._behaviour = behaviour

    @property
    def behaviour(self) -> Behaviour:
        return self._behaviour.now

    def execute(self, call: Call) -> dict[str, Any]:
        """Execute a call and return the response body: `data`, and `errors` if there are any."""
        self.trading.expire()
        data = call.completion.data(_Root(self, call))
        if call.fired.rule_of("errors") is not None:
            call.errors.append({"message": "Internal server error", "extensions": {"code": "INTERNAL"}})
        return {"errors": call.errors, "data": data} if call.errors else {"data": data}


class _Root:
    """Resolver of `Query` and `Mutation`, at the top level or inside `as(token)`."""

    def __init__(self, executor: Executor, call: Call, account: Account | None = None) -> None:
        self._executor = executor
        self._call = call
        self._account = account
        self._fields: Mapping[str, Callable[[Arguments, Selected], Any]] = {
            "diamonds_by_query_count": lambda arguments, _: self._item_queries.count(self._call, arguments),
            "diamonds_by_query": self._page,
            "get_diamond_by_id": self._by_id,
            "create_hold": self._create_hold,
            "cancel_hold": self._cancel_hold,
            "create_order": self._create_order,
            "create_location": self._create_location,
            "update_location": self._update_location,
            "delete_location": self._delete_location,
        }

    def resolve(self, name: str, arguments: Arguments, field: Selected, _path: Path) -> Any:
        if name in {"__schema", "__type"}:
            return Completed(_introspect(self._call, field))
        if name == "as":
            return _Root(self._executor, self._call, self._account_of(arguments.get("token") or self._call.bearer))
        if name == "authenticate":
            return _Authentication(self._executor)
        if self._account is None:
            self._account = self._account_of(self._call.bearer)
        return self._fields[name](arguments, field)

    @property
    def _item_queries(self) -> ItemQueries:
        return self._executor.item_queries

    def _account_of(self, token: str | None) -> Account:
        account = None if token is None else self._executor.accounts.account_of(token)
        if account is not None:
            return account
        self._call.unauthorized = True
        terminal = self._call.fired.terminal
        if terminal is not None and terminal.kind == "token":
            entry = terminal.entry
            raise Refused(entry["message"], entry["extensions"]["code"])
        raise Refused(UNAUTHORIZED, UNAUTHENTICATED)

    @property
    def _signed_in_account(self) -> Account:
        if self._account is None:
            raise Refused(UNAUTHORIZED, UNAUTHENTICATED)
        return self._account

    def _page(self, arguments: Arguments, _field: Selected) -> Any:
        return self._item_queries.page(self._call, arguments, self._signed_in_account)

    def _by_id(self, arguments: Arguments, field: Selected) -> Any:
        return self._item_queries.by_id(self._call, arguments["diamond_id"], field, self._signed_in_account)

    # Trading

    def _pro_account(self) -> Account:
        if not self._signed_in_account.pro:
            raise Refused(_NO_PRO, "FORBIDDEN")
        return self._signed_in_account

    def _create_hold(self, arguments: Arguments, _field: Selected) -> Any:
        account = self._pro_account()
        if arguments["ProductType"] != "Diamond":
            raise Refused("The simulator holds diamonds only")
        hold = self._executor.trading.create_hold(arguments["ProductId"], account)
        shown = denied_hold_value() if hold is None else hold_value(self._executor, hold, account)
        self._record_trade("create_hold", account, arguments, shown)
        return shown

    def _cancel_hold(self, arguments: Arguments, _field: Selected) -> Any:
        account = self._pro_account()
        try:
            hold = self._executor.trading.cancel_hold(arguments["hold_id"], account)
        except Refused as error:
            self._executor.calls.record_trade(
                "cancel_hold", account.username, dict(arguments), {"refused": error.message}
            )
            raise
        shown = hold_value(self._executor, hold, account)
        self._record_trade("cancel_hold", account, arguments, shown)
        return shown

    def _create_order(self, arguments: Arguments, _field: Selected) -> Any:
        account = self._pro_account()
        null_order = self._call.fired.rule_of("null_order")
        if null_order is not None and not null_order.executed:
            return None
        items = [msgspec.convert(item, OrderItem) for item in arguments["items"]]
        try:
            for item in items:
                self._check_destination(item.destination_id, account)
            order = self._executor.trading.create_order(items, account)
        except Refused as error:
            self._executor.calls.record_trade(
                "create_order", account.username, dict(arguments), {"refused": error.message}
            )
            raise
        answer = {"id": str(order.id), "return_options": [item.returnable for item in order.items]}
        self._executor.calls.record_trade("create_order", account.username, dict(arguments), answer)
        return None if null_order else str(order.id)

    def _check_destination(self, destination: str | None, account: Account) -> None:
        if destination is None or not self._executor.behaviour.known_destinations:
            return
        if not self._executor.locations.exists(account.username, destination):
            raise Refused("Destination not found")

    def _record_trade(self, operation: str, account: Account, arguments: Arguments, shown: Mapping[str, Any]) -> None:
        answer = {name: shown[name] for name in ("id", "denied", "until")}
        self._executor.calls.record_trade(operation, account.username, dict(arguments), answer)

    # Locations

    def _create_location(self, arguments: Arguments, _field: Selected) -> Any:
        return self._executor.locations.create(self._signed_in_account.username, _location(arguments["location"]))

    def _update_location(self, arguments: Arguments, _field: Selected) -> Any:
        fields = _location(arguments.get("location") or {})
        return self._executor.locations.update(self._signed_in_account.username, arguments["id"], fields)

    def _delete_location(self, arguments: Arguments, _field: Selected) -> Any:
        return self._executor.locations.delete(self._signed_in_account.username, arguments["id"])


class _Authentication:
    """Resolver of `Authenticate`: start a session with a password or a refresh token."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def resolve(self, name: str, arguments: Arguments, _field: Selected, _path: Path) -> Any:
        if name == "refresh_token":
            login = self._executor.accounts.refresh(arguments["refresh_token"])
        else:
            login = self._executor.accounts.log_in(arguments["username"], arguments["password"])
        if login is None:
            wrong = "Invalid refresh token" if name == "refresh_token" else "Wrong username or password"
            raise Refused(wrong, UNAUTHENTICATED)
        return {
            "token": login.token,
            "expires": self._expires(login),
            "refresh_token": login.refresh_token,
            "user": _User(self._executor, login.account),
        }

    def _expires(self, login: Login) -> float:
        if self._executor.behaviour.expires == "milliseconds":
            return _milliseconds(login.ends)
        return self._executor.accounts.lifetime.total_seconds()


class _User:
    """Resolver of `User`: the holds and locations of an account."""

    def __init__(self, executor: Executor, account: Account) -> None:
        self._executor = executor
        self._account = account

    def resolve(self, name: str, _arguments: Arguments, _field: Selected, _path: Path) -> Any:
        identity = f"{mix(int.from_bytes(self._account.username.encode(), 'big') & (1 << 64) - 1):016x}"
        match name:
            case "id":
                return identity
            case "holds":
                return [hold_value(self._executor, hold, self._account) for hold in self._holds()]
            case "holds_count":
                return len(self._holds())
        locations = self._executor.locations.of(self._account.username)
        related = [{"location": location, "type": "OWNER"} for location in locations]
        match name:
            case "default_location":
                return related[0] if related else None
            case "locations":
                return related
            case _:
                return {"id": identity[:8], "name": self._account.username, "locations": locations}

    def _holds(self) -> list[Hold]:
        return self._executor.trading.holds_of(self._account)


def hold_value(executor: Executor, hold: Hold, account: Account) -> dict[str, Any]:
    """Convert a granted hold to the schema's `Hold`."""
    behaviour = executor.behaviour
    until = _milliseconds(hold.until)
    return {
        "id": str(hold.id),
        "diamond": executor.item_queries.stored_item(hold.ordinal, account)[0]["diamond"],
        "ProductType": "Diamond",
        "denied": behaviour.granted_denied,
        "until": until if behaviour.until == "milliseconds" else until / 1000,
        "extension_status": hold.extension_status,
        "request_date": hold.requested.isoformat(),
    }


def denied_hold_value() -> dict[str, Any]:
    return {"id": str(uuid4()), "diamond": None, "ProductType": "Diamond", "denied": True, "until": None}


def _location(given: Arguments) -> dict[str, Any]:
    names = ("country", "name", "address1", "address2", "postalCode", "city", "state")
    return {name: given[name] for name in names if given.get(name) is not None}


def _milliseconds(instant: datetime) -> float:
    return float(round(instant.timestamp() * 1000))


def _introspect(call: Call, field: Selected) -> Any:
    """Resolve `__schema` or `__type` with graphql-core."""
    operation = call.operation.node
    alone = OperationDefinitionNode(
        operation=OperationType.QUERY,
        selection_set=SelectionSetNode(selections=tuple(field.nodes)),
        variable_definitions=operation.variable_definitions,
    )
    others = [node for node in call.operation.document.definitions if not isinstance(node, OperationDefinitionNode)]
    document = DocumentNode(definitions=(alone, *others))
    result = execute_sync(call.operation.schema, document, variable_values=call.given)
    if result.data is None:
        raise Refused("; ".join(error.message for error in result.errors or ()))
    return result.data[field.key]
