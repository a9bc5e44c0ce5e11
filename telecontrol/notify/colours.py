"""The accent colour of an organisation, made readable."""

from __future__ import annotations

DEFAULT_ACCENT = "#0c5a66"
"""The accent of the pages, so that a message and the page it leads to look like one house."""


def accent_of(accent: str) -> str:
    """The organisation's colour, or the default one."""
    return accent.lower() or DEFAULT_ACCENT


def ink_on(background: str) -> str:
    """Black or white, whichever reads better on `background` (`#rrggbb`); one of the two always passes 4.5 to 1."""
    light = _luminance(background)
    return "#ffffff" if contrast(1.0, light) >= contrast(light, 0.0) else "#000000"


def contrast(one: float, other: float) -> float:
    """WCAG 2.2 contrast ratio of two relative luminances, 1 to 21."""
    lighter, darker = max(one, other), min(one, other)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(int(colour[index : index + 2], 16) / 255) for index in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def link_colour(accent: str) -> str:
    """The accent where it can be read as text on white (4.5 to 1), else the default one."""
    return accent if contrast(1.0, _luminance(accent)) >= 4.5 else DEFAULT_ACCENT
