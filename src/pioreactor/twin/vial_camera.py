"""A simulated camera: draws the vial as its world is now, as a JPEG. Pillow is imported at the first picture."""

from __future__ import annotations

import io
import math
import random
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pioreactor.devices.cameras.ports import Camera, LensRange
from pioreactor.exc import HardwareNotFoundError, InvalidRequestError
from pioreactor.twin.world import World

if TYPE_CHECKING:
    from PIL import Image
    from PIL.ImageDraw import ImageDraw

WIDTH, HEIGHT = 480, 640
"""Size of the picture [pixels]."""
_SCALE: Final = 2
"""Drawn this much larger and reduced, which smooths edges."""
_QUALITY: Final = 82
BLUR_PIXELS_PER_TURN: Final = 4.0
"""Radius of the blur for each turn of the lens away from its focus."""
LENS: Final = LensRange(0.0, 15.0, 0.1, "dpt")
IN_FOCUS_DPT: Final = 8.0
"""Position of the motor's lens at which the vial is sharp, unless the lens was turned by hand."""
DPT_PER_TURN: Final = 4.0
_VIAL_MM: Final = 27.0
_PIXELS_PER_MM: Final = 8.2 * _SCALE
_FLOOR: Final = 585 * _SCALE
"""Row of the inner bottom of the vial."""
_HAZE_PER_OD: Final = 0.9
_MARKS_EVERY_ML: Final = 2

Rgb = tuple[float, float, float]
_LIGHTS: Final[dict[str, Rgb]] = {"IR": (1.0, 0.86, 1.0), "UV": (0.45, 0.3, 1.0)}
_WHITE: Final[Rgb] = (1.0, 0.97, 0.88)
_AMBIENT: Final[Rgb] = (0.60, 0.61, 0.62)
"""What reaches the sensor through a closed housing, after its gain."""
_HOUSING: Final[Rgb] = (62.0, 64.0, 68.0)
_MEDIUM: Final[Rgb] = (216.0, 196.0, 140.0)
_CELLS: Final[Rgb] = (228.0, 218.0, 188.0)
_FOAM: Final[Rgb] = (238.0, 235.0, 226.0)


@dataclass(frozen=True, slots=True)
class VialView:
    """What a camera sees of a vial."""

    turbidity: float
    """Optical density of the liquid as it is stirred up now."""
    volume_ml: float
    efflux_ml: float
    rpm: float
    foam_mm: float
    bubbles: float
    """Chance that a bubble crosses the light path, 0–1."""
    leds: dict[str, float]
    """Role of each lit LED and its intensity, 0–1."""
    tick: int
    """Seconds since the world began: bubbles and noise differ from one to the next."""
    blur: float = 0.0
    """Radius of what an unfocused lens makes of a point [pixels]."""

    @property
    def vortex_mm(self) -> float:
        """Depth of the vortex: a fraction of that of a rigidly rotating liquid."""
        omega, radius_m = self.rpm * 2.0 * math.pi / 60.0, _VIAL_MM / 2000.0
        return min(0.15 * (omega * radius_m) ** 2 / (2.0 * 9.81) * 1000.0, 0.8 * level_mm(self.volume_ml))


def level_mm(volume_ml: float) -> float:
    """Return the height of a volume above the bottom of the vial."""
    return volume_ml * 1000.0 / (math.pi * (_VIAL_MM / 2.0) ** 2)


def view_of(world: World, *, blur: float = 0.0) -> VialView:
    """Return what a camera in front of the vial sees now."""
    world.advance()
    optics, scene = world.optics, world.optics.scene
    per_density = world.culture.od / max(world.culture.scattering_mg_ml, 1e-9)
    roles = world.wires.led_roles
    return VialView(
        turbidity=max(0.0, scene.density_mg_ml * per_density),
        volume_ml=world.vessel.volume_ml,
        efflux_ml=world.vessel.efflux_ml,
        rpm=scene.rpm,
        foam_mm=world.foam_mm(),
        bubbles=optics.bubbles,
        leds={roles.get(channel, "") or channel: level for channel, level in optics.leds.items() if level > 0.0},
        tick=world.tick,
        blur=blur,
    )


