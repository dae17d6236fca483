"""Settings of GraphQL: cost limits, timeout, registered documents."""

from typing import Annotated

from inventory.core.settings.section import SettingsSection, setting


class GraphQLSettings(SettingsSection, title="GraphQL", prefix="GRAPHQL_"):
    """Settings of GraphQL operations."""

    max_cost: Annotated[int, setting("Highest cost of one GraphQL operation.", ge=10, le=10**9)] = 5_000
    budget: Annotated[int, setting("GraphQL cost budget of a key.", ge=10, le=10**12)] = 200_000
    restore_rate: Annotated[
        int, setting("Cost that is restored to the GraphQL budget of a key per second.", ge=1, le=10**12)
    ] = 20_000
    timeout_seconds: Annotated[float, setting("Longest time that one GraphQL operation may take.", gt=0, le=300)] = 30.0
    registered_only: Annotated[
        bool, setting("Execute only documents that were registered with `diamonds-app documents register`.")
    ] = False
