"""Whatever accent an organisation chooses, what is written stays readable; and the tokens keep their own promise."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecontrol.errors import InvalidInput
from telecontrol.notify.colours import DEFAULT_ACCENT
from telecontrol.web.brand import brand_css, contrast
from telecontrol.web.templating import WEB

TOKENS = (WEB / "assets" / "scss" / "_tokens.scss").read_text("utf-8")


def colours(text: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z-]+):\s*(#[0-9a-f]{6});", text))


def tokens(theme: str) -> dict[str, str]:
    block = re.search(rf"@mixin {theme} \{{(.*?)\n\}}", TOKENS, re.DOTALL)
    assert block is not None
    return colours(block.group(1))


def rgb(text: str) -> tuple[float, float, float]:
    return int(text[1:3], 16) / 255, int(text[3:5], 16) / 255, int(text[5:7], 16) / 255


def ratio(one: str, other: str) -> float:
    return contrast(rgb(one), rgb(other))


def test_a_message_wears_the_colour_of_the_pages() -> None:
    assert tokens("light")["accent"] == DEFAULT_ACCENT


def test_contrast_is_the_standard_one() -> None:
    assert ratio("#000000", "#ffffff") == pytest.approx(21)
    assert ratio("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_tokens_keep_their_contrasts(theme: str) -> None:
    token = tokens(theme)
    surfaces = ["canvas", "surface", "sunken"]
    soft = [f"{tone}-soft" for tone in ("accent", "danger", "warning", "success", "info")]
    for surface in surfaces + soft:
        assert ratio(token["ink"], token[surface]) >= 7, f"ink on {surface}"
    for surface in surfaces:
        assert ratio(token["ink-soft"], token[surface]) >= 7, f"ink-soft on {surface}"
        assert ratio(token["accent"], token[surface]) >= 4.5, f"accent on {surface}"
        assert ratio(token["line-strong"], token[surface]) >= 3, f"edge on {surface}"
    for tone in ("accent", "danger", "warning", "success", "info"):
        assert ratio(token[tone], token[f"{tone}-soft"]) >= 4.5, f"{tone} on its own tint"
        assert ratio(token[tone], token["surface"]) >= 4.5
    assert ratio(token["on-accent"], token["accent"]) >= 7
    assert ratio(token["on-accent"], token["accent-strong"]) >= 7


@given(st.from_regex(r"#[0-9a-f]{6}", fullmatch=True))
def test_any_accent_is_made_readable(accent: str) -> None:
    css = brand_css(accent)
    light, dark = (colours(line) for line in css.split("\n")[:2])
    for brand, theme in ((light, tokens("light")), (dark, tokens("dark"))):
        assert ratio(brand["on-accent"], brand["accent"]) >= 6.9  # rounding to whole steps of 1/255
        assert ratio(brand["accent"], theme["surface"]) >= 6.9
        assert ratio(brand["accent"], theme["sunken"]) >= 4.5
        assert ratio(brand["accent"], brand["accent-soft"]) >= 4.5
        assert ratio(theme["ink"], brand["accent-soft"]) >= 7


@pytest.mark.parametrize("accent", ["", "red", "#fff", "#12345g", "#123456;}body{display:none", "#1234567"])
def test_anything_but_a_colour_is_refused(accent: str) -> None:
    with pytest.raises(InvalidInput):
        brand_css(accent)
