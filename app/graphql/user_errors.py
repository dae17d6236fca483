"""User errors: problems of a request that a payload reports, each with the path of its argument."""

from collections.abc import Awaitable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar

import msgspec
import strawberry

from app.http import idempotency
from inventory.core.errors import Conflict, InventoryError, NotFound, ValidationFailed
from inventory.core.jobs import JobFailure
from inventory.trading.errors import TradingConflict

T = TypeVar("T")

IDEMPOTENCY_KEY = "idempotencyKey"
ERRORS = "Problems of the request; empty if it succeeded or is in progress."
IDEMPOTENCY_KEY_DESCRIPTION = (
    "Chosen by the client, new for each intention. A repeated request with the same key has no further effect."
)


class UserErrorCode(Enum):
    """Codes of problems. The enum of each mutation in the schema has those that it can return."""

    INVALID = "VALIDATION_ERROR"
    NOT_FOUND = "NOT_FOUND"
    CONFLICT = "CONFLICT"
    NOT_AVAILABLE = "NOT_AVAILABLE"
    NOT_TRADABLE = "NOT_TRADABLE"
    ALREADY_HELD = "ALREADY_HELD"
    HOLD_DENIED = "HOLD_DENIED"
    HOLD_LIMIT_REACHED = "HOLD_LIMIT_REACHED"
    HOLD_OVER = "HOLD_OVER"
    HOLD_NOT_EXTENDABLE = "HOLD_NOT_EXTENDABLE"
    PRICE_CHANGED = "PRICE_CHANGED"
    IDEMPOTENCY_MISMATCH = "IDEMPOTENCY_MISMATCH"
    PURCHASE_FAILED = "PURCHASE_FAILED"
    PURCHASE_DECLINED = "PURCHASE_DECLINED"
    PURCHASE_PENDING = "PURCHASE_PENDING"
    PURCHASE_UNKNOWN = "PURCHASE_UNKNOWN"
    PURCHASE_SETTLED = "PURCHASE_SETTLED"
    SUPPLIER_ERROR = "SUPPLIER_ERROR"


DESCRIPTIONS: Mapping[UserErrorCode, str] = {
    UserErrorCode.INVALID: "A value is invalid; see `field`.",
    UserErrorCode.NOT_FOUND: "No object has this id; see `field`.",
    UserErrorCode.CONFLICT: "The current state does not allow this.",
    UserErrorCode.NOT_AVAILABLE: "The diamond is not available.",
    UserErrorCode.NOT_TRADABLE: "Diamonds of this supplier cannot be held or purchased here.",
    UserErrorCode.ALREADY_HELD: "Another client or reference holds the diamond.",
    UserErrorCode.HOLD_DENIED: "The supplier denied the hold.",
    UserErrorCode.HOLD_LIMIT_REACHED: "The client or the reference has reached its limit of holds.",
    UserErrorCode.HOLD_OVER: "The hold has ended.",
    UserErrorCode.HOLD_NOT_EXTENDABLE: "The hold already has its longest duration.",
    UserErrorCode.PRICE_CHANGED: "The price differs from the expected price.",
    UserErrorCode.IDEMPOTENCY_MISMATCH: "The idempotency key was used for another request.",
    UserErrorCode.PURCHASE_FAILED: "The purchase failed. Nothing was purchased.",
    UserErrorCode.PURCHASE_DECLINED: "The supplier declined the order after accepting it.",
    UserErrorCode.PURCHASE_PENDING: "The supplier has not answered yet. Send the same request again later, with the same idempotency key.",
    UserErrorCode.PURCHASE_UNKNOWN: "The order was sent and its outcome is unknown. Do not order again. Send the same request later, with the "
    "same idempotency key.",
    UserErrorCode.PURCHASE_SETTLED: "The outcome cannot be recorded in the current state of the purchase; `message` names the state. The "
    "purchase is unchanged.",
    UserErrorCode.SUPPLIER_ERROR: "The supplier rejected the order. Nothing was purchased.",
}


class Problem(msgspec.Struct, frozen=True):
    """A problem of a request before its mutation is known. `field`: path of the argument."""

    field: list[str] | None
    message: str
    code: UserErrorCode


