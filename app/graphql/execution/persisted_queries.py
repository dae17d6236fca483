"""Automatic persisted queries of Apollo (`extensions.persistedQuery`). The server does not store them and reports that.

The client's link then sends the document, with its hash, which must be right.
"""

import re
from collections.abc import Mapping

from app.graphql.execution.persisted_documents import document_id
from inventory.core.errors import BadRequest, PersistedQueryNotSupported

_MEMBER = "persistedQuery"
_HASH = re.compile(r"[0-9a-fA-F]{64}")


def check(extensions: object, query: str | None, registered: str | None) -> None:
    """Check the hash that accompanies a document. `registered`: the id of a registered document.

    Raises:
        PersistedQueryNotSupported: there is a hash and no document.
        BadRequest: the extension has another form, or the hash is that of another document.
    """
    given = extensions.get(_MEMBER) if isinstance(extensions, Mapping) else None
    if given is None:
        return
    if not isinstance(given, Mapping):
        raise BadRequest(f"extensions.{_MEMBER} should be an object.")
    version, digest = given.get("version"), given.get("sha256Hash")
    if isinstance(version, bool) or version != 1:
        raise BadRequest(f"extensions.{_MEMBER}.version should be 1.")
    if not isinstance(digest, str) or not _HASH.fullmatch(digest):
        raise BadRequest(f"extensions.{_MEMBER}.sha256Hash should hold 64 hexadecimal digits.")
    if query is None and registered is None:
        raise PersistedQueryNotSupported
    expected = document_id(query) if query is not None else (registered or "").removeprefix("sha256:").lower()
    if digest.lower() != expected:
        raise BadRequest(f"extensions.{_MEMBER}.sha256Hash is not the SHA-256 of the document.")