class SimulatedCamera:
    """Implementation of `devices.cameras.ports.Camera` that draws the vial of a world."""

    program = "simulation"

    def __init__(self, world: World, lens_position: float = IN_FOCUS_DPT) -> None:
        self._world = world
        self._lens_position = lens_position

    def is_detected(self) -> bool | None:
        return True

    def capture(self) -> bytes:
        turns = self._world.lens_turns + (self._lens_position - IN_FOCUS_DPT) / DPT_PER_TURN
        return draw(view_of(self._world, blur=BLUR_PIXELS_PER_TURN * abs(turns)))

    def lens(self) -> LensRange | None:
        return LENS

    def with_lens(self, position: float) -> SimulatedCamera:
        return SimulatedCamera(self._world, position)

    def with_options(self, file: Path) -> Camera:
        raise InvalidRequestError(f"{file.name} cannot be used: a simulated camera has no options")


def draw(view: VialView) -> bytes:
    """Return the view as a JPEG. Raise `HardwareNotFoundError` where Pillow is not installed."""
    try:
        from PIL import Image, ImageDraw, ImageFilter
    except ImportError as error:
        raise HardwareNotFoundError(
            "a simulated camera draws with Pillow, which is not installed",
            remedy="pip install 'pioreactor[simulation]'",
        ) from error
    light = _light_of(view)
    picture = Image.new("RGB", (WIDTH * _SCALE, HEIGHT * _SCALE), _lit(_HOUSING, light, 0.55))
    pen = ImageDraw.Draw(picture, "RGBA")
    rng = random.Random(view.tick)
    _draw_scale(pen, light)
    _draw_stir_bar(pen, view, light, rng)
    _draw_liquid(picture, pen, view, light)
    _draw_bubbles(pen, view, light, rng)
    _draw_foam(pen, view, light, rng)
    _draw_tubes(pen, view, light)
    _draw_glass(pen, light)
    picture = _expose(picture.reduce(_SCALE), view)
    if view.blur > 0.0:
        picture = picture.filter(ImageFilter.GaussianBlur(view.blur))
    noise = Image.effect_noise(picture.size, 18.0).convert("RGB")
    picture = Image.blend(picture, noise, 0.035)
    written = io.BytesIO()
    picture.save(written, "JPEG", quality=_QUALITY)
    return written.getvalue()


# ---- geometry and light ------------------------------------------------------------------------------------


_CENTER: Final = WIDTH * _SCALE / 2
_LEFT: Final = _CENTER - _VIAL_MM / 2 * _PIXELS_PER_MM
_RIGHT: Final = _CENTER + _VIAL_MM / 2 * _PIXELS_PER_MM
_RIM: Final = 60 * _SCALE


def _row(height_mm: float) -> float:
    return _FLOOR - height_mm * _PIXELS_PER_MM


def _light_of(view: VialView) -> Rgb:
    lit = list(_AMBIENT)
    for role, level in view.leds.items():
        color = _LIGHTS.get(role, _WHITE)
        for index, part in enumerate(color):
            # A sensor's automatic gain makes dim light count for more than its share.
            lit[index] += 1.3 * math.sqrt(level) * part
    return (min(lit[0], 1.15), min(lit[1], 1.15), min(lit[2], 1.15))


def _lit(color: Rgb, light: Rgb, brightness: float = 1.0) -> tuple[int, int, int]:
    red, green, blue = (min(255, round(c * one * brightness)) for c, one in zip(color, light, strict=True))
    return red, green, blue


def _mixed(one: Rgb, other: Rgb, share: float) -> Rgb:
    return (
        one[0] + (other[0] - one[0]) * share,
        one[1] + (other[1] - one[1]) * share,
        one[2] + (other[2] - one[2]) * share,
    )


# ---- parts -------------------------------------------------------------------------------------------------


