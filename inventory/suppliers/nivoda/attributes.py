"""Measurements and attributes of a supplier item."""

from collections.abc import Iterator
from typing import Any

from inventory.suppliers.attributes import Attributes, CertificateMeasurements, DeliveryTime, encode_attributes
from inventory.suppliers.conditions import stated_tinge
from inventory.suppliers.nivoda.payload import PayloadCertificate, PayloadDiamond
from inventory.suppliers.values import address, days, flag, measure, text


def measurements(certificate: PayloadCertificate) -> bytes:
    """Encode the known measurements as a JSON object."""
    return encode_attributes(
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
    return encode_attributes(
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
