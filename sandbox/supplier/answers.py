"""Root resolvers: who may ask what; sessions, holds, orders and locations as the schema shows them."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

import msgspec
from graphql import DocumentNode, OperationDefinitionNode, OperationType, SelectionSetNode, execute_sync

from sandbox.supplier.accounts import Account, Accounts, Login
from sandbox.supplier.behaviour import Behaviour, BehaviourHolder
from sandbox.supplier.call import Call
from sandbox.supplier.calls import Calls
from sandbox.supplier.completion import Path, Ready, Refused
from sandbox.supplier.documents import Selected
from sandbox.supplier.faults import Faults
from sandbox.supplier.identity import mix
from sandbox.supplier.inventory import Inventory
from sandbox.supplier.locations import Locations
from sandbox.supplier.pages import Reading
from sandbox.supplier.trading import Hold, OrderItem, Trading

UNAUTHORIZED = "Unauthorized: invalid or expired token"
UNAUTHENTICATED = "UNAUTHENTICATED"
_NO_PRO = "This account has no Pro access: holds and orders are not enabled"

Arguments = Mapping[str, Any]


class Answers:
    """Answers calls from the inventory, the accounts and the trading book."""

    def __init__(
        self,
        inventory: Inventory,
        accounts: Accounts,
        trading: Trading,
        faults: Faults,
        calls: Calls,
        behaviour: BehaviourHolder,
    ) -> None:
        self.accounts = accounts
        self.trading = trading
        self.calls = calls
        self.locations = Locations()
        self.reading = Reading(inventory, trading, faults)
        self._behaviour = behaviour

    @property
    def behaviour(self) -> Behaviour:
        return self._behaviour.now

    def answer(self, call: Call) -> dict[str, Any]:
        """The body of the answer: `data`, and `errors` if there are any."""
        self.trading.expire()
        data = call.completion.data(_Root(self, call))
        if call.struck.spoils("errors") is not None:
            call.errors.append({"message": "Internal server error", "extensions": {"code": "INTERNAL"}})
        return {"errors": call.errors, "data": data} if call.errors else {"data": data}


class _Root:
    """`Query` or `Mutation`, without a token or inside `as(token)`."""

    def __init__(self, answers: Answers, call: Call, account: Account | None = None) -> None:
        self._answers = answers
        self._call = call
        self._account = account
        self._resolvers: Mapping[str, Callable[[Arguments, Selected], Any]] = {
            "diamonds_by_query_count": lambda arguments, _: self._reading.count(self._call, arguments),
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
            return Ready(_introspect(self._call, field))
        if name == "as":
            return _Root(self._answers, self._call, self._holder(arguments.get("token") or self._call.bearer))
        if name == "authenticate":
            return _Authentication(self._answers)
        if self._account is None:
            self._account = self._holder(self._call.bearer)
        return self._resolvers[name](arguments, field)

    @property
    def _reading(self) -> Reading:
        return self._answers.reading

    def _holder(self, token: str | None) -> Account:
        account = None if token is None else self._answers.accounts.holder(token)
        if account is not None:
            return account
        self._call.unauthorized = True
        ending = self._call.struck.ending
        if ending is not None and ending.kind == "token":
            entry = ending.entry
            raise Refused(entry["message"], entry["extensions"]["code"])
        raise Refused(UNAUTHORIZED, UNAUTHENTICATED)

    @property
    def _known(self) -> Account:
        if self._account is None:
            raise Refused(UNAUTHORIZED, UNAUTHENTICATED)
        return self._account

    def _page(self, arguments: Arguments, _field: Selected) -> Any:
        return self._reading.page(self._call, arguments, self._known)

    def _by_id(self, arguments: Arguments, field: Selected) -> Any:
        return self._reading.by_id(self._call, arguments["diamond_id"], field, self._known)

    # Trading

    def _trader(self) -> Account:
        if not self._known.pro:
            raise Refused(_NO_PRO, "FORBIDDEN")
        return self._known

    def _create_hold(self, arguments: Arguments, _field: Selected) -> Any:
        account = self._trader()
        if arguments["ProductType"] != "Diamond":
            raise Refused("The simulator holds diamonds only")
        hold = self._answers.trading.create_hold(arguments["ProductId"], account)
        shown = _denied() if hold is None else show_hold(self._answers, hold, account)
        self._traded("create_hold", account, arguments, shown)
        return shown

    def _cancel_hold(self, arguments: Arguments, _field: Selected) -> Any:
        account = self._trader()
        try:
            hold = self._answers.trading.cancel_hold(arguments["hold_id"], account)
        except Refused as error:
            self._answers.calls.traded("cancel_hold", account.username, dict(arguments), {"refused": error.message})
            raise
        shown = show_hold(self._answers, hold, account)
        self._traded("cancel_hold", account, arguments, shown)
        return shown

    def _create_order(self, arguments: Arguments, _field: Selected) -> Any:
        account = self._trader()
        nulled = self._call.struck.spoils("null_order")
        if nulled is not None and not nulled.executed:
            return None
        items = [msgspec.convert(item, OrderItem) for item in arguments["items"]]
        try:
            for item in items:
                self._check_destination(item.destination_id, account)
            order = self._answers.trading.create_order(items, account)
        except Refused as error:
            self._answers.calls.traded("create_order", account.username, dict(arguments), {"refused": error.message})
            raise
        answer = {"id": str(order.id), "return_options": [item.returnable for item in order.items]}
        self._answers.calls.traded("create_order", account.username, dict(arguments), answer)
        return None if nulled else str(order.id)

    def _check_destination(self, destination: str | None, account: Account) -> None:
        if destination is None or not self._answers.behaviour.known_destinations:
            return
        if not self._answers.locations.exists(account.username, destination):
            raise Refused("Destination not found")

    def _traded(self, operation: str, account: Account, arguments: Arguments, shown: Mapping[str, Any]) -> None:
        answer = {name: shown[name] for name in ("id", "denied", "until")}
        self._answers.calls.traded(operation, account.username, dict(arguments), answer)

    # Locations

    def _create_location(self, arguments: Arguments, _field: Selected) -> Any:
        return self._answers.locations.create(self._known.username, _location(arguments["location"]))

    def _update_location(self, arguments: Arguments, _field: Selected) -> Any:
        fields = _location(arguments.get("location") or {})
        return self._answers.locations.update(self._known.username, arguments["id"], fields)

    def _delete_location(self, arguments: Arguments, _field: Selected) -> Any:
        return self._answers.locations.delete(self._known.username, arguments["id"])


class _Authentication:
    """`Authenticate`: sessions for a password or a refresh token."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def resolve(self, name: str, arguments: Arguments, _field: Selected, _path: Path) -> Any:
        if name == "refresh_token":
            login = self._answers.accounts.refresh(arguments["refresh_token"])
        else:
            login = self._answers.accounts.log_in(arguments["username"], arguments["password"])
        if login is None:
            wrong = "Invalid refresh token" if name == "refresh_token" else "Wrong username or password"
            raise Refused(wrong, UNAUTHENTICATED)
        return {
            "token": login.token,
            "expires": self._expires(login),
            "refresh_token": login.refresh_token,
            "user": _User(self._answers, login.account),
        }

    def _expires(self, login: Login) -> float:
        if self._answers.behaviour.expires == "milliseconds":
            return _milliseconds(login.ends)
        return self._answers.accounts.lifetime.total_seconds()


