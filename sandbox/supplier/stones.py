"""Column store of stones, about forty bytes per stone. The columns are the search index; see `special` for bad values."""

from array import array
from typing import NamedTuple

from sandbox.supplier.vocabulary import AVAILABILITIES, CLARITIES, COLORS, CUTS, SHAPES, Words

NO_PRICE = -(1 << 62)
"""Value of the price column without a price: the stone matches no price range."""
NO_CARATS = (1 << 32) - 1
"""Value of the carats column without a valid number: the stone matches no size range."""

LAB_GROWN, HAS_IMAGE, HAS_V360, FANCY = 1, 2, 4, 8


class Record(NamedTuple):
    """Encoded values of a stone. Price in cents, carats in thousandths, words as numbers, discount in 1/100 %."""

    price: int
    carats: int
    shape: int
    color: int
    clarity: int
    cut: int
    availability: int
    flags: int
    discount: int


class Details(NamedTuple):
    """Values of a generated stone beside its record. Sizes in 1/100 mm or 1/100 %.

    None: the certificate does not state the value. `report`: whether the certificate has a page.
    """

    length: int
    width: int
    height: int
    depth: int
    table: int
    lab: str
    polish: str
    symmetry: str
    fluorescence: str
    fluorescence_color: str | None
    hue: str | None
    intensity: str | None
    overtone: str | None
    growth: str | None
    days: tuple[int, int]
    express: bool
    return_days: int
    report: bool


class Stones:
    """Columns by ordinal. Rows are never deleted: a stone that left the feed keeps its row and its id."""

    def __init__(self) -> None:
        self.price = array("q")
        self.carats = array("I")
        self.shape = array("B")
        self.color = array("B")
        self.clarity = array("B")
        self.cut = array("B")
        self.availability = array("B")
        self.flags = array("B")
        self.discount = array("h")
        # Not served. Microseconds since 1970.
        self.created = array("q")
        self.updated = array("q")
        self.present = array("B")
        # Measurements of the real stones, which come first, in 1/100 mm or 1/100 %.
        self.measured = {name: array("H") for name in ("depth", "table", "x", "y", "z")}
        # Generated assortment by ordinal; `payload` draws the values of all other stones.
        self.details: dict[int, Details] = {}
        self.shapes = Words(SHAPES)
        self.colors = Words(COLORS)
        self.clarities = Words(CLARITIES)
        self.cuts = Words(CUTS)
        self.availabilities = Words(AVAILABILITIES)

    def __len__(self) -> int:
        return len(self.price)

    def append(self, record: Record, created: int, updated: int) -> int:
        """Append a stone. Returns its ordinal."""
        ordinal = len(self)
        for name, value in zip(Record._fields, record, strict=True):
            getattr(self, name).append(value)
        self.created.append(created)
        self.updated.append(updated)
        self.present.append(1)
        return ordinal

    def record(self, ordinal: int) -> Record:
        return Record(
            self.price[ordinal],
            self.carats[ordinal],
            self.shape[ordinal],
            self.color[ordinal],
            self.clarity[ordinal],
            self.cut[ordinal],
            self.availability[ordinal],
            self.flags[ordinal],
            self.discount[ordinal],
        )

    def write(self, ordinal: int, record: Record) -> None:
        (
            self.price[ordinal],
            self.carats[ordinal],
            self.shape[ordinal],
            self.color[ordinal],
            self.clarity[ordinal],
            self.cut[ordinal],
            self.availability[ordinal],
            self.flags[ordinal],
            self.discount[ordinal],
        ) = record
