"""SVG drawings of stones by shape, colour and proportions. They are samples made by the sandbox."""

from typing import NamedTuple

from sandbox.supplier.facets import Facet, Model, model, normal
from sandbox.supplier.identity import mix

_SIZE = 400
_FILL = 0.84  # size of the stone as a share of the picture
# Hue, saturation and lightness of the body.
_WHITE = (205.0, 24.0, 90.0)
_TINTED = {"J": (50, 26, 89), "K": (49, 32, 88), "L": (48, 38, 87), "M": (47, 44, 86), "N": (46, 50, 84)}
_HUES = {
    "YELLOW": (50, 92, 68), "BROWN": (27, 52, 50), "PINK": (338, 78, 78), "ORANGE": (28, 92, 64), "BLUE": (212, 74, 66),
    "GREEN": (122, 44, 62), "GRAY": (220, 8, 60), "PURPLE": (282, 48, 66), "RED": (356, 80, 56),
}  # fmt: skip
_STRENGTHS = {
    "FAINT": 0.25, "VERY LIGHT": 0.32, "LIGHT": 0.42, "FANCY LIGHT": 0.6, "FANCY": 0.8, "FANCY INTENSE": 1.0,
    "FANCY VIVID": 1.12, "FANCY DEEP": 1.0, "FANCY DARK": 0.9,
}  # fmt: skip
_DARKENED = {"FANCY DEEP": 14, "FANCY DARK": 24}

Body = tuple[float, float, float]


class Appearance(NamedTuple):
    """Appearance of a stone. `ratio`: length divided by width; `table` and `depth`: shares of the width."""

    shape: str
    ratio: float
    table: float
    depth: float
    color: str | None
    hue: str | None = None
    intensity: str | None = None
    seed: int = 0

    def body(self) -> Body:
        """Body colour: hue (degrees), saturation and lightness (percent)."""
        if self.hue is None:
            return _TINTED.get(self.color or "", _WHITE)
        hue, saturation, lightness = _HUES.get(self.hue, _WHITE)
        strength = _STRENGTHS.get(self.intensity or "FANCY", 0.8)
        lighter = lightness + (92 - lightness) * max(1 - strength, 0) - _DARKENED.get(self.intensity or "", 0)
        return hue, min(saturation * strength, 100), lighter

    def model(self) -> Model:
        """Facet model of the stone."""
        return model(self.shape, self.ratio, self.table, self.depth)


def picture(appearance: Appearance) -> str:
    """Draw the stone from above as an SVG document."""
    stone = appearance.model()
    hue, saturation, lightness = appearance.body()
    half = max(1.0, appearance.ratio)
    scale = _SIZE * _FILL / 2 / half
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_SIZE} {_SIZE}" role="img">',
        f"<title>{appearance.shape.title()} diamond, a drawing of the sandbox</title>",
        '<defs><radialGradient id="ground" cy=".42"><stop stop-color="#fff"/><stop offset="1" stop-color="#e9edf2"/>',
        '</radialGradient><filter id="shadow" x="-20%" y="-20%" width="140%" height="150%">',
        '<feDropShadow dy="7" stdDeviation="9" flood-color="#1d2b3f" flood-opacity=".28"/></filter></defs>',
        f'<rect width="{_SIZE}" height="{_SIZE}" fill="url(#ground)"/>',
        f'<polygon filter="url(#shadow)" points="{_points(stone.girdle, scale)}" fill="hsl({hue:.0f} {saturation:.0f}% {lightness:.0f}%)"/>',
        f'<clipPath id="girdle"><polygon points="{_points(stone.girdle, scale)}"/></clipPath><g clip-path="url(#girdle)">',
    ]
    # The pavilion is visible through the crown. Its facets alternate in lightness, which is the pattern of a cut stone.
    for number, facet in enumerate(stone.pavilion):
        light = lightness + _sparkle(facet, appearance.seed + number, 26)
        parts.append(_facet(facet, scale, f"hsl({hue:.0f} {saturation:.0f}% {_percent(light)}%)", 1.0, 0.3))
    for number, facet in enumerate(stone.crown):
        table = number == 0
        light = min(lightness + 6 + _sparkle(facet, appearance.seed + 97 * number, 16), 99)
        parts.append(
            _facet(facet, scale, f"hsl({hue:.0f} {saturation:.0f}% {_percent(light)}%)", 0.22 if table else 0.5, 0.8)
        )
    parts += [
        "</g>",
        f'<polygon points="{_points(stone.girdle, scale)}" fill="none" stroke="#52617a" stroke-opacity=".55" stroke-width="1.4"/>',
        "</svg>",
    ]
    return "".join(parts)


def _sparkle(facet: Facet, seed: int, strength: float) -> float:
    """Lightness of a facet relative to the body: its angle to the light, and a seeded random reflection."""
    x, y, z = normal(facet)
    if z < 0:
        x, y = -x, -y
    return strength * (0.75 * (y - x) + 1.5 * ((mix(seed * 7919) >> 20 & 0xFF) / 255 - 0.62))


def _percent(value: float) -> str:
    return f"{min(max(value, 8), 99):.0f}"


def _facet(facet: Facet, scale: float, fill: str, opacity: float, line: float) -> str:
    return (
        f'<polygon points="{_points(facet, scale)}" fill="{fill}" fill-opacity="{opacity:g}" '
        f'stroke="#fff" stroke-opacity="{line:g}" stroke-width=".8" stroke-linejoin="round"/>'
    )


def _points(points: Facet, scale: float) -> str:
    middle = _SIZE / 2
    return " ".join(f"{middle + x * scale:.1f},{middle - y * scale:.1f}" for x, y, _ in points)
