"""Texts of images."""

from uuid import UUID

import pytest

from app.graphql.diamonds.media import images_of
from inventory.catalog.diamond import Diamond


@pytest.mark.parametrize(
    ("lab_grown", "shape", "carat_milli", "text"),
    [
        (False, "ROUND", 1010, "Natural round diamond, 1.01 carats"),
        (True, "OLD_MINE", 1000, "Lab-grown old mine diamond, 1 carat"),
        (False, "PEAR", 500, "Natural pear diamond, 0.5 carats"),
    ],
)
def test_text_of_image_states_origin_shape_and_weight(lab_grown: bool, shape: str, carat_milli: int, text: str) -> None:
    diamond = Diamond(
        id=UUID(int=1), lab_grown=lab_grown, shape=shape, carat_milli=carat_milli,
        image_url="https://example.com/1.jpg", attributes='{"images":["https://example.com/2.jpg"]}',
    )  # fmt: skip
    assert [(image.url[-5:], image.alt_text) for image in images_of(diamond)] == [("1.jpg", text), ("2.jpg", text)]
