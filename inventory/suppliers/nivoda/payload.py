"""Payload of an item as Nivoda sends it.

Every field may be missing, null, or of an unexpected type, so no field has a declared type. A JSON number with a fraction is
decoded as its text (`values.Fraction`), never as a float. Only the fields of the mapping are declared; others are skipped.
"""

from typing import Any

import msgspec


class PayloadCertificate(msgspec.Struct, rename={
    "cert_number": "certNumber", "pdf_url": "pdfUrl", "full_shape": "fullShape", "fluorescence": "floInt",
    "fluorescence_color": "floCol", "depth_percentage": "depthPercentage", "crown_angle": "crownAngle",
    "crown_height": "crownHeight", "pav_angle": "pavAngle", "pav_height": "pavHeight", "pav_depth": "pavDepth",
    "girdle_condition": "girdleCondition", "culet_size": "culetSize", "key_to_symbols": "keyToSymbols",
    "color_shade": "colorShade", "star_length": "starLength", "lower_girdle": "lowerGirdle",
}):  # fmt: skip
    """Lengths in millimetres, proportions in percent, angles in degrees."""

    lab: Any = None
    cert_number: Any = None
    pdf_url: Any = None
    shape: Any = None
    full_shape: Any = None
    carats: Any = None
    clarity: Any = None
    cut: Any = None
    polish: Any = None
    symmetry: Any = None
    color: Any = None
    f_color: Any = None
    f_intensity: Any = None
    f_overtone: Any = None
    fluorescence: Any = None
    fluorescence_color: Any = None
    labgrown: Any = None
    labgrown_type: Any = None
    treated: Any = None
    verified: Any = None
    length: Any = None
    width: Any = None
    depth: Any = None
    depth_percentage: Any = None
    table: Any = None
    crown_angle: Any = None
    crown_height: Any = None
    pav_angle: Any = None
    pav_height: Any = None
    pav_depth: Any = None
    girdle: Any = None
    girdle_condition: Any = None
    culet_size: Any = None
    culet_condition: Any = None
    cut_style: Any = None
    key_to_symbols: Any = None
    comments: Any = None
    color_shade: Any = None
    mix_tinge: Any = None
    star_length: Any = None
    lower_girdle: Any = None
    country_of_origin: Any = None
    image: Any = None
    video: Any = None
    v360: Any = None
    product_images: Any = None
    product_videos: Any = None


class PayloadDiamond(msgspec.Struct, rename={
    "hold_id": "HoldId", "nivoda_stock_id": "NivodaStockId", "supplier_stock_id": "supplierStockId",
    "eye_clean": "eyeClean", "certificate_type": "CertificateType",
}):  # fmt: skip
    id: Any = None
    availability: Any = None
    hold_id: Any = None
    nivoda_stock_id: Any = None
    supplier_stock_id: Any = None
    image: Any = None
    video: Any = None
    eye_clean: Any = None
    brown: Any = None
    green: Any = None
    blue: Any = None
    gray: Any = None
    milky: Any = None
    bowtie: Any = None
    mine_of_origin: Any = None
    supplier_video_link: Any = None
    show_measurements: Any = None
    show_certificate_number: Any = None
    return_window: Any = None
    certificate_type: Any = None
    delivery_time: Any = None
    supplier: Any = None
    certificate: PayloadCertificate | None = None


class Item(msgspec.Struct, rename={"errors": "$errors"}):
    """`price`: US cents. `errors`: reasons of a null item; see `null_items`."""

    id: Any = None
    price: Any = None
    diamond: PayloadDiamond | None = None
    errors: Any = None
