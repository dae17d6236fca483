"""Requirements on the Redis server: no cluster mode, and no eviction.

arq enqueues and ends a job in one transaction over several keys. A server in cluster mode refuses that (`CROSSSLOT`), even with
one shard. Azure Managed Redis has it by default (clustering policy OSSCluster); the policy NonClustered does without.
An eviction policy other than `noeviction` lets a full server forget jobs and the supplier's call budget.
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
# Two keys that lie in different slots of a cluster. Neither is ever written.
_TWO_SLOTS = ("diamond-inventory:probe:{a}", "diamond-inventory:probe:{b}")


async def problem(redis: Redis) -> str | None:
    """Return what is wrong with how the server is set up; None if it can be used.

    Raises:
        RedisError, OSError, TimeoutError: the server does not answer, or refuses for another reason.
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
    """As `problem`, for the start of a process: the log says what is wrong, and what is not recommended.

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
    """Return the server's `maxmemory-policy`.

    Raises:
        RedisError, OSError, TimeoutError: as `problem`.
    """
    return str((await redis.info("memory")).get("maxmemory_policy", RECOMMENDED_POLICY))
