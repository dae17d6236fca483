"""Requests of a reader as generators: they yield a count or page request and receive the supplier's answer."""

from collections.abc import Generator
from typing import TypeVar

from sync.planning.listing import Answer, CountRequest, PageRequest, PageView, Request, SubQuery

T = TypeVar("T")
Steps = Generator[Request, Answer, T]


def count_listings(part: SubQuery) -> Steps[int]:
    """Request the number of listings of a sub-query."""
    answer = yield CountRequest(part)
    assert isinstance(answer, int)  # noqa: S101 - the protocol of requests
    return answer


def read_page(part: SubQuery, offset: int, limit: int, reading: int) -> Steps[PageView]:
    """Request a page of a sub-query. `reading`: number of the pass, as in `PageRequest`."""
    answer = yield PageRequest(part=part, offset=offset, limit=limit, reading=reading)
    assert isinstance(answer, PageView)  # noqa: S101 - the protocol of requests
    return answer
