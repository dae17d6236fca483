"""API: GraphQL, REST and the dashboard."""

import inventory.core.lean_imports  # noqa: F401 - before any library
