"""An organisation's accent colour, made readable: the few tokens that depend on it, for the light and the dark theme.

Served as a style sheet of its own (`paths.brand`), because pages carry no inline style. The hue stays; the lightness moves until
text on the accent and accent on the page reach the contrasts that the tokens promise (WCAG 2.2, 1.4.3 and 1.4.6).
"""

from __future__ import annotations

import colorsys
import re

from telecontrol.errors import InvalidInput

_HEX = re.compile(r"#[0-9a-fA-F]{6}")
_PAGE = {"light": "#ffffff", "dark": "#162225"}
_SUNKEN = {"light": "#e8eeee", "dark": "#0a1113"}
_ON_ACCENT = {"light": "#ffffff", "dark": "#04171a"}
_LEAST = 7.0
_STEP = 0.01

Colour = tuple[float, float, float]


def brand_css(accent: str) -> str:
    """The style sheet for an accent written `#rrggbb`. Raises `InvalidInput` for anything else."""
    if not _HEX.fullmatch(accent):
        raise InvalidInput("an accent colour is written #rrggbb", field="accent_colour", code="colour_malformed")
    light, dark = _rules(accent, "light"), _rules(accent, "dark")
    return (
        f":root{{{light}}}\n"
        f'@media (prefers-color-scheme:dark){{:root:not([data-theme="light"]){{{dark}}}}}\n'
        f':root[data-theme="dark"]{{{dark}}}\n'
        f"@media print{{:root,:root[data-theme]{{{light}}}}}\n"
    )


def _rules(accent: str, theme: str) -> str:
    page = _rgb(_PAGE[theme])
    colour = _readable(_rgb(accent), theme)
    tokens = {
        "accent": colour,
        "accent-strong": _moved(colour, -0.07 if theme == "light" else 0.07),
        "accent-soft": _mixed(colour, page, 0.10 if theme == "light" else 0.18),
        "accent-line": _mixed(colour, page, 0.45),
        "on-accent": _rgb(_ON_ACCENT[theme]),
    }
    return "".join(f"--{name}:{_text(value)};" for name, value in tokens.items())


def _readable(colour: Colour, theme: str) -> Colour:
    """The nearest lightness at which the colour can be read on the page, and text on it."""
    step = -_STEP if theme == "light" else _STEP
    for _ in range(round(1 / _STEP)):
        soft = _mixed(colour, _rgb(_PAGE[theme]), 0.18)
        surfaces = [_rgb(_PAGE[theme]), _rgb(_ON_ACCENT[theme]), _rgb(_SUNKEN[theme]), soft]
        enough = [_LEAST, _LEAST, 4.5, 4.5]
        if all(contrast(colour, surface) >= least for surface, least in zip(surfaces, enough, strict=True)):
            break
        colour = _moved(colour, step)
    return colour


def contrast(one: Colour, other: Colour) -> float:
    """The WCAG contrast ratio of two colours, 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: Colour) -> float:
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _moved(colour: Colour, by: float) -> Colour:
    hue, lightness, saturation = colorsys.rgb_to_hls(*colour)
    return colorsys.hls_to_rgb(hue, min(1.0, max(0.0, lightness + by)), saturation)


def _mixed(colour: Colour, page: Colour, share: float) -> Colour:
    red, green, blue = (share * a + (1 - share) * b for a, b in zip(colour, page, strict=True))
    return red, green, blue


def _rgb(text: str) -> Colour:
    return int(text[1:3], 16) / 255, int(text[3:5], 16) / 255, int(text[5:7], 16) / 255


def _text(colour: Colour) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in colour)
