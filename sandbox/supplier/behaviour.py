"""Behaviour that the published schema leaves open; the control API changes it while the simulator runs."""

from typing import Literal

import msgspec

Unit = Literal["seconds", "milliseconds"]


class Behaviour(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Choices between facts that are not known.

    `until`: the unit of `Hold.until`, counted from 1970. `expires`: `Session.expires` as seconds to go, or as milliseconds
    since 1970. `granted_denied`: what `Hold.denied` is for a hold that was granted. `known_destinations`: whether an order
    is refused where its `destinationId` is none of the account's locations.
    """

    until: Unit = "milliseconds"
    expires: Unit = "seconds"
    granted_denied: Literal[False] | None = False
    known_destinations: bool = True


class BehaviourHolder:
    """The behaviour in force."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.now = behaviour
