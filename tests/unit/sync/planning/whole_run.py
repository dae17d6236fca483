"""A complete run in memory: planning, reading and both proofs, against the in-memory supplier."""

from collections.abc import Callable
from random import Random

import msgspec

from sync.planning.checkpoint import Checkpoint
from sync.planning.completeness import PartitionProof, PartitionReading
from sync.planning.heatmap import PriceRange
from sync.planning.listing import CountRequest, Listing, PageRequest, PageView, SubQuery
from sync.planning.partition import Band, Plan
from sync.planning.planner import plan
from sync.planning.requests import Steps
from sync.planning.run_proof import Distinct, DistinctRequest, RunCompleteness, RunProof
from tests.unit.sync.planning.model_supplier import ModelSupplier

_KILL_SHARE = 0.05

# Called before every request.
Meanwhile = Callable[[], None]


class PartitionRun:
    """The reading of one partition, and its stored state."""

    def __init__(self, band: Band, supplier: ModelSupplier, *, limit: int, overlap: int, by_origin: bool) -> None:
        self._band = band
        self._supplier = supplier
        self._limit, self._overlap, self._by_origin = limit, overlap, by_origin
        self.stored: list[tuple[int, list[Listing]]] = []
        self._checkpoint: bytes | None = None
        self.proof: PartitionProof | None = None
        self.restart()

    def restart(self) -> None:
        """Continue from the stored state, as the next worker does after a kill."""
        checkpoint = msgspec.json.decode(self._checkpoint, type=Checkpoint) if self._checkpoint else None
        self._reading = PartitionReading(
            self._band,
            limit=self._limit,
            overlap=self._overlap,
            by_origin=self._by_origin,
            by_weight=self._supplier.behaviour.weighs,
            checkpoint=checkpoint,
        )
        for number, listings in self.stored:
            self._reading.restore(number, listings)
        self._steps: Steps[PartitionProof] = self._reading.requests()
        self._request = self._next(None)

    def step(self) -> None:
        """Answer one request."""
        request = self._request
        if isinstance(request, CountRequest):
            self._request = self._next(self._supplier.count(request.part))
        elif isinstance(request, PageRequest):
            page = self._supplier.page(request.part, request.offset, request.limit)
            self._request = self._next(page)
            self.stored.append((request.reading, list(page.listings)))
            self._checkpoint = msgspec.json.encode(self._reading.checkpoint)

    def _next(self, answer: int | PageView | None) -> CountRequest | PageRequest | None:
        try:
            return next(self._steps) if answer is None else self._steps.send(answer)
        except StopIteration as end:
            self.proof = end.value
            return None


class WholeRun:
    """A run. `complete` raises the error with which the pipeline fails."""

    def __init__(
        self,
        supplier: ModelSupplier,
        *,
        seed: int = 0,
        limit: int = 50,
        overlap: int = 1,
        max_partitions: int = 30,
        min_stones: int = 1_000,
        by_origin: bool = True,
        kills: int = 0,
        meanwhile: Meanwhile = lambda: None,
    ) -> None:
        """`kills`: number of worker kills."""
        self.supplier = supplier
        self._random = Random(seed)
        self._limit, self._overlap, self._by_origin = limit, overlap, by_origin
        self._max_partitions, self._min_stones = max_partitions, min_stones
        self._kills = kills
        self._meanwhile = meanwhile
        self.partitions: list[PartitionRun] = []
        self.read: set[int] = set()
        self.stones: set[int] = set()
        self.plan: Plan | None = None

    def complete(self) -> RunProof:
        self.supplier.open()
        self.plan = self._plan()
        self.partitions = [
            PartitionRun(band, self.supplier, limit=self._limit, overlap=self._overlap, by_origin=self._by_origin)
            for band in self.plan.bands
        ]
        while open_ones := [one for one in self.partitions if one.proof is None]:
            one = self._random.choice(open_ones)
            self._meanwhile()
            one.step()
            if one.proof is None and self._kills and self._random.random() < _KILL_SHARE:
                self._kills -= 1
                one.restart()
        for one in self.partitions:
            for _, listings in one.stored:
                self._take(listings)
        return self._prove()

    def _plan(self) -> Plan:
        counting = plan(max_partitions=self._max_partitions, min_stones=self._min_stones, by_origin=self._by_origin)
        ranges = next(counting)
        while True:
            try:
                ranges = counting.send([self._count(part) for part in ranges])
            except StopIteration as end:
                made: Plan = end.value
                return made

    def _count(self, part: PriceRange) -> int:
        self._meanwhile()
        return self.supplier.count(
            SubQuery(price_from=part.price_from, price_to=part.price_to, lab_grown=part.lab_grown)
        )

    def _take(self, listings: list[Listing]) -> None:
        self.read |= {listing.offer for listing in listings}
        self.stones |= {listing.stone for listing in listings}

    def _prove(self) -> RunProof:
        assert self.plan is not None
        edges = [band.price_to for band in self.plan.bands if band.kind == "band" and band.price_to is not None]
        proving = RunCompleteness(
            opened=self.plan.total, edges=edges, limit=self._limit, by_origin=self._by_origin
        ).requests()
        answer: int | PageView | Distinct | None = None
        while True:
            try:
                request = next(proving) if answer is None else proving.send(answer)
            except StopIteration as end:
                proof: RunProof = end.value
                return proof
            self._meanwhile()
            if isinstance(request, DistinctRequest):
                unidentified = sum(one.proof.unidentified for one in self.partitions if one.proof)
                answer = Distinct(len(self.read), len(self.stones), unidentified)
            elif isinstance(request, CountRequest):
                answer = self.supplier.count(request.part)
            else:
                answer = self.supplier.page(request.part, request.offset, request.limit)
                self._take(list(answer.listings))