def _draw_scale(pen: ImageDraw, light: Rgb) -> None:
    """Draw the marks behind the vial, which a dense culture hides."""
    pen.rectangle((_LEFT, _RIM, _RIGHT, _FLOOR), fill=_lit((118.0, 120.0, 122.0), light, 0.8))
    for milliliters in range(_MARKS_EVERY_ML, 40, _MARKS_EVERY_ML):
        row = _row(level_mm(milliliters))
        if row < _RIM + 40:
            break
        width = 90 if milliliters % 10 == 0 else 52
        pen.rectangle((_CENTER - width, row - 3, _CENTER + width, row + 3), fill=_lit((20.0, 22.0, 26.0), light))


def _draw_stir_bar(pen: ImageDraw, view: VialView, light: Rgb, rng: random.Random) -> None:
    length, row = 9.0 * _PIXELS_PER_MM, _FLOOR - 2.6 * _PIXELS_PER_MM
    half = 1.9 * _PIXELS_PER_MM
    if view.rpm > 60.0:
        box = (_CENTER - length, row - half, _CENTER + length, row + half)
        pen.ellipse(box, fill=(*_lit((235.0, 235.0, 235.0), light), 120))
        length *= 0.35 + 0.6 * abs(math.cos(rng.uniform(0.0, math.pi)))
    box = (_CENTER - length, row - half * 0.8, _CENTER + length, row + half * 0.8)
    pen.rounded_rectangle(box, radius=half * 0.8, fill=_lit((238.0, 238.0, 236.0), light))


def _surface(view: VialView) -> list[tuple[float, float]]:
    """Return the surface of the liquid from left to right: a paraboloid when it is stirred."""
    depth = view.vortex_mm
    mean = level_mm(view.volume_ml)
    points = []
    for step in range(41):
        across = step / 20.0 - 1.0
        # A funnel narrower than the vial; its liquid is what stands higher at the wall.
        funnel = math.exp(-((across / 0.45) ** 2)) - 0.39
        points.append((_CENTER + across * (_RIGHT - _LEFT) / 2, _row(mean - depth * funnel)))
    return points


def _draw_liquid(picture: Image.Image, pen: ImageDraw, view: VialView, light: Rgb) -> None:
    """Cover what is behind the liquid in proportion to its turbidity, brighter where the LEDs shine in."""
    from PIL import Image, ImageDraw

    haze = 1.0 - math.exp(-_HAZE_PER_OD * view.turbidity)
    color = _mixed(_MEDIUM, _CELLS, haze)
    opacity = 0.18 + 0.8 * haze
    surface = _surface(view)
    radius = 5.0 * _PIXELS_PER_MM
    mask = Image.new("L", picture.size, 0)
    shape = ImageDraw.Draw(mask)
    top = min(row for _, row in surface)
    shape.rounded_rectangle((_LEFT, top - 2 * radius, _RIGHT, _FLOOR), radius=radius, fill=round(255 * opacity))
    shape.polygon([(_LEFT, 0.0), *surface, (_RIGHT, 0.0)], fill=0)
    shape.rectangle((0, 0, picture.width, top - 1), fill=0)
    # From the LED on the left: cells scatter it, so that a dense culture is bright there and darker beyond.
    decay = 0.25 + 0.5 * haze
    shade = Image.new("RGB", (64, 1))
    for column in range(64):
        brightness = 0.55 + 0.2 * haze + 0.5 * math.exp(-column / 64.0 * 3.0 * decay) * (0.4 + 0.6 * haze)
        shade.putpixel((column, 0), _lit(color, light, brightness))
    width = round(_RIGHT - _LEFT)
    body = Image.new("RGB", picture.size)
    body.paste(shade.resize((width, picture.height), Image.Resampling.BILINEAR), (round(_LEFT), 0))
    picture.paste(body, mask=mask)
    pen.line(surface, fill=(*_lit((255.0, 252.0, 240.0), light, 0.95), 190), width=5, joint="curve")


