"""Mapping of an item's bytes to a stone or a problem. Pure; it does not raise for any bytes.

A stone is valid if it has an id, a certificate, a weight and a price, if its origin is clear (`origin`), and if every text and
number fits its column. Other values may be missing or invalid.
"""

from collections.abc import Callable, Mapping
from hashlib import blake2b

import msgspec

from inventory.catalog.stone import Stone
from inventory.catalog.vocabulary import colors, offers, scales
from inventory.pricing.rules import price_per_carat_cents
from inventory.suppliers import appearance, conditions
from inventory.suppliers.limits import MAX_CARATS, MAX_CENTS, MAX_DAYS
from inventory.suppliers.nivoda import null_items, origin
from inventory.suppliers.nivoda.attributes import attributes, measurements, spin_url, urls
from inventory.suppliers.nivoda.lenient_json import UnreadableItem, first_flaw, flaw, original, read_item, storable
from inventory.suppliers.nivoda.origin import UnclearOrigin
from inventory.suppliers.nivoda.payload import Item, PayloadCertificate, PayloadDiamond
from inventory.suppliers.ports import ObservedItem
from inventory.suppliers.values import (
    OutOfRange,
    address,
    days,
    identifier,
    milli,
    milli_size,
    number,
    text,
    withheld,
    word,
)

MAPPING_VERSION = 4
"""Version of the mapping, increased with every change of its results, so that staged payloads count as changed."""

_OFFER = "DIAMOND"  # an offer's id is DIAMOND/<id of its stone>
_MAX_ID_LENGTH = 200  # ids are indexed, and an entry of an index has a limit

_HASH_BYTES = 16
_encode = msgspec.msgpack.Encoder().encode
# In valid JSON, only an escape can produce a NUL character or half a surrogate pair.
_NUL_ESCAPE = rb"\u0000"


def keyed_hashes(version: int) -> Mapping[bool | None, blake2b]:
    """Create hash states of a version of the mapping, by the queried origin. Copy one for each payload."""
    names = {None: "", False: " natural", True: " lab-grown"}
    return {
        origin: blake2b(digest_size=_HASH_BYTES, key=f"nivoda mapping {version}{name}".encode())
        for origin, name in names.items()
    }


_keyed = keyed_hashes(MAPPING_VERSION)


class _Problem(Exception):
    """The item is invalid. The message is `field: problem`."""


def observe(payload: bytes, *, lab_grown: bool | None = None) -> ObservedItem:
    """Map an item, as received or as stored.

    `lab_grown`: the origin of the query; None for both. The result depends on the bytes and the origin only, so the
    inventory can be rebuilt from stored payloads.
    """
    received = original(payload)
    try:
        item, damaged = read_item(received)
        if item.errors is not None:
            # The supplier does not show the stone, so its origin is not known either.
            lab_grown = None
    except UnreadableItem as error:
        return _bad(_known_as(error.remains, received), storable(received), lab_grown, error.remains, str(error))
    payload = storable(received) if damaged else received
    identity = ""
    try:
        identity = _identity(item)
        if damaged or _NUL_ESCAPE in received:
            _refuse_flaws(item)
        _refuse_reported(item)
        stone = _stone(identity, item, lab_grown)
    except (_Problem, UnclearOrigin) as error:
        return _bad(identity or _known_as(item, received), payload, lab_grown, item, str(error))
    return ObservedItem(
        supplier_stone_id=identity,
        payload=payload,
        queried_lab_grown=lab_grown,
        payload_hash=_payload_hash(payload, lab_grown),
        price_cents=stone.supplier_price_cents,
        carat_milli=stone.carat_milli,
        stone=stone,
        problem=None,
        canonical_hash=blake2b(_encode(stone), digest_size=_HASH_BYTES).digest(),
    )


def _bad(identity: str, payload: bytes, lab_grown: bool | None, item: Item, problem: str) -> ObservedItem:
    return ObservedItem(
        supplier_stone_id=identity,
        payload=payload,
        queried_lab_grown=lab_grown,
        payload_hash=_payload_hash(payload, lab_grown),
        price_cents=_shown_cents(item),
        carat_milli=_shown_carats(item),
        stone=None,
        problem=problem,
        canonical_hash=None,
    )


