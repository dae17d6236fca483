"""An operation that may be executed."""

import msgspec
from graphql import OperationType

from app.graphql.context import Context
from app.graphql.http.budget import Bill
from app.graphql.http.cost import Plan
from app.graphql.http.document_cache import Document
from app.graphql.http.request import GraphQLRequest


class Operation(msgspec.Struct, frozen=True):
    """What a request asks for, read, allowed and paid for.

    `name`: of the document's operations the one that is meant, None for one without a name. `bill`: what was taken for it
    beforehand.
    """

    asked: GraphQLRequest
    text: str
    document: Document
    name: str | None
    kind: OperationType
    plan: Plan
    context: Context
    bill: Bill
