"""Redis check: connection, mode and eviction policy. Reads only."""

from redis.exceptions import RedisError

from app.doctor.checks import Check, DoctorReport
from inventory.core import redis_server
from inventory.core.jobs import connect
from inventory.core.settings import Settings

_SUBJECT = "Redis of REDIS_URL"


async def examine(settings: Settings) -> DoctorReport:
    """Check the Redis server of the settings.

    Raises:
        SettingsError: REDIS_URL is not set.
    """
    redis = connect(settings.redis)
    try:
        problem = await redis_server.problem(redis)
        policy = await redis_server.eviction_policy(redis)
    except (RedisError, OSError, TimeoutError) as error:
        step = "Check REDIS_URL: its host, TLS port and access key, and the firewall of the server."
        return DoctorReport(
            subject=_SUBJECT, checks=[Check(name="answer", state="failed", detail=str(error), next_step=step)]
        )
    finally:
        await redis.aclose()
    mode = (
        Check(name="mode", state="failed", detail=problem, next_step='See docs/how-to/deploy.md, "Redis".')
        if problem
        else Check(name="mode", state="ok", detail="transactions over several keys work")
    )
    kept = policy == redis_server.RECOMMENDED_POLICY
    eviction = Check(
        name="eviction",
        state="ok" if kept else "degraded",
        detail=f"maxmemory-policy is {policy}",
        next_step="" if kept else f"Set it to {redis_server.RECOMMENDED_POLICY}: a full server may remove jobs.",
    )
    return DoctorReport(
        subject=_SUBJECT, checks=[Check(name="answer", state="ok", detail="it answers"), mode, eviction]
    )
