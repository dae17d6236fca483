"""GraphQL operation: a request that passed the pipeline."""

import msgspec
from graphql import OperationType

from app.graphql.context import Context
from app.graphql.execution.budget import CostReservation
from app.graphql.execution.cost import Plan
from app.graphql.execution.document_cache import PreparedDocument
from app.graphql.execution.request import GraphQLRequest


class GraphQLOperation(msgspec.Struct, frozen=True):
    """A parsed, authorized operation with reserved cost.

    `name`: of the document's operations the one that is meant, None for one without a name. `reservation`: what was taken for it
    beforehand.
    """

    asked: GraphQLRequest
    text: str
    document: PreparedDocument
    name: str | None
    kind: OperationType
    plan: Plan
    context: Context
    reservation: CostReservation
