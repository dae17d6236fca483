"""Measurements and attributes of a stone as JSON objects, for display by clients.

They must not contain prices of the supplier, because every client can read them.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec

from inventory.suppliers.nivoda.conditions import stated_tinge
from inventory.suppliers.nivoda.payload import PayloadCertificate, PayloadDiamond
from inventory.suppliers.nivoda.values import address, days, flag, measure, text

_encode = msgspec.json.Encoder(decimal_format="number").encode


class CertificateMeasurements(msgspec.Struct, omit_defaults=True, rename="camel"):
    """Measurements of the certificate: lengths in millimetres, proportions in percent, angles in degrees."""

    length: Decimal | None = None
    width: Decimal | None = None
    depth: Decimal | None = None
    depth_percentage: Decimal | None = None
    table: Decimal | None = None
    crown_angle: Decimal | None = None
    crown_height: Decimal | None = None
    pav_angle: Decimal | None = None
    pav_height: Decimal | None = None
    pav_depth: Decimal | None = None
    star_length: Decimal | None = None
    lower_girdle: Decimal | None = None
    girdle: str | None = None
    girdle_condition: str | None = None
    culet_size: str | None = None
    culet_condition: str | None = None


class DeliveryTime(msgspec.Struct, omit_defaults=True, rename="camel"):
    """Delivery time in business days."""

    express: bool | None = None
    min_days: int | None = None
    max_days: int | None = None


class Attributes(msgspec.Struct, omit_defaults=True, rename="camel"):
    """Attributes. A value that suppliers send as a flag or as a text ("Light", "90%") keeps its form.

    `reported_color`: the text of the colour if the grade does not contain all of it, such as "K, Faint Brown".
    """

    eye_clean: bool | str | None = None
    brown: bool | str | None = None
    green: bool | str | None = None
    blue: bool | str | None = None
    gray: bool | str | None = None
    milky: bool | str | None = None
    bowtie: bool | str | None = None
    reported_color: str | None = None
    color_shade: str | None = None
    mix_tinge: str | None = None
    fancy_color: str | None = None
    full_shape: str | None = None
    cut_style: str | None = None
    key_to_symbols: str | None = None
    comments: str | None = None
    lab_grown_type: str | None = None
    certificate_type: str | None = None
    certificate_verified: bool | str | None = None
    treatment: str | None = None
    show_certificate_number: bool | str | None = None
    show_measurements: bool | str | None = None
    mine_of_origin: str | None = None
    country_of_origin: str | None = None
    nivoda_stock_id: str | None = None
    supplier_stock_id: str | None = None
    return_days: int | None = None
    delivery_time: DeliveryTime | None = None
    supplier_video_url: str | None = None
    spin_url: str | None = None
    images: list[str] | None = None
    videos: list[str] | None = None


def measurements(certificate: PayloadCertificate) -> bytes:
    """Encode the known measurements as a JSON object."""
    return _encode(
        CertificateMeasurements(
            length=measure(certificate.length),
            width=measure(certificate.width),
            depth=measure(certificate.depth),
            depth_percentage=measure(certificate.depth_percentage),
            table=measure(certificate.table),
            crown_angle=measure(certificate.crown_angle),
            crown_height=measure(certificate.crown_height),
            pav_angle=measure(certificate.pav_angle),
            pav_height=measure(certificate.pav_height),
            pav_depth=measure(certificate.pav_depth),
            star_length=measure(certificate.star_length),
            lower_girdle=measure(certificate.lower_girdle),
            girdle=text(certificate.girdle),
            girdle_condition=text(certificate.girdle_condition),
            culet_size=text(certificate.culet_size),
            culet_condition=text(certificate.culet_condition),
        )
    )


def attributes(diamond: PayloadDiamond, certificate: PayloadCertificate, reported_color: str | None) -> bytes:
    """Encode the known attributes as a JSON object."""
    return _encode(
        Attributes(
            eye_clean=_flag_or_text(diamond.eye_clean),
            brown=stated_tinge(diamond.brown),
            green=stated_tinge(diamond.green),
            blue=stated_tinge(diamond.blue),
            gray=stated_tinge(diamond.gray),
            milky=stated_tinge(diamond.milky),
            bowtie=stated_tinge(diamond.bowtie),
            reported_color=reported_color,
            color_shade=text(certificate.color_shade),
            mix_tinge=text(certificate.mix_tinge),
            fancy_color=text(certificate.f_color),
            full_shape=text(certificate.full_shape),
            cut_style=text(certificate.cut_style),
            key_to_symbols=text(certificate.key_to_symbols),
            comments=text(certificate.comments),
            lab_grown_type=text(certificate.labgrown_type),
            certificate_type=text(diamond.certificate_type),
            certificate_verified=_flag_or_text(certificate.verified),
            treatment=text(certificate.treated) if flag(certificate.treated) is None else None,
            show_certificate_number=_flag_or_text(diamond.show_certificate_number),
            show_measurements=_flag_or_text(diamond.show_measurements),
            mine_of_origin=text(diamond.mine_of_origin),
            country_of_origin=text(certificate.country_of_origin),
            nivoda_stock_id=text(diamond.nivoda_stock_id),
            supplier_stock_id=text(diamond.supplier_stock_id),
            return_days=days(diamond.return_window),
            delivery_time=_delivery_time(diamond.delivery_time),
            supplier_video_url=address(diamond.supplier_video_link),
            spin_url=spin_url(certificate),
            images=urls(certificate.product_images) or None,
            videos=urls(certificate.product_videos) or None,
        )
    )


def urls(media: Any) -> list[str]:
    """Extract the addresses of a certificate's images or videos."""
    return list(_urls(media)) if type(media) is list else []


def spin_url(certificate: PayloadCertificate) -> str | None:
    """Extract the address of the 360-degree video."""
    return address(certificate.v360.get("url")) if type(certificate.v360) is dict else None


def _urls(media: list[Any]) -> Iterator[str]:
    for medium in media:
        found = address(medium.get("url")) if type(medium) is dict else address(medium)
        if found:
            yield found


def _flag_or_text(value: Any) -> bool | str | None:
    if value is None:
        return None
    answer = flag(value)
    return text(value) if answer is None else answer


def _delivery_time(value: Any) -> DeliveryTime | None:
    if type(value) is not dict:
        return None
    return DeliveryTime(
        flag(value.get("express_timeline_applicable")),
        days(value.get("min_business_days")),
        days(value.get("max_business_days")),
    )
