"""Measurements and attributes of a stone as JSON objects, for display by clients.

They must not contain prices of the supplier, because every client can read them.
"""

from decimal import Decimal

import msgspec

encode_attributes = msgspec.json.Encoder(decimal_format="number").encode


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
