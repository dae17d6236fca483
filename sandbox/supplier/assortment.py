"""Generated assortment: other shapes, lab-grown and fancy-colour stones in plausible proportions, beside the real stones.

Stones are drawn in blocks that are seeded by the block's number, so a larger assortment begins with the stones of a
smaller one. Natural stones of a block have prices from the measured density; the best stone has the highest price.
"""

from math import exp
from random import Random
from typing import NamedTuple

from sandbox.supplier import proportions, shares
from sandbox.supplier.spread import Prices, extend, instants
from sandbox.supplier.stones import FANCY, HAS_IMAGE, HAS_V360, LAB_GROWN, Details, Record, Stones
from sandbox.supplier.vocabulary import AVAILABILITIES, AVAILABILITY_WEIGHTS

BLOCK = 4096
_LAB_GROWN_SHARE, _FANCY_SHARE, _LAB_GROWN_FANCY_SHARE = 0.5, 0.12, 0.06
_IMAGE_SHARE, _SPIN_SHARE, _REPORT_SHARE, _EXPRESS_SHARE, _CVD_SHARE = 0.95, 0.80, 0.98, 0.20, 0.80
_LARGE = 0.9  # carats from which clarities are those of large stones
_ON_MARK = 0.6  # share of stones that weigh little more than the lower end of their span
_PREMIUM_SHARE = 0.5  # share of lab-grown GIA reports without colour and clarity, which GIA no longer states
_FASTEST_DAYS = 5  # most business days with which express delivery is offered
_MARKS = ((0.50, 1.23), (0.70, 1.19), (0.90, 1.15), (1.00, 1.15), (1.50, 1.13))
_ROUND_CARAT_CENTS = 240_000  # one carat of a natural round G, VS2, before the steps at the marks
_CHEAPEST_CENTS = 4_000
_NOISE = 0.13
_AVAILABILITIES = shares.Shares(list(zip(AVAILABILITIES, AVAILABILITY_WEIGHTS, strict=True)))


class _Draft(NamedTuple):
    """A drawn stone without its final price. `value`: the price (cents) by weight and grades."""

    value: float
    lab_grown: bool
    carats: int
    shape: str
    color: str | None
    clarity: str | None
    cut: str | None
    availability: str
    flags: int
    discount: int
    details: Details


def fill(stones: Stones, *, count: int, seed: int, start: int) -> None:
    """Append the first `count` stones of the assortment. `start`: now, in microseconds since 1970."""
    prices = Prices()
    for first in range(0, count, BLOCK):
        random = Random(f"assortment:{seed}:{first}")
        size = min(BLOCK, count - first)
        # Draw the whole block even if only a part is needed, so that its stones do not depend on `count`.
        drafts = [_draft(random) for _ in range(BLOCK)]
        cents = _priced(random, prices, drafts)
        created, updated = instants(random, start, BLOCK, size)
        stones.details.update(enumerate((draft.details for draft in drafts[:size]), len(stones)))
        extend(stones, [_record(stones, *pair) for pair in zip(drafts[:size], cents, strict=False)], created, updated)


def _draft(random: Random) -> _Draft:
    lab_grown = random.random() < _LAB_GROWN_SHARE
    fancy = random.random() < (_LAB_GROWN_FANCY_SHARE if lab_grown else _FANCY_SHARE)
    shape = (shares.LAB_GROWN_SHAPES if lab_grown else shares.NATURAL_SHAPES).draw(random)
    hundredths = _weight(random, (shares.LAB_GROWN_CARATS if lab_grown else shares.NATURAL_CARATS).draw(random))
    carat = hundredths / 100
    details = _details(random, shape, carat, lab_grown=lab_grown, fancy=fancy)
    color, clarity = _grades(random, carat, lab_grown=lab_grown)
    grown_unstated = lab_grown and not fancy and details.lab == "GIA" and random.random() < _PREMIUM_SHARE
    flags = (
        (LAB_GROWN if lab_grown else 0)
        | (FANCY if fancy else 0)
        | (HAS_IMAGE if random.random() < _IMAGE_SHARE else 0)
        | (HAS_V360 if random.random() < _SPIN_SHARE else 0)
    )
    return _Draft(
        value=_value(random, carat, shape, color, clarity, details, lab_grown=lab_grown),
        lab_grown=lab_grown,
        carats=hundredths * 10,
        shape=shape,
        color="FANCY" if fancy else None if grown_unstated else color,
        clarity=None if grown_unstated else clarity,
        cut=_cut(random, shape, details.lab),
        availability=_AVAILABILITIES.draw(random),
        flags=flags,
        discount=-int(9900 * random.random()),
        details=details,
    )


