"""Browser sessions of API keys: a random token in a cookie, its digest in Redis.

A session names a key and grants nothing by itself: each request reads the key's row again, so a revoked key ends its sessions.
The key's text is stored nowhere. All sessions of a key are one sorted set (digest of the token, expiry), so their number is
bounded by one command.
"""

import hashlib
import secrets
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import quote, unquote

from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.requests import cookie_parser

from inventory.core.clock import Clock, utc_now
from inventory.core.errors import Unauthenticated, Unavailable

LIFETIME = timedelta(hours=12)
PER_KEY = 20
# The prefix makes the browser refuse a cookie that another host of the domain sets. It needs TLS.
_SECURE_NAME, _PLAIN_NAME = "__Host-dashboard-session", "dashboard-session"
_TOKEN_BYTES = 32
_MAX_TOKEN_LENGTH = 512


class SessionsUnavailable(Unavailable):
    """Sessions can't be looked up because Redis does not answer; try again soon."""


class Sessions:
    """The sessions of all keys, shared by all processes."""

    def __init__(self, redis: Redis, *, clock: Clock = utc_now, prefix: str = "diamond-inventory:sessions:") -> None:
        self._redis = redis
        self._clock = clock
        self._prefix = prefix

    async def open(self, key_id: str) -> str:
        """Start a session of a key and return its token. Of more than `PER_KEY` the oldest ends.

        Raises:
            SessionsUnavailable: Redis does not answer.
        """
        secret = secrets.token_urlsafe(_TOKEN_BYTES)
        name, now = self._prefix + key_id, self._clock()
        try:
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.zremrangebyscore(name, "-inf", now.timestamp())
                pipeline.zadd(name, {_digest(secret): (now + LIFETIME).timestamp()})
                pipeline.zremrangebyrank(name, 0, -PER_KEY - 1)
                pipeline.expire(name, LIFETIME)
                await pipeline.execute()
        except (RedisError, OSError, TimeoutError) as error:
            raise SessionsUnavailable from error
        return f"{quote(key_id, safe='')}.{secret}"

    async def key_id(self, token: str) -> str:
        """The id of the key that a session belongs to.

        Raises:
            Unauthenticated: the session has ended, or never existed.
            SessionsUnavailable: Redis does not answer.
        """
        key_id, secret = _parts(token)
        try:
            expires_at = await self._redis.zscore(self._prefix + key_id, _digest(secret))
        except (RedisError, OSError, TimeoutError) as error:
            raise SessionsUnavailable from error
        if expires_at is None or expires_at <= self._clock().timestamp():
            raise Unauthenticated("The session has ended. Sign in again.")
        return key_id

    async def close(self, token: str) -> None:
        """End a session. One that has ended stays so.

        Raises:
            SessionsUnavailable: Redis does not answer.
        """
        key_id, secret = _parts(token)
        try:
            await self._redis.zrem(self._prefix + key_id, _digest(secret))
        except (RedisError, OSError, TimeoutError) as error:
            raise SessionsUnavailable from error


def token_of(headers: Mapping[str, str], *, secure: bool) -> str | None:
    """The token in a request's cookies. `secure`: whether the request came over TLS."""
    text = headers.get("cookie")
    if text is None:
        return None
    cookies = cookie_parser(text)
    token = cookies.get(_SECURE_NAME if secure else _PLAIN_NAME)
    return token if token and len(token) <= _MAX_TOKEN_LENGTH else None


def set_cookie(token: str, *, secure: bool) -> str:
    """The `Set-Cookie` header that gives a browser its session. An empty token removes it."""
    name = _SECURE_NAME if secure else _PLAIN_NAME
    seconds = int(LIFETIME.total_seconds()) if token else 0
    return f"{name}={token}; Max-Age={seconds}; Path=/; HttpOnly; SameSite=Strict{'; Secure' if secure else ''}"


def _parts(token: str) -> tuple[str, str]:
    key_id, _, secret = token.rpartition(".")
    return unquote(key_id), secret


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
