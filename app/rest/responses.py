"""JSON responses of REST, encoded by msgspec."""

from collections.abc import Mapping
from typing import Self

import msgspec
from starlette.responses import Response


class Pagination(msgspec.Struct, frozen=True, rename="camel"):
    """Position of a page. Pages count from 1; without results `total_pages` is 0."""

    total: int
    page: int
    limit: int
    total_pages: int

    @classmethod
    def of(cls, total: int, page: int, limit: int) -> Self:
        """Compute the number of pages from the number of results."""
        return cls(total, page, limit, -(-total // limit))


_encoder = msgspec.json.Encoder(decimal_format="number")


def answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON response. Instants are encoded as ISO 8601 with `Z`, decimals as numbers."""
    return Response(_encoder.encode(value), status, headers, media_type="application/json")
