"""What an accent colour looks like on the pages of the insured, as a drawing: readable in the light and in the dark."""

from __future__ import annotations

import re

from markupsafe import Markup, escape
from starlette.responses import Response

from telecontrol.errors import InvalidInput, NotFound
from telecontrol.web.brand import brand_css
from telecontrol.web.i18n import Translator, mark

_TOKEN = re.compile(r"--([a-z-]+):(#[0-9a-f]{6})")
_GROUND = {"light": ("#ffffff", "#14242a"), "dark": ("#162225", "#e9f0f1")}
_JOIN = mark("Rejoindre le rendez-vous")
_WHEN = mark("Mardi 24 mars, 10 h 00")
_PANEL = Markup(
    '<g transform="translate({x} 0)" font-family="-apple-system, Segoe UI, Roboto, Noto Sans, Liberation Sans, Arial, sans-serif">'
    '<rect width="230" height="132" rx="14" fill="{ground}" stroke="{line}"/>'
    '<path d="M0 14a14 14 0 0 1 14-14h202a14 14 0 0 1 14 14v22H0z" fill="{accent}"/>'
    '<circle cx="22" cy="18" r="7" fill="{on_accent}"/>'
    '<rect x="38" y="14" width="96" height="8" rx="4" fill="{on_accent}"/>'
    '<text x="16" y="64" font-size="15" font-weight="600" fill="{ink}">{when}</text>'
    '<rect x="16" y="80" width="198" height="36" rx="8" fill="{accent}"/>'
    '<text x="115" y="103" font-size="13" font-weight="600" fill="{on_accent}" text-anchor="middle">{join}</text>'
    "</g>"
)


def accent_picture(colour: str, language: Translator) -> Response:
    """The drawing of `#rrggbb`. Raises `NotFound` for what is no colour."""
    try:
        css = brand_css(colour.strip())
    except InvalidInput:
        raise NotFound("no such colour") from None
    panels = [
        _panel(css.splitlines()[line], theme, x, language) for line, theme, x in ((0, "light", 1), (2, "dark", 251))
    ]
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 -1 482 134">{"".join(panels)}</svg>'
    return Response(svg, media_type="image/svg+xml", headers={"Content-Security-Policy": "default-src 'none'"})


def _panel(rules: str, theme: str, x: int, language: Translator) -> Markup:
    tokens = {name.replace("-", "_"): value for name, value in _TOKEN.findall(rules)}
    ground, ink = _GROUND[theme]
    return _PANEL.format(
        x=x,
        ground=ground,
        ink=ink,
        line=tokens["accent_line"],
        accent=tokens["accent"],
        on_accent=tokens["on_accent"],
        when=escape(language.plain(_WHEN)),
        join=escape(language.plain(_JOIN)),
    )
