"""GraphQL schema, and the extension that executes prepared documents."""

from collections.abc import Iterator

import strawberry
from graphql import GraphQLError
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.name_converter import NameConverter
from strawberry.types import ExecutionContext

from app.graphql.clients.api_keys import ApiKeyMutations
from app.graphql.clients.queries import ClientQueries
from app.graphql.context import Info
from app.graphql.diamonds.queries import DiamondQueries
from app.graphql.diamonds.related import RelatedQueries
from app.graphql.diamonds.types import Diamond
from app.graphql.events.queries import EventQueries
from app.graphql.events.subscriptions import EventSubscriptions
from app.graphql.executor import PlainFieldExecutor
from app.graphql.holds.mutations import HoldMutations
from app.graphql.holds.queries import HoldQueries
from app.graphql.nodes import NodeQueries
from app.graphql.pricing.exchange_rates import ExchangeRateMutations, ExchangeRateQueries
from app.graphql.pricing.mutations import PricingMutations
from app.graphql.pricing.queries import PricingQueries
from app.graphql.purchases.mutations import PurchaseMutations
from app.graphql.purchases.outcome_mutations import OutcomeMutations
from app.graphql.purchases.queries import PurchaseQueries
from app.graphql.scalars import SCALARS
from app.graphql.searches.fields import SavedSearchMutations, SavedSearchQueries
from app.graphql.sync.mutations import SyncMutations
from app.graphql.sync.queries import SyncQueries
from app.graphql.sync.subscriptions import SyncSubscriptions


@strawberry.type(description="Queries.")
class Query(
    NodeQueries,
    EventQueries,
    SyncQueries,
    ExchangeRateQueries,
    PricingQueries,
    PurchaseQueries,
    HoldQueries,
    ClientQueries,
    SavedSearchQueries,
    RelatedQueries,
    DiamondQueries,
):
    """Root type of queries. Strawberry lists the fields of the last base first."""


@strawberry.type(description="Mutations.")
class Mutation(
    ApiKeyMutations,
    SyncMutations,
    ExchangeRateMutations,
    PricingMutations,
    OutcomeMutations,
    PurchaseMutations,
    HoldMutations,
    SavedSearchMutations,
):
    """Root type of mutations."""


@strawberry.type(description="Subscriptions over WebSocket (`graphql-transport-ws`) or server-sent events.")
class Subscription(SyncSubscriptions, EventSubscriptions):
    """Root type of subscriptions."""


class _PreparedDocumentExtension(SchemaExtension):
    """Executes documents that `app.graphql.execution.document_cache` parsed and validated, without parsing them again."""

    def on_parse(self) -> Iterator[None]:
        self.execution_context.graphql_document = self.execution_context.context.document
        yield

    def on_validate(self) -> Iterator[None]:
        self.execution_context.pre_execution_errors = []
        yield


class _CachedNames(NameConverter):
    """Name converter that computes the name of a field once. Strawberry asks for the names of an input for each request."""

    def apply_naming_config(self, name: str) -> str:
        known = _NAMES.get(name)
        if known is None:
            known = _NAMES[name] = super().apply_naming_config(name)
        return known


# By Python name; the schema has a fixed number of them.
_NAMES: dict[str, str] = {}


class _InventorySchema(strawberry.Schema):
    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Log nothing here: `app.graphql.execution.errors` logs unexpected exceptions once."""


schema = _InventorySchema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=[Diamond],
    extensions=[_PreparedDocumentExtension],
    execution_context_class=PlainFieldExecutor,
    config=StrawberryConfig(scalar_map=SCALARS, info_class=Info, name_converter=_CachedNames()),
)
