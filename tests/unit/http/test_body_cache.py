"""Body cache: bounded in bytes."""

from app.http.body_cache import BodyCache


def test_body_is_returned_for_its_tag_only() -> None:
    cache = BodyCache(10_000)
    cache.put("a", b"1")
    assert (cache.get("a"), cache.get("b")) == (b"1", None)


def test_least_recently_used_body_is_evicted() -> None:
    cache = BodyCache(10_000)
    for tag in ("a", "b"):
        cache.put(tag, b"x" * 4000)
    assert cache.get("a")
    cache.put("c", b"x" * 4000)
    assert (cache.get("a") is not None, cache.get("b"), cache.get("c") is not None) == (True, None, True)
    assert cache.size_bytes <= 10_000


def test_too_large_body_is_not_stored() -> None:
    cache = BodyCache(10_000)
    cache.put("a", b"x" * 9_700)
    assert (cache.get("a"), cache.size_bytes) == (None, 0)
