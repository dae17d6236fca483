"""Images, 360-degree views and certificates of diamonds."""

from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest

from sandbox.supplier.drawings import Appearance, picture
from sandbox.supplier.facets import model
from sandbox.supplier.identity import stone_id
from sandbox.supplier.inventory import Inventory
from sandbox.supplier.media import Media
from sandbox.supplier.vocabulary import SHAPES

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def inventory() -> Inventory:
    return Inventory(count=200, generated=400, media_url="http://media.test")


@pytest.fixture
def find(inventory: Inventory) -> Callable[[str | None], str]:
    """The text of the medium at an address of an item."""

    def text(url: str | None) -> str:
        assert url is not None
        found = Media(inventory).find(url.removeprefix("http://media.test"))
        assert found is not None
        return found.body.decode()

    return text


def test_every_address_of_item_has_medium(inventory: Inventory, find: Callable[[str | None], str]) -> None:
    for ordinal in range(len(inventory.stones)):
        diamond = inventory.clean_item(ordinal)["diamond"]
        certificate = diamond["certificate"]
        if diamond["image"]:
            assert ET.fromstring(find(diamond["image"])).tag == f"{SVG}svg"  # noqa: S314 - our own
        if diamond["video"]:
            assert "<canvas" in find(diamond["video"])
        if certificate["v360"]:
            assert "<canvas" in find(certificate["v360"]["url"])
        if certificate["pdfUrl"]:
            page = find(certificate["pdfUrl"])
            assert certificate["certNumber"] in page
            assert f"{certificate['carats']:.2f} ct" in page
            assert "No laboratory issued it" in page


def test_some_diamonds_have_no_image_view_or_certificate(inventory: Inventory) -> None:
    diamonds = [inventory.clean_item(ordinal)["diamond"] for ordinal in range(200, 600)]
    assert 0 < sum(diamond["image"] is None for diamond in diamonds) < 60
    assert 0 < sum(diamond["certificate"]["v360"] is None for diamond in diamonds) < 120
    assert 0 < sum(diamond["certificate"]["pdfUrl"] is None for diamond in diamonds) < 30


@pytest.mark.parametrize(
    "path",
    [
        "/media/",
        "/media/nothing/still.svg",
        f"/media/{stone_id(3)}/other",
        f"/media/{stone_id(10_000)}/still.svg",
        "/media/certificates/",
        "/media/certificates/GIA-1",
    ],
)
def test_other_addresses_have_no_medium(inventory: Inventory, path: str) -> None:
    assert Media(inventory).find(path) is None


@pytest.mark.parametrize("shape", [*SHAPES, "UNHEARD OF"])
def test_every_shape_is_drawn_inside_image(shape: str) -> None:
    drawn = ET.fromstring(picture(Appearance(shape, 1.4, 0.6, 0.62, "G")))  # noqa: S314 - our own
    polygons = [element.attrib["points"] for element in drawn.iter(f"{SVG}polygon")]
    assert len(polygons) > 20
    places = [float(number) for points in polygons for pair in points.split() for number in pair.split(",")]
    assert all(0 <= place <= 400 for place in places)


@pytest.mark.parametrize("shape", SHAPES)
def test_pavilion_is_below_girdle_and_crown_above(shape: str) -> None:
    stone = model(shape, 1.3, 0.6, 0.62)
    assert all(z >= 0 for facet in stone.crown for *_, z in facet)
    assert all(z <= 0 for facet in stone.pavilion for *_, z in facet)
    assert len(stone.girdle) == 128


def test_colors_are_visible() -> None:
    def body(color: str, hue: str | None = None, intensity: str | None = None) -> tuple[float, float, float]:
        return Appearance("OVAL", 1.4, 0.6, 0.62, color, hue, intensity).body()

    assert body("D") == body("G")
    assert body("N")[1] > body("J")[1] > body("D")[1]
    assert body("FANCY", "PINK", "FANCY VIVID")[1] > body("FANCY", "PINK", "FAINT")[1]
    assert body("FANCY", "PINK", "FANCY DEEP")[2] < body("FANCY", "PINK", "FANCY")[2]
