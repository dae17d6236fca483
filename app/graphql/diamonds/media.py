"""GraphQL types of media and service: images, videos, 360-degree view, delivery, and how a diamond was made."""

from typing import Any

import msgspec
import strawberry

from app.graphql.diamonds.grades import GrowthMethod, Origin
from inventory.catalog.diamond import Diamond as Row


@strawberry.type(description="An image.")
class Image:
    url: str = strawberry.field(description="URL.")
    alt_text: str = strawberry.field(description="Text for readers who do not see the image.")


@strawberry.type(description="A video.")
class Video:
    url: str = strawberry.field(description="URL of a video or of a page that plays it.")


@strawberry.type(description="A 360-degree view.")
class Spin360:
    url: str = strawberry.field(description="URL of a page that shows the view, for an iframe.")


@strawberry.type(description="Delivery time in business days.")
class DeliveryTime:
    min_days: int | None = strawberry.field(description="Fewest business days.")
    max_days: int | None = strawberry.field(description="Most business days.")
    express: bool | None = strawberry.field(description="Whether express delivery is offered.")


_MAX = 20


def images_of(row: Row) -> list[Image]:
    """The main image, then those of the certificate."""
    origin, shape = "Lab-grown" if row.lab_grown else "Natural", row.shape.replace("_", " ").lower()
    weight = "1 carat" if row.carat_milli == 1000 else f"{row.carat_milli / 1000:g} carats"  # noqa: PLR2004 - thousandths
    alt = f"{origin} {shape} diamond, {weight}"
    return [Image(url=url, alt_text=alt) for url in _urls(row.image_url, _attributes(row).get("images"))]


def videos_of(row: Row) -> list[Video]:
    """The main video, then those of the certificate. The supplier may repeat the 360-degree view among them."""
    urls = _urls(row.video_url, _attributes(row).get("videos"))
    return [Video(url=url) for url in urls if url != row.spin_url]


def spin_of(row: Row) -> Spin360 | None:
    return None if row.spin_url is None else Spin360(url=row.spin_url)


def delivery_time_of(row: Row) -> DeliveryTime | None:
    express = (_attributes(row).get("deliveryTime") or {}).get("express")
    if row.delivery_min_days is None and row.delivery_max_days is None and express is None:
        return None
    return DeliveryTime(min_days=row.delivery_min_days, max_days=row.delivery_max_days, express=express)


def key_to_symbols_of(row: Row) -> list[str] | None:
    """The listed inclusions. Certificates separate them by commas."""
    text = _attributes(row).get("keyToSymbols")
    return [part for part in (part.strip() for part in text.split(",")) if part] if text else None


def origin_of(row: Row) -> Origin:
    return Origin.LAB_GROWN if row.lab_grown else Origin.NATURAL


def growth_method_of(row: Row) -> GrowthMethod | None:
    return None if row.growth_method is None else GrowthMethod(row.growth_method)


def _attributes(row: Row) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(row.attributes)
    return found


def _urls(main: str | None, others: list[str] | None) -> list[str]:
    return list(dict.fromkeys(url for url in (main, *(others or ())) if url))[:_MAX]
