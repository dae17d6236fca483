"""Mapping of a row to a stone or a problem. Pure; it does not raise for any row.

A row is valid if its stock number, weight, price, availability and origin are understood. Another cell that is not
understood follows the rules of `inventory.catalog.vocabulary`: a grade keeps its text without a rank, a size is unknown.
"""

from collections.abc import Mapping
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import msgspec

from inventory.catalog.stone import Stone
from inventory.catalog.vocabulary import colors, offers, scales, shapes
from inventory.pricing.rules import price_per_carat_cents
from inventory.suppliers import appearance, conditions
from inventory.suppliers.attributes import Attributes, CertificateMeasurements, DeliveryTime, encode_attributes
from inventory.suppliers.csv_files import origin
from inventory.suppliers.csv_files.cells import Cells, RowProblem
from inventory.suppliers.csv_files.column_map import FileMap
from inventory.suppliers.csv_files.prices import price_cents
from inventory.suppliers.csv_files.rows import Row
from inventory.suppliers.csv_files.values import identifier, report_number, shown
from inventory.suppliers.limits import MAX_CARATS, MAX_DAYS
from inventory.suppliers.ports import ObservedItem
from inventory.suppliers.values import MAX_SIZE, OutOfRange, address, milli, word

MAPPING_VERSION = 1
"""Version of the mapping, increased with every change of its results, so that staged payloads count as changed."""

_HASH_BYTES = 16
_encode = msgspec.msgpack.Encoder().encode
_json = msgspec.json.Encoder().encode


