"""GSM-7: every text is brought into it, segments are counted as the network counts them, names are shortened with sense."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecontrol.notify.names import discreet_name, shorter_names
from telecontrol.notify.sms_text import GSM7_BASIC, GSM7_EXTENSION, Segments, segments, to_gsm7

# 3GPP TS 23.038 §6.2.1, row by row, written here a second time from the standard.
BASIC_BY_CODE = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)


def test_the_alphabet_is_the_standard_s() -> None:
    assert len(BASIC_BY_CODE) == 128
    assert frozenset(BASIC_BY_CODE) - {"\x1b"} == GSM7_BASIC
    assert frozenset("\f^{}\\[~]|€") == GSM7_EXTENSION


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Août, l’œuvre « ça va »", 'Aout, l\'oeuvre "ca va"'),
        ("10\u00a0h\u202f00", "10 h 00"),
        ("forêt naïve, Noël, château, hôtel, dîner, sûr", "foret naive, Noel, chateau, hotel, diner, sur"),
        ("É È À Ç Ê Ë Î Ô Û Ŷ", "É E A Ç E E I O U Y"),
        ("é è à ù ì ò ä ö ü ñ", "é è à ù ì ò ä ö ü ñ"),
        ("e\u0301te\u0301", "été"),
        ("a – b — c … d • e", "a - b - c ... d - e"),
        ("zéro\u200blargeur\ufeff", "zérolargeur"),
        ("№ 5 ™ ½ ﬁn", "No 5 TM 1/2 fin"),
        ("Łódź đ ı", "Lodz d i"),
        ("😀 Ж 漢", "? ? ?"),
        ("5 € [a] {b}", "5 € [a] {b}"),
        ("a\tb", "a b"),
    ],
)
def test_transliteration(text: str, plain: str) -> None:
    assert to_gsm7(text) == plain


@given(st.text(max_size=300))
def test_whatever_comes_in_gsm7_comes_out(text: str) -> None:
    plain = to_gsm7(text)
    assert set(plain) <= GSM7_BASIC | GSM7_EXTENSION
    assert segments(plain).alphabet == "GSM-7"
    assert to_gsm7(plain) == plain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Segments("GSM-7", 0, 1)),
        ("a" * 160, Segments("GSM-7", 160, 1)),
        ("a" * 161, Segments("GSM-7", 161, 2)),
        ("a" * 306, Segments("GSM-7", 306, 2)),
        ("a" * 307, Segments("GSM-7", 307, 3)),
        ("€" * 80, Segments("GSM-7", 160, 1)),
        ("€" * 81, Segments("GSM-7", 162, 2)),
        # 76 pairs fill 152 of the 153 places: the last pair does not straddle.
        ("€" * 153, Segments("GSM-7", 306, 3)),
        ("ê" + "a" * 69, Segments("UCS-2", 70, 1)),
        ("ê" + "a" * 70, Segments("UCS-2", 71, 2)),
        ("ê" + "a" * 133, Segments("UCS-2", 134, 2)),
        ("ê" + "a" * 134, Segments("UCS-2", 135, 3)),
        ("😀" * 35, Segments("UCS-2", 70, 1)),
        ("😀" * 67, Segments("UCS-2", 134, 3)),
    ],
)
def test_segments(text: str, expected: Segments) -> None:
    assert segments(text) == expected


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Caisse primaire d’assurance maladie de La Réunion", "CPAM de La Réunion"),
        ("CAISSE PRIMAIRE D'ASSURANCE MALADIE DU RHÔNE", "CPAM DU RHÔNE"),
        ("Caisse primaire d'assurance-maladie de Paris", "CPAM de Paris"),
        ("Caisse générale de sécurité sociale de Guyane", "CGSS de Guyane"),
        ("Mutualité sociale agricole Alpes du Nord", "MSA Alpes du Nord"),
        ("Centre hospitalier universitaire de Bordeaux", "CHU de Bordeaux"),
        ("Ville de Brest", "Ville de Brest"),
        ("Contrôle médical de Lyon", "Telecontrol"),
        ("L’Assurance Maladie", "Telecontrol"),
    ],
)
def test_names_on_a_lock_screen(name: str, shown: str) -> None:
    assert discreet_name(name, otherwise="Telecontrol") == shown


def test_names_grow_shorter_and_stay_readable() -> None:
    name = "Communauté d’agglomération du Pays de Saint-Malo et environs (CAPS)"
    forms = list(shorter_names(name))
    assert forms[0] == name
    assert "Agglo du Pays de St-Malo & environs" in forms
    assert [len(form) for form in forms] == sorted((len(form) for form in forms), reverse=True)
    assert len(forms[-1]) <= 25
    assert not any(form.rstrip(".").endswith((" du", " de", " et", " &")) for form in forms)


@given(st.text(alphabet="abc dé-'", min_size=1, max_size=120))
def test_shortening_ends(name: str) -> None:
    forms = list(shorter_names(name))
    assert forms[0] == name
    assert len(forms) < 80
