"""Scopes and principals of the authorization."""

from collections.abc import Mapping
from enum import Enum, StrEnum, auto
from types import MappingProxyType

import msgspec

from inventory.core.errors import Forbidden


class Scope(StrEnum):
    """Permission of an API key. Values are stored in `api_keys.scopes`."""

    DIAMONDS_READ = "diamonds:read"
    PRICES_SUPPLIER = "prices:supplier"
    CERTIFICATES_HIDDEN = "certificates:hidden"
    SEARCHES_WRITE = "searches:write"
    HOLDS_WRITE = "holds:write"
    PURCHASES_WRITE = "purchases:write"
    PURCHASES_ADMIN = "purchases:admin"
    PRICING_WRITE = "pricing:write"
    SYNC_READ = "sync:read"
    SYNC_ADMIN = "sync:admin"
    KEYS_ADMIN = "keys:admin"
    SCHEMA_READ = "schema:read"


MEANINGS: Mapping[Scope, str] = MappingProxyType({
    Scope.DIAMONDS_READ: "Search and read diamonds.",
    Scope.PRICES_SUPPLIER: "Read supplier prices (cost, cost per carat, markup); filter and sort by them.",
    Scope.CERTIFICATES_HIDDEN: "Read certificates and measurements that a supplier withholds; search by them.",
    Scope.SEARCHES_WRITE: "Save, list and delete the searches of the client.",
    Scope.HOLDS_WRITE: "Create and release holds.",
    Scope.PURCHASES_WRITE: "Purchase diamonds.",
    Scope.PURCHASES_ADMIN: "Read and settle the purchases of all clients.",
    Scope.PRICING_WRITE: "Change pricing rules and reprice the inventory.",
    Scope.SYNC_READ: "Read sync runs.",
    Scope.SYNC_ADMIN: "Start, retry, consolidate and cancel runs; replay and discard dead letters; resolve incidents.",
    Scope.KEYS_ADMIN: "List, rotate and revoke the API keys of all clients.",
    Scope.SCHEMA_READ: "Introspect the GraphQL schema.",
})  # fmt: skip


class AuthenticationMethod(Enum):
    """Authentication method of a request, and its replay protection."""

    KEY = auto()
    SIGNED = auto()  # version 1
    SIGNED_ONCE = auto()  # version 2
    SIGNED_UNCHECKED = auto()  # version 2, but the nonce store does not answer
    SESSION = auto()  # session cookie of a browser, from a page of this server


class Principal(msgspec.Struct, frozen=True):
    """Authenticated client with its scopes. Unknown scopes are kept and allow nothing."""

    client_id: str
    key_id: str
    scopes: frozenset[str]
    proof: AuthenticationMethod = AuthenticationMethod.KEY

    def may(self, scope: Scope) -> bool:
        """Whether the client has `scope`."""
        return scope in self.scopes

    def require(self, scope: Scope) -> None:
        """Reject a client without `scope`.

        Raises:
            Forbidden: the client does not have the scope.
        """
        if not self.may(scope):
            raise Forbidden(f"This needs the scope {scope}.")
