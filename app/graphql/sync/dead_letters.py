"""Dead letters of the queues: list, replay and discard them. The job worker executes it, because the API has no broker."""

from collections.abc import Collection
from datetime import datetime
from time import time
from typing import Annotated

import msgspec
import strawberry

from app.auth.scopes import Scope
from app.graphql.context import Info
from app.graphql.permissions import field
from app.graphql.sync.jobs import Job, job_to_graphql
from app.graphql.user_errors import Problem, UserError, attempt, error_type, errors_field, refusals, typed_errors
from inventory.core import jobs
from inventory.core.errors import Unavailable, ValidationFailed
from inventory.core.jobs import JobState, JobsUnavailable
from inventory.runs.dead_letters import DeadLetter as Letter

_argument = strawberry.argument

_WAIT_SECONDS = 10.0
# Requests within this time share a listing, so that many open pages are one request to the broker.
_SHARED_SECONDS = 10
_PER_QUEUE = 50
_MAX_NUMBERS = 100


class DeadLettersUnavailable(Unavailable):
    """The dead letters could not be listed: the jobs role or the message broker does not answer. Try again soon."""


@strawberry.type(description="A dead letter: a message that no role could handle.")
class DeadLetter:
    queue: str = strawberry.field(description="Queue.")
    number: str = strawberry.field(
        description="Sequence number in the queue, for `deadLettersReplay` and `deadLettersDiscard`."
    )
    sent_at: datetime | None = strawberry.field(description="Time at which it was sent; null if it names none.")
    reason: str = strawberry.field(description="Reason.")
    description: str = strawberry.field(description="Description of the reason; may be empty.")
    deliveries: int = strawberry.field(description="Number of deliveries.")
    readable: bool = strawberry.field(description="Whether a role can read the body. If not, it can only be discarded.")
    body: str = strawberry.field(description="Body as printable text, shortened if it is very long.")


@strawberry.input(description="Dead letters of a queue.")
class DeadLettersInput:
    queue: str = strawberry.field(description="Queue, as in `deadLetters`.")
    numbers: list[str] = strawberry.field(description="Their numbers, 1 to 100.")


DeadLettersReplayUserError = error_type("DeadLettersReplay")


@strawberry.type(description="Result of `deadLettersReplay`.")
class DeadLettersReplayPayload:
    job: Job | None = strawberry.field(description="The job; `changed` is the number of replayed messages.")
    user_errors: list[UserError] = errors_field(DeadLettersReplayUserError)


DeadLettersDiscardUserError = error_type("DeadLettersDiscard")


@strawberry.type(description="Result of `deadLettersDiscard`.")
class DeadLettersDiscardPayload:
    job: Job | None = strawberry.field(description="The job; `changed` is the number of discarded messages.")
    user_errors: list[UserError] = errors_field(DeadLettersDiscardUserError)


@strawberry.type
class DeadLetterQueries:
    """Field of `Query` for dead letters."""

    @field(
        description="Dead letters of all queues, oldest first, at most 50 of a queue. A listing may be ten seconds old.",
        scope=Scope.SYNC_READ,
    )
    async def dead_letters(self, info: Info) -> list[DeadLetter] | None:
        queue = info.context.services.jobs
        shared = f"{int(time() / _SHARED_SECONDS)}"
        job_id = await jobs.enqueue(queue, "list_dead_letters", key=shared, limit=_PER_QUEUE)
        state = await jobs.wait(queue, job_id, _WAIT_SECONDS)
        if state is None or not state.over:
            raise DeadLettersUnavailable
        if state.failure:
            raise DeadLettersUnavailable(state.failure.message)
        return [_letter_to_graphql(letter) for letter in msgspec.convert(state.result, list[Letter])]


@strawberry.type
class DeadLetterMutations:
    """Fields of `Mutation` for dead letters."""

    @field(
        description="Sends dead letters to their queue again. The roles handle a repeated message once. A message that no role "
        "can read stays.",
        scope=Scope.SYNC_ADMIN,
    )
    async def dead_letters_replay(
        self,
        info: Info,
        input: Annotated[DeadLettersInput, _argument(description="The messages.")],  # noqa: A002 - GraphQL convention
    ) -> DeadLettersReplayPayload | None:
        job, errors = await _handle("replay_dead_letters", input, info)
        return DeadLettersReplayPayload(job=job, user_errors=typed_errors(DeadLettersReplayUserError, errors))

    @field(description="Discards dead letters.", scope=Scope.SYNC_ADMIN)
    async def dead_letters_discard(
        self,
        info: Info,
        input: Annotated[DeadLettersInput, _argument(description="The messages.")],  # noqa: A002 - GraphQL convention
    ) -> DeadLettersDiscardPayload | None:
        job, errors = await _handle("discard_dead_letters", input, info)
        return DeadLettersDiscardPayload(job=job, user_errors=typed_errors(DeadLettersDiscardUserError, errors))


async def _handle(name: str, given: DeadLettersInput, info: Info) -> tuple[Job | None, list[Problem]]:
    state, errors = await attempt(_enqueue(name, given, info))
    if state is None:
        return None, errors
    return job_to_graphql(state, None), refusals(state.failure) if state.failure else []


async def _enqueue(name: str, given: DeadLettersInput, info: Info) -> JobState:
    services = info.context.services
    queues = services.settings.service_bus.queues
    if given.queue not in queues:
        raise ValidationFailed({"queue": f"should be one of {', '.join(sorted(queues))}"})
    who = f"api:{info.context.caller.client_id}"
    job_id = await jobs.enqueue(services.jobs, name, queue=given.queue, numbers=_numbers(given.numbers), who=who)
    state = await jobs.wait(services.jobs, job_id, _WAIT_SECONDS)
    if state is None:
        raise JobsUnavailable
    return state


def _numbers(texts: Collection[str]) -> list[int]:
    numbers = {int(text) for text in texts if text.isascii() and text.isdigit() and len(text) < len(str(2**63))}
    if not 1 <= len(texts) <= _MAX_NUMBERS or len(numbers) != len(set(texts)):
        raise ValidationFailed({"numbers": f"should be 1 to {_MAX_NUMBERS} numbers of dead letters"})
    return sorted(numbers)


def _letter_to_graphql(letter: Letter) -> DeadLetter:
    return DeadLetter(
        queue=letter.queue,
        number=str(letter.sequence_number),
        sent_at=letter.sent_at,
        reason=letter.reason,
        description=letter.description,
        deliveries=letter.deliveries,
        readable=letter.body_type == "data",
        body=letter.body,
    )