def _payload_hash(payload: bytes, lab_grown: bool | None) -> bytes:
    keyed = _keyed[lab_grown].copy()
    keyed.update(payload)
    return keyed.digest()


def _unidentified(received: bytes) -> str:
    # The version of the mapping is not included, so that the same bytes keep their row.
    return f"unidentified:{blake2b(received, digest_size=_HASH_BYTES).hexdigest()}"


def _known_as(item: Item, received: bytes) -> str:
    """Return the id of the stone or of its offer, else an id derived from the bytes."""
    try:
        return _identity(item)
    except _Problem:
        return _offered(item) or _unidentified(received)


def _offered(item: Item) -> str | None:
    """Derive the id of the stone from the offer's id, so that an item that became invalid is still identified."""
    shown = identifier(item.diamond.id) if item.diamond else None
    prefix, _, found = (identifier(item.id) or "").partition("/")
    known = (
        shown is None and prefix == _OFFER and found.strip() and len(found) <= _MAX_ID_LENGTH and flaw(found) is None
    )
    return found if known else None


def _identity(item: Item) -> str:
    found = identifier(item.diamond.id) if item.diamond else None
    if found is None:
        raise _Problem("diamond.id: is missing")
    if len(found) > _MAX_ID_LENGTH:
        raise _Problem(f"diamond.id: is longer than {_MAX_ID_LENGTH} characters")
    if what := flaw(found):
        raise _Problem(f"diamond.id: {what}")
    return found


def _refuse_flaws(item: Item) -> None:
    if problem := first_flaw(item):
        raise _Problem(problem)


def _refuse_reported(item: Item) -> None:
    if reason := null_items.reported(item.errors):
        raise _Problem(reason)


def _shown_cents(item: Item) -> int | None:
    amount = number(item.price)
    return int(amount) if amount is not None and 0 <= amount <= MAX_CENTS and amount % 1 == 0 else None


def _shown_carats(item: Item) -> int | None:
    try:
        return _carats(item.diamond.certificate) if item.diamond and item.diamond.certificate else None
    except _Problem:
        return None


def _price(item: Item) -> int:
    if item.price is None:
        raise _Problem("price: is missing")
    amount = item.price if type(item.price) is int else number(item.price)
    if amount is None:
        raise _Problem("price: is not a number")
    if amount <= 0:
        raise _Problem("price: is not positive")
    if amount > MAX_CENTS:
        raise _Problem(f"price: is more than {MAX_CENTS}")
    if amount % 1:
        raise _Problem("price: is not a whole number of cents")
    return int(amount)


def _carats(certificate: PayloadCertificate) -> int:
    field = "diamond.certificate.carats"
    if certificate.carats is None:
        raise _Problem(f"{field}: is missing")
    amount = number(certificate.carats)
    if amount is None:
        raise _Problem(f"{field}: is not a number")
    if amount <= 0:
        raise _Problem(f"{field}: is not positive")
    try:
        found = milli(amount, MAX_CARATS)
    except OutOfRange as error:
        raise _Problem(f"{field}: {error}") from None
    if not found:
        raise _Problem(f"{field}: is less than half a thousandth")
    return found


def _measure(field: str, value: object) -> int | None:
    try:
        return milli_size(value)
    except OutOfRange as error:
        raise _Problem(f"diamond.certificate.{field}: {error}") from None


def _key(field: str, value: object, read: Callable[[object], str | None] = identifier) -> str | None:
    found = read(value)
    if found and len(found) > _MAX_ID_LENGTH:
        raise _Problem(f"{field}: is longer than {_MAX_ID_LENGTH} characters")
    return found


