"""Requirements on the Redis server: no cluster mode, and no eviction.

arq enqueues and ends a job in a transaction over several keys. A server in cluster mode rejects it (`CROSSSLOT`), even with
one shard. Azure Managed Redis has cluster mode by default (clustering policy OSSCluster); use the policy NonClustered.
With an eviction policy other than `noeviction`, a full server deletes jobs and the state of the supplier's rate limiter.
"""

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from inventory.core.logging import get_logger

log = get_logger()

CLUSTER_MODE = (
    "cluster mode is not supported: use a server without it (Azure Managed Redis: clustering policy NonClustered)"
)

RECOMMENDED_POLICY = "noeviction"

_CLUSTER_ERRORS = ("CROSSSLOT", "MOVED", "ASK ", "CLUSTERDOWN")
# Two keys in different slots of a cluster. They are only read.
_TWO_SLOTS = ("diamond-inventory:probe:{a}", "diamond-inventory:probe:{b}")


async def problem(redis: Redis) -> str | None:
    """Check the server's configuration. Returns the problem, or None.

    Raises:
        RedisError, OSError, TimeoutError: the server does not answer, or rejects the probe for another reason.
    """
    try:
        async with redis.pipeline(transaction=True) as pipe:
            for key in _TWO_SLOTS:
                pipe.exists(key)
            await pipe.execute()
    except ResponseError as error:
        if any(name in str(error) for name in _CLUSTER_ERRORS):
            return CLUSTER_MODE
        raise
    return None


async def report(redis: Redis) -> str | None:
    """Check the server at the start of a process, and log problems and warnings. Returns as `problem`.

    Raises:
        RedisError, OSError, TimeoutError: as `problem`.
    """
    found = await problem(redis)
    if found is not None:
        log.error("redis_misconfigured", setting="REDIS_URL", reason=found)
        return found
    policy = await eviction_policy(redis)
    if policy != RECOMMENDED_POLICY:
        log.warning("redis_evicts_keys", maxmemory_policy=policy, recommended=RECOMMENDED_POLICY)
    return None


async def eviction_policy(redis: Redis) -> str:
    """Read the server's `maxmemory-policy`.

    Raises:
        RedisError, OSError, TimeoutError: as `problem`.
    """
    return str((await redis.info("memory")).get("maxmemory_policy", RECOMMENDED_POLICY))
