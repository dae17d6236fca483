"""Decisions of the request rate limiter."""

import pytest

from app.auth.limits import RateLimitDecision, RequestLimit
from inventory.core.errors import RateLimited
from inventory.core.token_bucket import BucketAnswer


def test_rejection_reports_retry_after() -> None:
    decision = RateLimitDecision.of(RequestLimit("reads", 60), BucketAnswer(False, 0, 1_200_000, 60_000_000))
    assert decision.headers == {
        "RateLimit-Limit": "60",
        "RateLimit-Remaining": "0",
        "RateLimit-Reset": "60",
        "Retry-After": "2",
    }
    with pytest.raises(RateLimited, match="in 2 s"):
        decision.check()