def _stone(identity: str, item: Item, queried_lab_grown: bool | None) -> Stone:
    diamond = item.diamond or PayloadDiamond()
    certificate = diamond.certificate
    if certificate is None:
        raise _Problem("diamond.certificate: is missing")
    carat_milli, cents = _carats(certificate), _price(item)
    shape, raw_shape = appearance.shape(word(certificate.shape), word(certificate.full_shape))
    color = appearance.color(word(certificate.color), word(certificate.f_color), word(certificate.f_intensity))
    clarity, clarity_rank = scales.clarity(word(certificate.clarity))
    cut, cut_rank = scales.cut(word(certificate.cut))
    polish, polish_rank = scales.finish(word(certificate.polish))
    symmetry, symmetry_rank = scales.finish(word(certificate.symmetry))
    fluorescence, fluorescence_rank, fluorescence_color = colors.fluorescence(
        word(certificate.fluorescence), word(certificate.fluorescence_color)
    )
    length, width = _measure("length", certificate.length), _measure("width", certificate.width)
    raw_availability = text(diamond.availability)
    lab_grown = origin.lab_grown(diamond, certificate, queried_lab_grown)
    delivery = diamond.delivery_time if type(diamond.delivery_time) is dict else {}
    supplier = diamond.supplier if type(diamond.supplier) is dict else {}
    return Stone(
        supplier_stone_id=identity,
        offer_id=_key("id", item.id),
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
        fancy_overtone=colors.hues(word(certificate.f_overtone)),
        lab_grown=lab_grown,
        treated=conditions.treated(certificate.treated),
        supplier_price_cents=cents,
        price_per_carat_cents=price_per_carat_cents(cents, carat_milli),
        availability=offers.availability(word(diamond.availability)),
        raw_availability=raw_availability,
        hold_id=_key("diamond.HoldId", diamond.hold_id),
        image_url=_image(diamond, certificate),
        video_url=_video(diamond, certificate),
        certificate_lab=_lab(certificate),
        certificate_number=_key("diamond.certificate.certNumber", certificate.cert_number, text),
        certificate_pdf_url=address(certificate.pdf_url),
        certificate_hidden=withheld(diamond.show_certificate_number),
        measurements_hidden=withheld(diamond.show_measurements),
        length_milli=length,
        width_milli=width,
        height_milli=_measure("depth", certificate.depth),
        ratio_milli=appearance.ratio(shape, length, width),
        table_milli=_measure("table", certificate.table),
        depth_milli=_measure("depthPercentage", certificate.depth_percentage),
        eye_clean=conditions.eye_clean(diamond.eye_clean),
        brown_tinge=conditions.tinge(diamond.brown),
        green_tinge=conditions.tinge(diamond.green),
        milky=conditions.tinge(diamond.milky),
        supplier_name=text(supplier.get("name")),
        supplier_legal_name=text(supplier.get("legal_name")),
        growth_method=offers.growth_method(word(certificate.labgrown_type)) if lab_grown else None,
        spin_url=spin_url(certificate),
        stock_number=_key("diamond.NivodaStockId", diamond.nivoda_stock_id, text),
        supplier_stock_number=_key("diamond.supplierStockId", diamond.supplier_stock_id, text),
        delivery_min_days=_days(delivery.get("min_business_days")),
        delivery_max_days=_days(delivery.get("max_business_days")),
        return_days=_days(diamond.return_window),
        measurements=measurements(certificate),
        attributes=attributes(diamond, certificate, color.reported),
    )


def _days(value: object) -> int | None:
    """Return a plausible number of days; None for other values."""
    found = days(value)
    return found if found is not None and found <= MAX_DAYS else None


def _lab(certificate: PayloadCertificate) -> str | None:
    return offers.lab(_key("diamond.certificate.lab", certificate.lab, text))


def _image(diamond: PayloadDiamond, certificate: PayloadCertificate) -> str | None:
    return address(diamond.image) or address(certificate.image) or next(iter(urls(certificate.product_images)), None)


def _video(diamond: PayloadDiamond, certificate: PayloadCertificate) -> str | None:
    return (
        address(diamond.video)
        or address(certificate.video)
        or next(iter(urls(certificate.product_videos)), None)
        or spin_url(certificate)
    )
