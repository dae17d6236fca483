"""Conditional requests and compression: spared where nothing changed, and never shown what is not theirs."""

import httpx
import pytest

from tests.integration.api.diamonds import Insert, build

SEARCH = "/api/v2/diamonds"


async def test_who_has_the_answer_already_is_told_so(api: httpx.AsyncClient, insert: Insert) -> None:
    await insert([build(1)])
    first = await api.get(SEARCH)
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"
    assert {"X-API-Key", "Authorization", "X-Client-Id", "Accept-Encoding"} <= {
        name.strip() for name in first.headers["vary"].split(",")
    }
    for known in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        again = await api.get(SEARCH, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert "ratelimit-remaining" in again.headers
    for unknown in ('"other"', "", tag.replace('"', "")):
        assert (await api.get(SEARCH, headers={"If-None-Match": unknown})).status_code == 200


async def test_the_tag_moves_when_something_changes(api: httpx.AsyncClient, insert: Insert) -> None:
    await insert([build(1)])
    tag = (await api.get(SEARCH)).headers["etag"]
    await insert([build(2)])
    response = await api.get(SEARCH, headers={"If-None-Match": tag})
    assert (response.status_code, response.json()["pagination"]["total"]) == (200, 2)


async def test_callers_who_see_different_things_have_different_tags(
    api: httpx.AsyncClient, trusted: httpx.AsyncClient, insert: Insert
) -> None:
    await insert([build(1)])
    assert (await api.get(SEARCH)).headers["etag"] != (await trusted.get(SEARCH)).headers["etag"]


async def test_a_tag_opens_nothing(api: httpx.AsyncClient, address: str) -> None:
    tag = (await api.get(SEARCH)).headers["etag"]
    async with httpx.AsyncClient(base_url=address) as nobody:
        assert (await nobody.get(SEARCH, headers={"If-None-Match": tag})).status_code == 401
        assert (await nobody.get(SEARCH, headers={"If-None-Match": "*"})).status_code == 401


@pytest.mark.parametrize("path", ["/health", "/ready", "/nope", f"{SEARCH}/x", f"{SEARCH}?limit=x"])
async def test_what_is_of_the_moment_is_not_kept(api: httpx.AsyncClient, path: str) -> None:
    response = await api.get(path)
    assert response.headers["cache-control"] == "no-store"
    assert "etag" not in response.headers


async def test_answers_are_compressed_when_asked_for(api: httpx.AsyncClient, insert: Insert) -> None:
    await insert([build(number) for number in range(50)])
    plain = await api.get(SEARCH, headers={"Accept-Encoding": "identity"})
    packed = await api.get(SEARCH, headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(plain.content) / 5
    assert (packed.json(), packed.headers["etag"]) == (plain.json(), plain.headers["etag"])