class _User:
    """`User`: the holds and the locations of an account."""

    def __init__(self, answers: Answers, account: Account) -> None:
        self._answers = answers
        self._account = account

    def resolve(self, name: str, _arguments: Arguments, _field: Selected, _path: Path) -> Any:
        identity = f"{mix(int.from_bytes(self._account.username.encode(), 'big') & (1 << 64) - 1):016x}"
        match name:
            case "id":
                return identity
            case "holds":
                return [show_hold(self._answers, hold, self._account) for hold in self._holds()]
            case "holds_count":
                return len(self._holds())
        locations = self._answers.locations.of(self._account.username)
        related = [{"location": location, "type": "OWNER"} for location in locations]
        match name:
            case "default_location":
                return related[0] if related else None
            case "locations":
                return related
            case _:
                return {"id": identity[:8], "name": self._account.username, "locations": locations}

    def _holds(self) -> list[Hold]:
        return self._answers.trading.holds_of(self._account)


def show_hold(answers: Answers, hold: Hold, account: Account) -> dict[str, Any]:
    """A granted hold as the schema shows it."""
    behaviour = answers.behaviour
    until = _milliseconds(hold.until)
    return {
        "id": str(hold.id),
        "diamond": answers.reading.stored_item(hold.ordinal, account)[0]["diamond"],
        "ProductType": "Diamond",
        "denied": behaviour.granted_denied,
        "until": until if behaviour.until == "milliseconds" else until / 1000,
        "extension_status": hold.extension_status,
        "request_date": hold.requested.isoformat(),
    }


def _denied() -> dict[str, Any]:
    return {"id": str(uuid4()), "diamond": None, "ProductType": "Diamond", "denied": True, "until": None}


def _location(given: Arguments) -> dict[str, Any]:
    names = ("country", "name", "address1", "address2", "postalCode", "city", "state")
    return {name: given[name] for name in names if given.get(name) is not None}


def _milliseconds(instant: datetime) -> float:
    return float(round(instant.timestamp() * 1000))


def _introspect(call: Call, field: Selected) -> Any:
    """The answer to `__schema` or `__type`, by the general executor."""
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