def _weight(random: Random, span: shares.Span) -> int:
    """Draw a weight (hundredths of a carat). Cutters aim at the span's lower end and avoid weights just below the next span."""
    low, beyond = span
    if random.random() < _ON_MARK:
        return min(low + int(random.expovariate(1 / 3)), beyond - 1)
    return low + int((beyond - low) * 0.85 * random.random())


def _grades(random: Random, carat: float, *, lab_grown: bool) -> tuple[str, str]:
    """Draw colour and clarity. Large natural stones rarely have a high clarity."""
    if lab_grown:
        return shares.LAB_GROWN_COLORS.draw(random), shares.LAB_GROWN_CLARITIES.draw(random)
    clarities = shares.LARGE_CLARITIES if carat >= _LARGE else shares.SMALL_CLARITIES
    return shares.NATURAL_COLORS.draw(random), clarities.draw(random)


def _cut(random: Random, shape: str, lab: str) -> str | None:
    if shape == "ROUND":
        return shares.CUTS.draw(random)
    return shares.FANCY_SHAPE_CUTS.draw(random) if lab == "IGI" else None


def _details(random: Random, shape: str, carat: float, *, lab_grown: bool, fancy: bool) -> Details:
    size = proportions.draw(random, shape, carat)
    fluorescence = (shares.LAB_GROWN_FLUORESCENCES if lab_grown else shares.NATURAL_FLUORESCENCES).draw(random)
    glow = shares.FLUORESCENCE_COLORS.draw(random)
    hue = (shares.LAB_GROWN_HUES if lab_grown else shares.NATURAL_HUES).draw(random)
    intensity, overtone = shares.INTENSITIES.draw(random), shares.OVERTONES.draw(random)
    days = shares.DELIVERY_DAYS.draw(random)
    return Details(
        length=size.length,
        width=size.width,
        height=size.height,
        depth=size.depth,
        table=size.table,
        lab=(shares.LAB_GROWN_LABS if lab_grown else shares.NATURAL_LABS).draw(random),
        polish=shares.POLISHES.draw(random),
        symmetry=shares.SYMMETRIES.draw(random),
        fluorescence=fluorescence,
        fluorescence_color=None if fluorescence == "NON" else glow,
        hue=hue if fancy else None,
        intensity=intensity if fancy else None,
        overtone=overtone if fancy and overtone and not overtone.startswith(hue[:4]) else None,
        growth=("CVD" if random.random() < _CVD_SHARE else "HPHT") if lab_grown else None,
        days=days,
        express=days[1] <= _FASTEST_DAYS and random.random() < 2 * _EXPRESS_SHARE,
        return_days=shares.RETURN_DAYS.draw(random),
        report=random.random() < _REPORT_SHARE,
    )


def _value(
    random: Random, carat: float, shape: str, color: str, clarity: str, details: Details, *, lab_grown: bool
) -> float:
    """Price (cents) by weight and grades. Natural stones are only ranked by it; it is the price of lab-grown stones."""
    value: float = _ROUND_CARAT_CENTS * carat**1.75
    for mark, step in _MARKS:
        value *= step if carat >= mark else 1
    value *= shares.CLARITY_FACTORS[clarity] * shares.SHAPE_FACTORS.get(shape, 0.6)
    if details.hue and details.intensity:
        value *= 1.5 if lab_grown else shares.HUE_FACTORS[details.hue] * shares.INTENSITY_FACTORS[details.intensity]
    else:
        value *= shares.COLOR_FACTORS[color]
    if lab_grown:
        # Price ratio of natural to lab-grown at equal grades: 2.3 at 0.5 carats, 4.2 at 1, 7.7 at 2.
        value /= 4.2 * carat**0.87
    return value * exp(random.gauss(0, _NOISE))


def _priced(random: Random, prices: Prices, drafts: list[_Draft]) -> list[int]:
    """Prices in cents. Prices of natural stones are drawn from the measured density and assigned by rank of `value`."""
    cents = [max(round(draft.value / 100) * 100, _CHEAPEST_CENTS) for draft in drafts]
    natural = sorted(
        (place for place, draft in enumerate(drafts) if not draft.lab_grown), key=lambda at: drafts[at].value
    )
    for place, price in zip(natural, sorted(prices.draw(random, len(natural))), strict=True):
        cents[place] = price
    return cents


def _record(stones: Stones, draft: _Draft, cents: int) -> Record:
    return Record(
        price=cents,
        carats=draft.carats,
        shape=stones.shapes.number(draft.shape),
        color=stones.colors.number(draft.color),
        clarity=stones.clarities.number(draft.clarity),
        cut=stones.cuts.number(draft.cut),
        availability=stones.availabilities.number(draft.availability),
        flags=draft.flags,
        discount=draft.discount,
    )
