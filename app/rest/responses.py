"""How REST answers: JSON by msgspec, straight from structs."""

from collections.abc import Mapping
from typing import Self

import msgspec
from starlette.responses import Response


class Pagination(msgspec.Struct, frozen=True, rename="camel"):
    """Where a page lies. Pages count from 1; without a hit there are none."""

    total: int
    page: int
    limit: int
    total_pages: int

    @classmethod
    def of(cls, total: int, page: int, limit: int) -> Self:
        """The page's place among as many pages as `total` makes."""
        return cls(total, page, limit, -(-total // limit))


_encoder = msgspec.json.Encoder(decimal_format="number")


def answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer. Instants come out as ISO 8601 with `Z`, decimals as numbers."""
    return Response(_encoder.encode(value), status, headers, media_type="application/json")
