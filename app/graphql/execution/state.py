"""State of a request to GraphQL."""

from typing import TypeVar

from starlette.requests import HTTPConnection

from app.graphql.execution.budget import CostBudget
from app.graphql.execution.persisted_documents import PersistedDocuments
from app.services import State


class ExecutionState(State):
    """Adds what the execution of an operation needs."""

    budget: CostBudget
    persisted_documents: PersistedDocuments


S = TypeVar("S", bound=ExecutionState)
# The subscriptions add to the state, and HTTPConnection is invariant in it.
Connection = HTTPConnection[S]
