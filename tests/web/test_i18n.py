"""Catalogues, typography, and the choice of a language."""

from __future__ import annotations

from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import PoFileError
from markupsafe import Markup

from scripts import translations
from telecontrol.web.i18n import load_translators, preferred_language, typeset


@pytest.mark.parametrize("path", sorted(translations.TRANSLATIONS.glob("*.po")), ids=lambda path: path.stem)
def test_catalogue_holds_every_sentence_and_no_other(path: Path) -> None:
    faults = list(translations.faults(translations.sentences(), translations.read(path)))
    assert not faults, "run `python -m scripts.translations`, then translate what it names"


def test_extraction_finds_templates_and_code() -> None:
    found = translations.sentences()
    assert "Rejoindre le rendez-vous" in found, "from a template"
    assert "Rapports en retard" in found, "from a table in code"
    assert "dans {duration}" in found


def test_faults_are_seen() -> None:
    wanted, given = Catalog(), Catalog()
    for sentence in ("Bonjour {person}", "Fermer", "Nouveau"):
        wanted.add(sentence)
    given.add("Bonjour {person}", "Hello {name}")
    given.add("Fermer", "")
    given.add("Ancien", "Old")
    faults = sorted(translations.faults(wanted, given))
    assert [fault.partition(":")[0] for fault in faults] == [
        "missing",
        "placeholders differ",
        "superfluous",
        "untranslated",
    ]


def test_values_are_escaped_and_markup_kept() -> None:
    french = load_translators()["fr"]
    text = french.t("Bonjour {person}", person="<b>")
    assert text == "Bonjour &lt;b&gt;"
    assert french.t("Bonjour {person}", person=Markup("<b>Inès</b>")) == "Bonjour <b>Inès</b>"
    assert french.plain("Bonjour {person}", person="<b>") == "Bonjour <b>"


@pytest.mark.parametrize(
    ("language", "count", "expected"),
    [
        ("fr", 0, "0 jour"),
        ("fr", 1, "1 jour"),
        ("fr", 2, "2 jours"),
        ("en", 0, "0 days"),
        ("en", 1, "1 day"),
        ("en", 2, "2 days"),
    ],
)
def test_plurals(language: str, count: int, expected: str) -> None:
    assert load_translators()[language].tn("{n} jour", "{n} jours", count) == expected


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("Qu'est-ce ?", "fr", "Qu’est-ce\u202f?"),
        ("Rien n'est perdu : « oui » !", "fr", "Rien n’est perdu\u00a0: «\u00a0oui\u00a0»\u202f!"),
        ("à 200 % et 10 min", "fr", "à 200\u00a0% et 10\u00a0min"),
        ("It's here: why?", "en", "It’s here: why?"),
    ],
)
def test_typography(text: str, language: str, expected: str) -> None:
    assert typeset(text, language=language) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", "fr"),
        ("en", "en"),
        ("de-DE,de;q=0.9,en;q=0.8,fr;q=0.7", "en"),
        ("fr-RE,fr;q=0.9,en;q=0.8", "fr"),
        ("en;q=0.3, fr;q=0.9", "fr"),
        ("de", "fr"),
        ("en;q=oops, xx", "fr"),
    ],
)
def test_preferred_language(header: str, expected: str) -> None:
    assert preferred_language(header, available=load_translators()) == expected


def test_broken_catalogue_is_refused(tmp_path: Path) -> None:
    (tmp_path / "en.po").write_text("this is no catalogue\n", "utf-8")
    with pytest.raises(PoFileError):
        load_translators(tmp_path)
