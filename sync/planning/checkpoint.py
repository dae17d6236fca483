"""Checkpoint of a partition: the passes, and the position up to which each has been read."""

from typing import Literal

import msgspec

from sync.planning.reader import ReadPosition

Phase = Literal["opening", "reading", "proving"]


class QueryPass(msgspec.Struct, frozen=True, kw_only=True):
    """One query of a partition. `lab_grown`: its origin, None for both. `counted`: listings that it must show.

    `end`: positions of the query; more than `counted` if reading starts in the middle of it. `cross`: its range of the
    cross filter (`SubQuery.cross_from`), None for all.
    """

    lab_grown: bool | None
    cross: tuple[int, int] | None = None
    counted: int
    end: int
    position: ReadPosition


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Reading progress of a partition. Stored with the listings of each page, in one transaction.

    `unidentified`: (pass, position, price of a neighbour) of each item that could not be identified.
    """

    phase: Phase = "opening"
    total: int = 0
    passes: tuple[QueryPass, ...] = ()
    current: int = 0
    unidentified: tuple[tuple[int, int, int | None], ...] = ()
