"""What a caller may do: the one list of scopes, and the principal that carries them."""

from collections.abc import Mapping
from enum import Enum, StrEnum, auto
from types import MappingProxyType

import msgspec

from inventory.core.errors import Forbidden


class Scope(StrEnum):
    """A permission. The text is what stands in `api_keys.scopes`."""

    DIAMONDS_READ = "diamonds:read"
    PRICES_SUPPLIER = "prices:supplier"
    CERTIFICATES_HIDDEN = "certificates:hidden"
    HOLDS_WRITE = "holds:write"
    PURCHASES_WRITE = "purchases:write"
    PURCHASES_ADMIN = "purchases:admin"
    PRICING_WRITE = "pricing:write"
    SYNC_READ = "sync:read"
    SYNC_ADMIN = "sync:admin"
    SCHEMA_READ = "schema:read"


MEANINGS: Mapping[Scope, str] = MappingProxyType({
    Scope.DIAMONDS_READ: "Search and read diamonds.",
    Scope.PRICES_SUPPLIER: "See what the supplier asks: cost, cost per carat, markup; filter and sort by them.",
    Scope.CERTIFICATES_HIDDEN: "See certificates and measurements that a supplier asks not to show; search by them.",
    Scope.HOLDS_WRITE: "Hold diamonds and release the holds.",
    Scope.PURCHASES_WRITE: "Buy diamonds.",
    Scope.PURCHASES_ADMIN: "See and settle everyone's purchases.",
    Scope.PRICING_WRITE: "Change pricing rules and reprice the inventory.",
    Scope.SYNC_READ: "See the runs of the sync.",
    Scope.SYNC_ADMIN: "Start, retry, consolidate and cancel runs.",
    Scope.SCHEMA_READ: "Introspect the GraphQL schema.",
})  # fmt: skip


class AuthenticationMethod(Enum):
    """How a caller was authenticated, and whether the request may be a replay."""

    KEY = auto()
    SIGNED = auto()  # version 1
    SIGNED_ONCE = auto()  # version 2
    SIGNED_UNCHECKED = auto()  # version 2, while the nonce could not be checked
    SESSION = auto()  # a browser's cookie, from a page of this server


class Principal(msgspec.Struct, frozen=True):
    """Who is calling. A scope that this version does not know is kept and allows nothing."""

    client_id: str
    key_id: str
    scopes: frozenset[str]
    proof: AuthenticationMethod = AuthenticationMethod.KEY

    def may(self, scope: Scope) -> bool:
        """Whether the caller has `scope`."""
        return scope in self.scopes

    def require(self, scope: Scope) -> None:
        """Refuse a caller without `scope`.

        Raises:
            Forbidden: the message names the scope.
        """
        if not self.may(scope):
            raise Forbidden(f"This needs the scope {scope}.")
