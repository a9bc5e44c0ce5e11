"""SMS text: the GSM-7 alphabet, transliteration into it, and the counting of segments (3GPP TS 23.038, 23.040).

One character outside GSM-7 turns a whole text into UCS-2, at 70 characters a segment instead of 160: the texts are
transliterated, and the segments counted here because providers may report none.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = "\f^{}\\[~]|€"
GSM7_BASIC = frozenset(_BASIC)
GSM7_EXTENSION = frozenset(_EXTENSION)
"""Each of these takes two of the 160 places, and the pair never straddles two segments."""

_SPACES = dict.fromkeys("\u00a0\u202f\u2007\u2009\u200a\u2002\u2003\u2008\u3000\t", " ")
_NOTHING = dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f", "")
_WRITTEN_OTHERWISE = {
    "’": "'", "‘": "'", "‚": "'", "‛": "'", "ʼ": "'", "′": "'", "`": "'", "´": "'",
    "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "″": '"', "‹": "'", "›": "'",
    "–": "-", "—": "-", "‐": "-", "‑": "-", "‒": "-", "−": "-", "•": "-", "·": "-",
    "…": "...", "œ": "oe", "Œ": "OE", "ç": "c", "№": "No", "°": "o", "º": "o", "ª": "a",
    "×": "x", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ı": "i", "™": "TM", "⁄": "/", "©": "(c)", "®": "(r)",
}  # fmt: skip
_MAP = str.maketrans({**_SPACES, **_NOTHING, **_WRITTEN_OTHERWISE})
_GUILLEMETS = re.compile(r"«\s*|\s*»")


@dataclass(frozen=True, slots=True)
class Segments:
    """How a text travels: its alphabet (`GSM-7` or `UCS-2`), the places it takes, the number of segments."""

    alphabet: str
    places: int
    count: int


def to_gsm7(text: str) -> str:
    """`text` in GSM-7 letters: ê → e, ç → c, ’ → ', no-break space → space, œ → oe; what has no likeness becomes `?`."""
    plain = _GUILLEMETS.sub('"', unicodedata.normalize("NFC", text)).translate(_MAP)
    return "".join(character if _fits(character) else _likeness(character) for character in plain)


def _fits(character: str) -> bool:
    return character in GSM7_BASIC or character in GSM7_EXTENSION


def _likeness(character: str) -> str:
    if unicodedata.category(character) in {"Mn", "Cf", "Cc"}:
        return ""
    letters = unicodedata.normalize("NFKD", character).translate(_MAP)
    return "".join(letter for letter in letters if _fits(letter)) or "?"


def segments(text: str) -> Segments:
    """Count the segments that `text` takes, as it stands."""
    if all(_fits(character) for character in text):
        sizes = [2 if character in GSM7_EXTENSION else 1 for character in text]
        return Segments("GSM-7", sum(sizes), _count(sizes, alone=160, chained=153))
    sizes = [len(character.encode("utf-16-be")) // 2 for character in text]
    return Segments("UCS-2", sum(sizes), _count(sizes, alone=70, chained=67))


def _count(sizes: list[int], *, alone: int, chained: int) -> int:
    """Segments for characters of these sizes; a chained segment loses room to its header, and splits no character."""
    if sum(sizes) <= alone:
        return 1
    count, used = 1, 0
    for size in sizes:
        if used + size > chained:
            count, used = count + 1, 0
        used += size
    return count
