"""Names as a search compares them: without accents, case or order. Pure."""

from __future__ import annotations

import re
import unicodedata

# Letters that Unicode does not decompose into a base letter and an accent.
_WHOLE_LETTERS = str.maketrans({"œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})
_WORD = re.compile(r"[^\W_]+")
_LONGEST = 250


def words_of(text: str) -> list[str]:
    """The words of `text` in lower case, without accents; apostrophes, hyphens and spaces separate."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().translate(_WHOLE_LETTERS))
    return _WORD.findall("".join(letter for letter in decomposed if not unicodedata.combining(letter)))


def search_name(given: str, family: str) -> str:
    """Both names' words, sorted: `search_name("Zoé", "d'Été") == search_name("D ETE", "zoe")`. At most 250 characters."""
    return " ".join(sorted(words_of(f"{given} {family}")))[:_LONGEST]
