"""What is on screen, in each language.

French is the source: pages are written in it, and `t("…")` looks its sentence up in the reader's catalogue. A catalogue is
one PO file in `translations/`, named for its language; adding the file adds the language. `python -m scripts.translations`
brings the files up to date with the pages, and a test refuses a sentence without translation.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import Any

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from markupsafe import Markup, escape

SOURCE_LANGUAGE = "fr"
TRANSLATIONS = Path(__file__).parent / "translations"
# English is written as in Great Britain: days before months, as French readers expect.
_REGIONS = {"fr": "fr_FR", "en": "en_GB"}


def mark(sentence: str) -> str:
    """Mark a sentence of a table for translation; whoever shows it calls `t` on it."""
    return sentence


class _French(NullTranslations):
    """The source itself. Nothing is plural in French below two, zero included."""

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return msgid1 if abs(n) < 2 else msgid2


@dataclass(frozen=True, slots=True)
class Translator:
    """One language. `t` and `tn` give text that is safe in HTML; the values put into it are escaped."""

    code: str
    locale: Locale
    catalogue: NullTranslations

    @property
    def name(self) -> str:
        """The language's own name: "français", "English"."""
        return str(self.locale.languages.get(self.code, self.code))

    def t(self, sentence: str, **values: Any) -> Markup:
        """`sentence` in this language, with `{name}` replaced by each value (a `Markup` value stays as it is)."""
        return _filled(typeset(self.catalogue.gettext(sentence), language=self.code), values)

    def tn(self, one: str, many: str, n: int, **values: Any) -> Markup:
        """The form for `n` things; `{n}` is the number as this language writes it."""
        written = format_decimal(n, locale=self.locale)
        return _filled(typeset(self.catalogue.ngettext(one, many, n), language=self.code), {"n": written, **values})

    def plain(self, sentence: str, **values: Any) -> str:
        """As `t`, as plain text: for a title, a header, a file name."""
        return typeset(self.catalogue.gettext(sentence), language=self.code).format(**values)


def _filled(text: str, values: Mapping[str, Any]) -> Markup:
    safe = escape(text)
    return safe.format(**values) if values else safe


@lru_cache(maxsize=4096)
def typeset(text: str, *, language: str) -> str:
    """Typography that an author need not think of: curly apostrophes; in French, spaces that do not break."""
    text = text.replace("'", "’")
    if language != "fr":
        return text
    text = re.sub(r" ([;!?])", "\u202f\\1", text)
    text = re.sub(r" ([:»])", "\u00a0\\1", text)
    text = text.replace("« ", "«\u00a0")
    return re.sub(r"(?<=\d) (?=\d|h\b|min\b|%|€)", "\u00a0", text)


def load_translators(folder: Path = TRANSLATIONS) -> dict[str, Translator]:
    """Every language there is, French first. Raises `ValueError` on a file that is no catalogue of its language."""
    translators = {SOURCE_LANGUAGE: Translator(SOURCE_LANGUAGE, Locale.parse(_REGIONS[SOURCE_LANGUAGE]), _French())}
    for path in sorted(folder.glob("*.po")):
        locale = Locale.parse(_REGIONS.get(path.stem, path.stem))
        translators[path.stem] = Translator(path.stem, locale, _catalogue(path))
    return translators


def _catalogue(path: Path) -> GNUTranslations:
    with path.open("rb") as file:
        catalogue = read_po(file, locale=path.stem, abort_invalid=True)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)


def preferred_language(accepted: str, *, available: Mapping[str, object], default: str = SOURCE_LANGUAGE) -> str:
    """The best of an `Accept-Language` header among the languages there are."""
    wishes: list[tuple[float, str]] = []
    for part in accepted.split(",")[:20]:
        tag, _, quality = part.strip().partition(";q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            continue
        wishes.append((-weight, tag.split("-")[0].lower()))
    return next((code for _, code in sorted(wishes, key=lambda wish: wish[0]) if code in available), default)
