"""Response body cache: bodies by their ETag, the least recently used ones dropped beyond a number of bytes."""

from cachetools import LRUCache

_MAX_BYTES = 32 * 1024 * 1024
# A larger body is not stored: it would displace too many others.
_LARGEST_BYTES = _MAX_BYTES // 16
# Of an entry, beside the body: the tag, both objects and the entry of the dictionary.
_ENTRY_BYTES = 400


class BodyCache:
    """Bodies of successful JSON responses. A key determines its body: see `app.rest.caching.stored_response`."""

    def __init__(self, most_bytes: int = _MAX_BYTES) -> None:
        self._bodies: LRUCache[str, bytes] = LRUCache(most_bytes, getsizeof=lambda body: len(body) + _ENTRY_BYTES)

    def get(self, tag: str) -> bytes | None:
        """Return the body of a tag, if it is stored."""
        body: bytes | None = self._bodies.get(tag)
        return body

    def put(self, tag: str, body: bytes) -> None:
        """Store a body, unless it is too large."""
        if len(body) <= min(_LARGEST_BYTES, self._bodies.maxsize - _ENTRY_BYTES):
            self._bodies[tag] = body

    @property
    def size_bytes(self) -> int:
        """Bytes of all entries."""
        return int(self._bodies.currsize)
