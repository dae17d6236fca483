"""How REST answers: JSON by msgspec, straight from structs."""

from collections.abc import Mapping

import msgspec
from starlette.responses import Response

_encoder = msgspec.json.Encoder(decimal_format="number")


def answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer. Instants come out as ISO 8601 with `Z`, decimals as numbers."""
    return Response(_encoder.encode(value), status, headers, media_type="application/json")
