"""Subscription manager: opens subscriptions and streams their encoded answers."""

import asyncio
from collections.abc import AsyncGenerator, Hashable
from contextlib import aclosing
from typing import Any

import msgspec
from graphql import (
    DocumentNode,
    ExecutionResult,
    Executor,
    FragmentDefinitionNode,
    Node,
    OperationDefinitionNode,
    VariableNode,
    Visitor,
    visit,
)
from graphql.execution import create_source_event_stream

from app.graphql.execution.errors import MAX_ERRORS, FormattedError, format_error
from app.graphql.execution.operation import GraphQLOperation
from app.graphql.schema import schema
from app.graphql.subscriptions.fanout import BATCH, Subscriber, SubscriberGroup
from app.graphql.topics import EventTopic, MatchedEvent, Present, RunTopic
from inventory.core.errors import Unavailable
from inventory.core.logging import get_logger
from inventory.core.settings.events import EventSettings
from inventory.events.cursors import Cursor
from inventory.events.dispatcher import EventDispatcher
from inventory.events.log import EventBatch, EventFilter
from inventory.runs.watch import RunState, RunWatch

log = get_logger()

_PAUSE_SECONDS = 1.0


class SubscriptionRefused(Exception):
    """The subscription does not start: a value is invalid or the caller lacks a scope."""

    def __init__(self, errors: list[FormattedError]) -> None:
        super().__init__(f"{len(errors)} errors")
        self.errors = errors


class SubscriptionManager:
    """Opens subscriptions."""

    def __init__(self, settings: EventSettings, dispatcher: EventDispatcher, watch: RunWatch) -> None:
        self._most = settings.subscriptions_queue
        self._max_bytes = settings.subscriptions_queue_bytes
        self._dispatcher = dispatcher
        self._watch = watch
        self._groups: dict[Hashable, SubscriberGroup] = {}
        dispatcher.pace = self._keep_pace

    async def open(self, operation: GraphQLOperation) -> AsyncGenerator[bytes, None]:
        """Open a subscription and stream its encoded answers until it ends.

        Raises:
            SubscriptionRefused: a value is invalid or the caller lacks a scope.
            InventoryError: its cursor is invalid, or its subject does not exist. While streaming: the subscription cannot continue.
        """
        executor = Executor.build(
            schema._schema,  # noqa: SLF001 - has no public name
            operation.document.node,
            context_value=operation.context,
            raw_variable_values=operation.asked.variables,
            operation_name=operation.name,
            hide_suggestions=True,
        )
        if isinstance(executor, list):
            raise SubscriptionRefused([format_error(error) for error in executor[:MAX_ERRORS]])
        topic = create_source_event_stream(executor)
        if executor.is_awaitable(topic):
            topic = await topic
        if isinstance(topic, ExecutionResult):
            raise SubscriptionRefused([format_error(error) for error in topic.errors or ()])
        key = _key(operation)
        if isinstance(topic, RunTopic):
            return self._follow_run(key, executor, topic, await self._watch.snapshot(topic.run_id))
        assert isinstance(topic, EventTopic)  # noqa: S101 - there are no others
        # Always awaited: until the dispatcher knows the end of the log, it cannot separate missed events from new ones.
        end = await self._dispatcher.cursor()
        if topic.after:
            await self._dispatcher.resume(topic.after)
        return self._follow_events((key, topic.audience), executor, topic, topic.after or end)

    async def _follow_events(
        self, key: Hashable, executor: Executor[Any], topic: EventTopic[Any], cursor: Cursor
    ) -> AsyncGenerator[bytes, None]:
        group = self._join(key, executor, topic.present)
        del executor  # the group keeps its own
        subscriber = Subscriber(group, cursor, most=self._most, most_bytes=self._max_bytes)
        try:
            position = cursor.position
            while position < self._dispatcher.position:
                page = await self._page(position, topic.criteria)
                missed = [MatchedEvent(event, topic.criteria.matching_diamonds(event)) for event in page.events]
                async with aclosing(group.encode(missed)) as answers:
                    async for answer in answers:
                        yield answer
                position = page.through
                if page.last:
                    subscriber.caught_up(page.last)
            # No other task runs between reading the position and this call.
            self._dispatcher.follow(subscriber, topic.criteria, position)
            async with aclosing(subscriber.answers()) as answers:
                async for answer in answers:
                    yield answer
        finally:
            self._dispatcher.unfollow(subscriber)
            self._release(key, group)

    async def _page(self, position: int, criteria: EventFilter) -> EventBatch:
        while True:
            try:
                return await self._dispatcher.page(position, criteria, BATCH)
            except Unavailable as error:
                log.warning("event_log_read_failed", code=error.code)
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _keep_pace(self) -> None:
        """Delay the dispatcher while subscriber groups catch up: a sync may change thousands of followed diamonds at once."""
        for group in [group for group in self._groups.values() if group.pressed]:
            await group.relief()

    async def _follow_run(
        self, key: Hashable, executor: Executor[Any], topic: RunTopic[Any], state: RunState
    ) -> AsyncGenerator[bytes, None]:
        key = (key, topic.run_id)
        group = self._join(key, executor, topic.present)
        try:
            yield await group.encode_once(state)
            async with aclosing(self._watch.follow(topic.run_id, state)) as states:
                async for newer in states:
                    yield await group.encode_once(newer)
        finally:
            self._release(key, group)

    def _join(self, key: Hashable, executor: Executor[Any], present: Present) -> SubscriberGroup:
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = SubscriberGroup(executor, present)
        group.members += 1
        return group

    def _release(self, key: Hashable, group: SubscriberGroup) -> None:
        group.members -= 1
        if group.members == 0:
            group.close()
            del self._groups[key]


def _key(operation: GraphQLOperation) -> Hashable:
    """Key of equal subscriptions: the selection, its variables, the client and the scopes."""
    principal = operation.context.caller
    given = operation.asked.variables or {}
    inner = {variable: given.get(variable) for variable in sorted(_inner(operation.document.node))}
    return operation.text, operation.name, msgspec.json.encode(inner), principal.client_id, principal.scopes


class _Variables(Visitor):
    """Collects variables."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def enter_variable(self, node: VariableNode, *_: object) -> None:
        self.found.add(node.name.value)


def _inner(document: DocumentNode) -> set[str]:
    """Variables below the root field. The arguments of the root field only select events."""
    parts: list[Node] = [node for node in document.definitions if isinstance(node, FragmentDefinitionNode)]
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    for field in (field for operation in operations for field in operation.selection_set.selections):
        below = getattr(field, "selection_set", None)
        parts += [*(field.directives or ()), *([below] if below else [])]
    variables = _Variables()
    for part in parts:
        visit(part, variables)
    return variables.found
