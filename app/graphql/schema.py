"""The schema, and the extension that spares a prepared document its second parsing."""

from collections.abc import Iterator

import strawberry
from graphql import GraphQLError
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from app.graphql.context import Info
from app.graphql.executor import Executor
from app.graphql.roots.mutations import Mutation
from app.graphql.roots.queries import Query
from app.graphql.roots.subscriptions import Subscription
from app.graphql.scalars import SCALARS
from app.graphql.types.diamond import Diamond


class _Prepared(SchemaExtension):
    """Executes the document that `app.graphql.http.document_cache` has parsed, limited and validated."""

    def on_parse(self) -> Iterator[None]:
        self.execution_context.graphql_document = self.execution_context.context.document
        yield

    def on_validate(self) -> Iterator[None]:
        self.execution_context.pre_execution_errors = []
        yield


class _Schema(strawberry.Schema):
    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Nothing: `app.graphql.http.errors` logs unexpected exceptions, once, and nothing else."""


schema = _Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=[Diamond],
    extensions=[_Prepared],
    execution_context_class=Executor,
    config=StrawberryConfig(scalar_map=SCALARS, info_class=Info),
)
