"""Options for behaviour that the published schema does not specify. The control API changes them at run time."""

from typing import Literal

import msgspec

Unit = Literal["seconds", "milliseconds"]


class Behaviour(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Options for unknown behaviour of the supplier.

    `until`: unit of `Hold.until`, counted from 1970. `expires`: `Session.expires` as seconds until expiry, or as
    milliseconds since 1970. `granted_denied`: value of `Hold.denied` of a granted hold. `known_destinations`: whether an
    order is refused if its `destinationId` is not a location of the account.
    """

    until: Unit = "milliseconds"
    expires: Unit = "seconds"
    granted_denied: Literal[False] | None = False
    known_destinations: bool = True


class BehaviourHolder:
    """The behaviour in force."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.now = behaviour
