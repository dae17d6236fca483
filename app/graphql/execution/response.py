"""Execution of queries and mutations."""

import asyncio
from collections.abc import Sequence
from inspect import isawaitable

import graphql
import msgspec
from graphql import ExecutionResult, GraphQLError, OperationType
from strawberry.execution import optimized_is_awaitable

from app.graphql.execution.cost import actual
from app.graphql.execution.errors import MAX_ERRORS, format_error
from app.graphql.execution.operation import GraphQLOperation
from app.graphql.executor import PlainFieldExecutor
from app.graphql.schema import schema
from inventory.core.errors import Unavailable
from inventory.core.settings.graphql import GraphQLSettings

_encoder = msgspec.json.Encoder()


class OperationTimeout(Unavailable):
    """The operation takes too long. Request less data."""


class OperationStillRunning(Unavailable):
    """The request timed out. The operation may still complete. Send it again, with the same idempotency key if it has one."""


class OperationResult(msgspec.Struct, frozen=True):
    """Result of an operation."""

    data: dict[str, object] | None
    errors: Sequence[GraphQLError]
    extensions: dict[str, object]

    @property
    def executed(self) -> bool:
        """Whether the operation was executed. It is not if a variable has an invalid value."""
        return self.data is not None or not self.errors or any(error.path for error in self.errors)

    def members(self) -> dict[str, object]:
        """Members of the response."""
        members: dict[str, object] = {"data": self.data, "extensions": self.extensions}
        if self.errors:
            members["errors"] = [format_error(error) for error in self.errors]
        return members

    def encoded(self) -> bytes:
        """Encode the response as JSON."""
        return _encoder.encode(self.members())


async def execute(operation: GraphQLOperation, settings: GraphQLSettings) -> OperationResult:
    """Execute a query or a mutation, and return its unspent cost.

    Raises:
        OperationTimeout: it takes longer than it may.
        OperationStillRunning: it does, and changes something: an order that was sent goes on without anybody who waits for it.
    """
    try:
        async with asyncio.timeout(settings.timeout_seconds):
            result = await _execute(operation)
    except TimeoutError:
        raise (OperationStillRunning if operation.kind is OperationType.MUTATION else OperationTimeout) from None
    finally:
        if operation.kind is OperationType.MUTATION:
            operation.context.services.data_version.expire()
    await operation.reservation.settle(actual(operation.plan, result.data))
    answer = OperationResult(result.data, result.errors or (), {"cost": operation.reservation.extension()})
    return answer if answer.executed else msgspec.structs.replace(answer, errors=answer.errors[:MAX_ERRORS])


async def _execute(operation: GraphQLOperation) -> ExecutionResult:
    """Execute a validated document by graphql-core. Strawberry's extensions around it would do nothing here."""
    result = graphql.execute(
        schema._schema,  # noqa: SLF001 - has no public name
        operation.context.document,
        variable_values=operation.asked.variables,
        context_value=operation.context,
        operation_name=operation.name,
        executor_class=PlainFieldExecutor,
        is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]  # as Strawberry passes it
    )
    return await result if isawaitable(result) else result