class Payload(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Stored form of a row. `row`: its cells by the unique name of the column; a valid row has no empty cells.

    `problem`: a problem that the cells do not show, such as a repeated stock number. `aligned`: as of `Row`.
    """

    kind: str
    line: int
    row: dict[str, str]
    problem: str | None = None
    aligned: bool = True


def stone_id(stock_number: str, report: str | None) -> str:
    """Id of a stone. A stock number with another report number is another stone, because suppliers reuse stock numbers.

    A report number has no "#", so two different pairs never have the same id.
    """
    return f"{stock_number}#{report or ''}"


def observe_row(row: Row, file: FileMap, *, feed: str, problem: str | None = None) -> ObservedItem:
    """Map a row. `problem`: a problem of the row that its cells do not show; the stone then is invalid."""
    return observe_cells(Cells(row, file), feed=feed, problem=problem)


def observe_cells(cells: Cells, *, feed: str, problem: str | None = None) -> ObservedItem:
    """Map the cells of a row, as `observe_row`."""
    row, file = cells.row, cells.file
    known = problem or (f"{row.problem} (line {row.line})" if row.problem else None)
    identity, stone, found = "", None, known
    try:
        if row.aligned:
            stock = _stock_number(cells)
            identity = stone_id(stock, None)
            report = _report_number(cells)
            identity = stone_id(stock, report)
            if known is None:
                stone = _stone(cells, identity, stock, report, feed)
    except RowProblem as error:
        found = known or f"{error} (line {row.line})"
    content = row.storable()
    return ObservedItem(
        supplier_stone_id=identity or f"unidentified:{_hash((row.line, content)).hex()}",
        payload=_json(
            Payload(
                kind=file.kind,
                line=row.line,
                row=content if found is None else row.storable(empty=True),
                problem=known,
                aligned=row.aligned,
            )
        ),
        payload_hash=_hash((MAPPING_VERSION, feed, file.digest, content, found)),
        price_cents=stone.supplier_price_cents if stone else None,
        carat_milli=stone.carat_milli if stone else None,
        stone=stone,
        problem=found,
        canonical_hash=_hash(stone) if stone else None,
    )


def observe_payload(payload: bytes, files: Mapping[str, FileMap], *, feed: str) -> ObservedItem:
    """Map a stored payload again. `files`: layouts by kind."""
    stored = msgspec.json.decode(payload, type=Payload)
    file = files.get(stored.kind)
    if file is not None:
        row = Row.from_payload(stored.line, stored.row, file, aligned=stored.aligned)
        return observe_row(row, file, feed=feed, problem=stored.problem)
    found = f"kind: the column map has no kind {stored.kind!r} any more (line {stored.line})"
    return ObservedItem(
        supplier_stone_id=f"unidentified:{_hash((stored.line, stored.row)).hex()}",
        payload=payload,
        payload_hash=_hash((MAPPING_VERSION, feed, found, stored.row)),
        price_cents=None,
        stone=None,
        problem=found,
        canonical_hash=None,
    )


def _hash(content: object) -> bytes:
    return blake2b(_encode(content), digest_size=_HASH_BYTES).digest()


def _stock_number(cells: Cells) -> str:
    found = cells.parsed("stock_number", identifier)
    if found is None:
        raise cells.problem("stock_number", "is missing")
    return found


def _report_number(cells: Cells) -> str | None:
    return cells.parsed("report_number", report_number)


def _carats(cells: Cells) -> Decimal:
    amount = cells.number("carat")
    if amount is None:
        raise cells.problem("carat", "is missing")
    if amount <= 0:
        raise cells.problem("carat", "is not positive")
    return amount


def _milli(cells: Cells, name: str, amount: Decimal | None, most: int = MAX_SIZE) -> int | None:
    try:
        return milli(amount, most)
    except OutOfRange as error:
        raise cells.problem(name, str(error)) from None


def _availability(cells: Cells) -> tuple[str, str | None]:
    stated = cells.text("availability")
    found = offers.stated_availability(stated)
    if stated is not None and found is None:
        raise cells.problem("availability", f"is not understood ({shown(stated)}). Add it to `values` of the map")
    return found or "unavailable", cells.stated("availability") or stated


def _shape(cells: Cells) -> tuple[str, str | None]:
    stated = word(cells.text("shape"))
    if stated is None:
        raise cells.problem("shape", "is missing")
    found, raw = appearance.shape(stated, None)
    if found == shapes.OTHER and stated.upper() != shapes.OTHER:
        cells.note("shape")
    return found, word(cells.stated("shape")) or raw


def _stone(cells: Cells, identity: str, stock: str, report: str | None, feed: str) -> Stone:
    carats = _carats(cells)
    carat_milli = _milli(cells, "carat", carats, MAX_CARATS)
    if not carat_milli:
        raise cells.problem("carat", "is less than half a thousandth")
    cents = price_cents(cells, carats)
    lab = cells.text("lab")
    lab_grown = origin.lab_grown(cells, report, lab)
    shape, raw_shape = _shape(cells)
    availability, raw_availability = _availability(cells)
    color = appearance.color(cells.word("color"), cells.word("fancy_color"), cells.word("fancy_intensity"))
    if color.rank is None and color.hues is None and color.grade is not None:
        cells.note("color")
    clarity, clarity_rank = cells.grade("clarity", scales.clarity)
    cut, cut_rank = cells.grade("cut", scales.cut)
    polish, polish_rank = cells.grade("polish", scales.finish)
    symmetry, symmetry_rank = cells.grade("symmetry", scales.finish)
    fluorescence, fluorescence_rank, fluorescence_color = colors.fluorescence(
        cells.word("fluorescence"), cells.word("fluorescence_color")
    )
    if fluorescence is not None and fluorescence_rank is None:
        cells.note("fluorescence")
    length, width, height = _sizes(cells)
    depth, table = cells.size("depth"), cells.size("table")
    length_milli, width_milli = _milli(cells, "length", length), _milli(cells, "width", width)
    return Stone(
        supplier_stone_id=identity,
        offer_id=f"{feed}/{identity}",
        shape=shape,
        raw_shape=raw_shape,
        carat_milli=carat_milli,
        color=color.grade,
        color_rank=color.rank,
        clarity=clarity,
        clarity_rank=clarity_rank,
        cut=cut,
        cut_rank=cut_rank,
        polish=polish,
        polish_rank=polish_rank,
        symmetry=symmetry,
        symmetry_rank=symmetry_rank,
        fluorescence=fluorescence,
        fluorescence_rank=fluorescence_rank,
        fluorescence_color=fluorescence_color,
        fancy_color=color.hues,
        fancy_intensity=color.intensity,
        fancy_overtone=colors.hues(cells.word("fancy_overtone")),
        lab_grown=lab_grown,
        treated=conditions.treated(cells.text("treatment")),
        supplier_price_cents=cents,
        price_per_carat_cents=price_per_carat_cents(cents, carat_milli),
        availability=availability,
        raw_availability=raw_availability,
        hold_id=None,
        image_url=address(cells.text("image_url")),
        video_url=address(cells.text("video_url")),
        certificate_lab=offers.lab(lab),
        certificate_number=report,
        certificate_pdf_url=address(cells.text("report_url")),
        certificate_hidden=False,
        measurements_hidden=False,
        length_milli=length_milli,
        width_milli=width_milli,
        height_milli=_milli(cells, "height", height),
        ratio_milli=appearance.ratio(shape, length_milli, width_milli),
        table_milli=_milli(cells, "table", table),
        depth_milli=_milli(cells, "depth", depth),
        eye_clean=conditions.eye_clean(cells.text("eye_clean")),
        brown_tinge=conditions.tinge(cells.text("brown")),
        green_tinge=conditions.tinge(cells.text("green")),
        milky=conditions.tinge(cells.text("milky")),
        supplier_name=cells.text("supplier_name") or cells.supplier,
        supplier_legal_name=None,
        growth_method=offers.growth_method(cells.word("growth_method")) if lab_grown else None,
        spin_url=None,
        stock_number=stock,
        supplier_stock_number=stock,
        delivery_min_days=_days(cells, "delivery_min_days"),
        delivery_max_days=_days(cells, "delivery_max_days"),
        return_days=_days(cells, "return_days"),
        measurements=_measurements(cells, length, width, height, depth, table),
        attributes=_attributes(cells, stock, color.reported),
    )


def _days(cells: Cells, name: str) -> int | None:
    found = cells.days(name)
    return found if found is not None and found <= MAX_DAYS else None


def _sizes(cells: Cells) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
    """Length, width and depth in millimetres: from their columns, else from the column of all three."""
    length, width, height = cells.measurements()
    return (
        cells.size("length") or length,
        cells.size("width") or width,
        cells.size("height") or height,
    )


def _measurements(cells: Cells, *sizes: Decimal | None) -> bytes:
    length, width, height, depth, table = sizes
    return encode_attributes(
        CertificateMeasurements(
            length=length,
            width=width,
            depth=height,
            depth_percentage=depth,
            table=table,
            crown_angle=cells.size("crown_angle"),
            crown_height=cells.size("crown_height"),
            pav_angle=cells.size("pavilion_angle"),
            pav_depth=cells.size("pavilion_depth"),
            star_length=cells.size("star_length"),
            lower_girdle=cells.size("lower_girdle"),
            girdle=cells.text("girdle"),
            girdle_condition=cells.text("girdle_condition"),
            culet_size=cells.text("culet_size"),
            culet_condition=cells.text("culet_condition"),
        )
    )


def _attributes(cells: Cells, stock: str, reported_color: str | None) -> bytes:
    least, most = _days(cells, "delivery_min_days"), _days(cells, "delivery_max_days")
    treatment = cells.text("treatment")
    return encode_attributes(
        Attributes(
            eye_clean=_flag_or_text(cells.text("eye_clean"), conditions.eye_clean),
            brown=conditions.stated_tinge(cells.text("brown")),
            green=conditions.stated_tinge(cells.text("green")),
            milky=conditions.stated_tinge(cells.text("milky")),
            reported_color=reported_color,
            color_shade=cells.text("shade"),
            fancy_color=cells.text("fancy_color"),
            key_to_symbols=cells.text("key_to_symbols"),
            comments=cells.text("comments"),
            lab_grown_type=cells.text("growth_method"),
            treatment=treatment,
            mine_of_origin=cells.text("mine_of_origin"),
            country_of_origin=cells.text("country_of_origin"),
            supplier_stock_id=stock,
            return_days=_days(cells, "return_days"),
            delivery_time=DeliveryTime(None, least, most) if least is not None or most is not None else None,
        )
    )


def _flag_or_text(stated: str | None, read: Any) -> bool | str | None:
    answer = read(stated)
    return stated if answer is None else bool(answer)