def _draw_bubbles(pen: ImageDraw, view: VialView, light: Rgb, rng: random.Random) -> None:
    count = round(60 * min(1.0, view.bubbles * 4.0) + 8 * max(0.0, view.rpm - 700.0) / 100.0)
    for _ in range(min(count, 150)):
        height = rng.uniform(4.0, max(4.5, level_mm(view.volume_ml) - 1.5))
        across, size = rng.uniform(-0.9, 0.9), rng.uniform(2.0, 8.0)
        x, y = _CENTER + across * (_RIGHT - _LEFT) / 2, _row(height)
        box = (x - size, y - size, x + size, y + size)
        pen.ellipse(box, outline=(*_lit((255.0, 255.0, 250.0), light), 150), width=2)


def _draw_foam(pen: ImageDraw, view: VialView, light: Rgb, rng: random.Random) -> None:
    """Pile bubbles on the surface, small ones below and larger ones on top."""
    if view.foam_mm <= 0.3:
        return
    surface = _surface(view)
    rows = max(1, round(view.foam_mm / 0.8))
    for layer in range(rows):
        share = layer / rows
        for x, base in surface:
            row = base - (layer + 0.3) * 0.8 * _PIXELS_PER_MM + rng.uniform(-4.0, 4.0)
            if row < _RIM + 40:
                continue
            size = (0.45 + 0.5 * share) * _PIXELS_PER_MM * rng.uniform(0.6, 1.2)
            middle = min(max(x + rng.uniform(-8.0, 8.0), _LEFT + size), _RIGHT - size)
            box = (middle - size, row - size, middle + size, row + size)
            pen.ellipse(box, fill=(*_lit(_FOAM, light, rng.uniform(0.8, 0.97)), 225))
            pen.arc(box, 180, 300, fill=(*_lit((255.0, 255.0, 255.0), light), 200), width=2)


def _draw_tubes(pen: ImageDraw, view: VialView, light: Rgb) -> None:
    """Draw the inlets, which end high, and the efflux tube, whose tip sets the level."""
    tip = _row(level_mm(view.efflux_ml))
    for x, end in ((_CENTER - 90, _RIM + 130), (_CENTER - 50, _RIM + 150), (_CENTER + 84, tip)):
        pen.rectangle((x - 11, _RIM - 20, x + 11, end), fill=(*_lit((214.0, 216.0, 214.0), light, 0.85), 165))
        pen.line((x - 11, _RIM, x - 11, end), fill=(*_lit((250.0, 250.0, 250.0), light), 180), width=3)
        pen.line((x + 11, _RIM, x + 11, end), fill=(*_lit((70.0, 72.0, 74.0), light), 180), width=3)


def _draw_glass(pen: ImageDraw, light: Rgb) -> None:
    edge = _lit((190.0, 196.0, 200.0), light)
    box = (_LEFT - 8, _RIM - 60, _RIGHT + 8, _FLOOR + 26)
    pen.rounded_rectangle(box, radius=5.5 * _PIXELS_PER_MM, outline=(*edge, 255), width=9)
    for x, width, opacity in ((_LEFT + 26, 12, 90), (_LEFT + 50, 5, 60), (_RIGHT - 34, 7, 70)):
        pen.rectangle((x, _RIM + 30, x + width, _FLOOR - 70), fill=(255, 255, 255, round(opacity * min(1.0, light[1]))))
    cap = (_LEFT - 34, -20, _RIGHT + 34, _RIM + 12)
    pen.rounded_rectangle(cap, radius=18, fill=_lit((38.0, 40.0, 44.0), light))
    pen.rectangle((_LEFT - 34, _RIM - 12, _RIGHT + 34, _RIM - 6), fill=_lit((70.0, 72.0, 78.0), light))
    pen.rectangle((0, _FLOOR + 34, WIDTH * _SCALE, HEIGHT * _SCALE), fill=_lit((30.0, 31.0, 34.0), light))


def _expose(picture: Image.Image, view: VialView) -> Image.Image:
    """Infrared has no color: the more of the light it is, the less color is left."""
    from PIL import Image, ImageOps

    infrared = view.leds.get("IR", 0.0)
    if infrared <= 0.0:
        return picture
    gray = ImageOps.colorize(ImageOps.grayscale(picture), black=(8, 4, 12), white=(252, 238, 255))
    others = sum(level for role, level in view.leds.items() if role != "IR")
    return Image.blend(picture, gray, infrared / (infrared + others) * 0.85)
