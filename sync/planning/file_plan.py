"""Plan of a run over files: parts with exact numbers of rows that together hold every row of the snapshot once."""

from collections.abc import Iterator

import msgspec

from inventory.core.errors import CoverageUnproven, FeedIncomplete
from inventory.suppliers.enumerated import Part, Snapshot


class FilePlan(msgspec.Struct, frozen=True, kw_only=True):
    """The files of a run and their parts. A plan that does not cover the files cannot be constructed.

    `total`, `priced`, `unpriced`, `bands`, `counts_used`: as of `planning.partition.Plan`; a row has no price band.
    """

    snapshot: Snapshot
    parts: tuple[Part, ...]
    total: int
    priced: int
    unpriced: int = 0
    bands: tuple[()] = ()
    counts_used: int = 0

    @classmethod
    def of(cls, snapshot: Snapshot, parts: tuple[Part, ...]) -> "FilePlan":
        """Create the plan of parts.

        Raises:
            CoverageUnproven: the parts do not hold every row once.
        """
        total = sum(part.rows for part in parts)
        return cls(snapshot=snapshot, parts=parts, total=total, priced=total)

    @property
    def size(self) -> int:
        """Number of partitions."""
        return len(self.parts)

    @property
    def digests(self) -> tuple[str, ...]:
        """The digests of the files."""
        return tuple(file.digest for file in self.snapshot.files)

    @property
    def max_over_mean(self) -> float:
        """Ratio of the largest part to the mean, by rows; 1.0 without rows."""
        sizes = [part.rows for part in self.parts]
        return max(sizes) * len(sizes) / sum(sizes) if sum(sizes) else 1.0

    def __post_init__(self) -> None:
        """Prove the coverage: the parts of each file follow each other from its first row.

        Raises:
            CoverageUnproven: they do not, or a file has no part.
        """
        flaws = list(self._flaws())
        if flaws:
            raise CoverageUnproven(
                f"the plan does not cover the files: {'; '.join(flaws)}",
                details={"total": self.total, "parts": len(self.parts)},
            )

    def _flaws(self) -> Iterator[str]:
        digests = self.digests
        if len(set(digests)) < len(digests):
            yield "a file is there twice"
        if {part.digest for part in self.parts} - {*digests}:
            yield "a part belongs to another file"
        for file in self.snapshot.files:
            row, parts = 0, [part for part in self.parts if part.digest == file.digest]
            for part in sorted(parts, key=lambda part: part.first_row):
                if part.first_row != row or part.rows <= 0:
                    yield f"the parts of {file.name} do not follow each other at row {row}"
                row += part.rows
            if not parts and file.full:  # a list of changes may be empty
                yield f"{file.name} has no part"


class PartCheckpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Reading progress of a part, stored with each page in one transaction: `position` counts rows from its start.

    `items`: rows that were staged, valid or in quarantine. `rejected`: rows that another row of the run represents.
    """

    position: int = 0
    items: int = 0
    rejected: int = 0


def check_part(part: Part, checkpoint: PartCheckpoint) -> None:
    """Prove that every row of a part is staged or rejected.

    Raises:
        FeedIncomplete: rows are missing, or were counted twice.
    """
    if not part.rows == checkpoint.position == checkpoint.items + checkpoint.rejected:
        raise FeedIncomplete(
            f"{checkpoint.items} rows of a part were staged and {checkpoint.rejected} rejected, and it has {part.rows}",
            details={"counted": part.rows, "read": checkpoint.items, "rejected": checkpoint.rejected},
        )