@strawberry.interface(description="A problem of a request, to show to its user. The type of each mutation adds `code`.")
class UserError:
    field: list[str] | None = strawberry.field(
        description="Path of the argument; null if the problem concerns the whole request."
    )
    message: str = strawberry.field(description="Message.")


_USUAL = (UserErrorCode.INVALID, UserErrorCode.NOT_FOUND, UserErrorCode.CONFLICT)


def error_type(mutation: str, *codes: UserErrorCode) -> type[UserError]:
    """Create the error type of a mutation, and the enum of its codes: the usual ones, and those given.

    `mutation`: its name with a capital, such as `HoldCreate`.
    """
    members = {
        code.name: strawberry.enum_value(code.value, description=DESCRIPTIONS[code]) for code in (*_USUAL, *codes)
    }
    codes_of: Any = Enum(f"{mutation}ErrorCode", members)  # type: ignore[misc]  # its members are given at run time
    enum = strawberry.enum(
        codes_of,
        description=f"Codes of problems of `{mutation[0].lower()}{mutation[1:]}`.",
    )
    created = type(
        f"{mutation}UserError",
        (UserError,),
        {
            "__annotations__": {"code": enum},
            "__module__": __name__,
            "code": strawberry.field(description="Code."),
        },
    )
    typed: type[UserError] = strawberry.type(
        created, description=f"A problem of a request for `{mutation[0].lower()}{mutation[1:]}`."
    )
    return typed


def errors_field(kind: type[UserError], description: str = ERRORS) -> Any:
    """Declare the field `userErrors` of a payload."""
    return strawberry.field(description=description, graphql_type=list[kind])  # type: ignore[valid-type]  # at run time


def typed_errors(kind: type[UserError], problems: Sequence[Problem]) -> list[UserError]:
    """Convert problems to the error type of a mutation. A code that the mutation does not declare is CONFLICT."""
    enum = kind.__annotations__["code"]
    declared = enum.__members__
    return [
        kind(  # type: ignore[call-arg]  # `code` is added at run time
            field=problem.field, message=problem.message, code=declared.get(problem.code.name, declared["CONFLICT"])
        )
        for problem in problems
    ]


async def attempt(
    work: Awaitable[T], path: Sequence[str] = ("input",), *, subject: Sequence[str] = ()
) -> tuple[T | None, list[Problem]]:
    """Await a use case; return its result, or the problems of the request. Other errors are raised.

    `path`: path of the input that the use case validates. `subject`: path of the id of its subject.
    """
    try:
        return await work, []
    except (ValidationFailed, NotFound, Conflict) as error:
        return None, user_errors(error, path, subject=subject)


def user_errors(
    error: InventoryError, path: Sequence[str] = ("input",), *, subject: Sequence[str] = ()
) -> list[Problem]:
    """Convert a problem of the request: one error per field, or a single one. Arguments: see `attempt`."""
    if isinstance(error, ValidationFailed):
        return [
            Problem(
                field=["input", IDEMPOTENCY_KEY] if name == IDEMPOTENCY_KEY else [*path, *map(_camel, name.split("."))],
                message=str(problem),
                code=UserErrorCode.INVALID,
            )
            for name, problem in error.details.items()
        ]
    code = error.reason if isinstance(error, TradingConflict) else error.code
    return [Problem(field=_about(code, subject), message=error.message, code=UserErrorCode(code))]


def refusals(failure: JobFailure, *, subject: Sequence[str] = ()) -> list[Problem]:
    """Problems of the request that made a job fail; empty for other failures. `subject`: see `attempt`."""
    try:
        code = UserErrorCode(failure.code)
    except ValueError:
        return []
    return [Problem(field=_about(failure.code, subject), message=failure.message, code=code)]


def _about(code: str, subject: Sequence[str]) -> list[str] | None:
    return [*subject] if subject and code == NotFound.code else None


def read_key(text: str) -> str:
    """Read an idempotency key, without surrounding white space.

    Raises:
        ValidationFailed: the key is empty, too long or not printable.
    """
    try:
        return idempotency.read_key(text)
    except ValueError as error:
        raise ValidationFailed({IDEMPOTENCY_KEY: str(error)}) from None


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def held_until(error: InventoryError) -> datetime | None:
    """End of the hold that blocks the request; None for other errors."""
    until = error.details.get("until")
    return until if isinstance(until, datetime) else None
