"""Pipeline: from the supplier's feed to the inventory."""

import inventory.core.lean_imports  # noqa: F401 - before any library
