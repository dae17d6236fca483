"""State of a request to GraphQL that may subscribe."""

from app.graphql.execution.state import ExecutionState
from app.graphql.subscriptions.connections import ConnectionRegistry
from app.graphql.subscriptions.subscription_manager import SubscriptionManager


class GraphQLState(ExecutionState):
    """Adds the subscriptions and the open connections of the process."""

    subscriptions: SubscriptionManager
    connections: ConnectionRegistry
