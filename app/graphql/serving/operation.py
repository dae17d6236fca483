"""An operation that may be executed."""

import msgspec
from graphql import OperationType

from app.graphql.context import Context
from app.graphql.serving.budget import Bill
from app.graphql.serving.cost import Plan
from app.graphql.serving.documents import Document
from app.graphql.serving.request import GraphQLRequest


class Operation(msgspec.Struct, frozen=True):
    """What a request asks for, read, allowed and paid for. `bill`: what was taken for it beforehand."""

    asked: GraphQLRequest
    text: str
    document: Document
    kind: OperationType
    plan: Plan
    context: Context
    bill: Bill
