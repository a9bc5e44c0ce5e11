"""What passes the door, field by field."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecontrol.controls import checks
from telecontrol.controls.names import search_name
from telecontrol.controls.zones import ZONES, department_of_postcode, zone_of_postcode
from telecontrol.errors import InvalidInput

TODAY = date(2026, 3, 2)


def refused(check: object, *args: object, **named: object) -> str:
    with pytest.raises(InvalidInput) as problem:
        check(*args, **named)  # type: ignore[operator]
    assert problem.value.field
    return problem.value.code


@pytest.mark.parametrize(
    ("typed", "zone", "kept"),
    [
        ("06 12 34 56 78", "Europe/Paris", "+33612345678"),
        ("0033 6 12 34 56 78", "Europe/Paris", "+33612345678"),
        ("33612345678", "Europe/Paris", "+33612345678"),
        ("612345678", "Europe/Paris", "+33612345678"),
        ("07.00.12.34.56", "Europe/Paris", "+33700123456"),  # a real range that libphonenumber calls invalid
        ("06 39 98 12 34", "Europe/Paris", "+33639981234"),
        ("0692 12 34 56", "Indian/Reunion", "+262692123456"),
        ("0639 12 34 56", "Indian/Mayotte", "+262639123456"),
        ("0690 12 34 56", "America/Guadeloupe", "+590690123456"),
        ("06 12 34 56 78", "Indian/Reunion", "+33612345678"),  # a mainland number kept on the island
        ("+32 470 12 34 56", "Europe/Paris", "+32470123456"),
        ("", "Europe/Paris", ""),
    ],
)
def test_mobiles_are_kept_in_one_form(typed: str, zone: str, kept: str) -> None:
    assert checks.mobile(typed, zone=zone) == kept


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("01 42 34 56 78", "phone_fixed_line"),
        ("0262 21 23 45", "phone_fixed_line"),
        ("08 99 12 34 56", "phone_premium"),
        ("06 12", "phone_unreadable"),
        ("3,36E+10", "phone_unreadable"),
        ("pas de téléphone", "phone_unreadable"),
        ("06 12 34 56 78 90 12", "phone_unreadable"),
    ],
)
def test_what_an_sms_cannot_reach_is_refused(typed: str, code: str) -> None:
    zone = "Indian/Reunion" if typed.startswith("0262") else "Europe/Paris"
    assert refused(checks.mobile, typed, zone=zone) == code


def test_a_doctors_phone_may_be_a_fixed_line() -> None:
    assert checks.phone("01 42 34 56 78", zone="Europe/Paris") == "+33142345678"


@pytest.mark.parametrize("number", ["10003456781", "1000 3456 781"])
def test_an_rpps_number_has_eleven_digits_and_a_key(number: str) -> None:
    digits = number.replace(" ", "")
    right = next(key for key in range(10) if checks.luhn_sum(f"{digits[:10]}{key}") % 10 == 0)
    assert checks.rpps(f"{number[:-1]}{right}", field="rpps") == f"{digits[:10]}{right}"
    assert refused(checks.rpps, f"{number[:-1]}{(right + 1) % 10}", field="rpps") == "rpps_key_wrong"
    assert refused(checks.rpps, digits[:10], field="rpps") == "rpps_malformed"
    assert checks.rpps(" ", field="rpps") == ""
    assert refused(checks.rpps, "", field="rpps", is_needed=True) == "value_missing"
    assert refused(checks.rpps, "１０００３４５６７８１", field="rpps") == "rpps_malformed"


@pytest.mark.parametrize(
    ("digits", "is_right"),
    [("79927398713", True), ("79927398710", False), ("4111111111111111", True), ("49927398716", True)],
)
def test_the_luhn_sum_agrees_with_published_numbers(digits: str, is_right: bool) -> None:
    assert (checks.luhn_sum(digits) % 10 == 0) is is_right


@given(st.text("0123456789", min_size=11, max_size=11), st.integers(0, 10), st.integers(1, 9))
def test_the_key_catches_every_single_wrong_digit(digits: str, place: int, shift: int) -> None:
    key = next(key for key in range(10) if checks.luhn_sum(f"{digits[:10]}{key}") % 10 == 0)
    right = f"{digits[:10]}{key}"
    wrong = right[:place] + str((int(right[place]) + shift) % 10) + right[place + 1 :]
    assert checks.luhn_sum(wrong) % 10 != 0


@pytest.mark.parametrize(
    "address",
    ["a@b.fr", "prenom.nom+ami@Sous.Domaine.EXAMPLE", "o'brien@courriel.example", "x_y-z@xn--caf-dma.example"],
)
def test_addresses_that_look_right_pass(address: str) -> None:
    local, _, domain = address.partition("@")
    assert checks.email(f" {address} ") == f"{local}@{domain.lower()}"


@pytest.mark.parametrize(
    "address",
    [
        "sans-arobase",
        "a@b",
        "a..b@c.fr",
        ".a@c.fr",
        "a@-c.fr",
        "a@c..fr",
        "a b@c.fr",
        "a@c.fr\nBcc: x@y.fr",
        "a@c.fr,b@c.fr",
        "<a@c.fr>",
        "à@c.fr",
        "a@127.0.0.1",
        "a" * 65 + "@c.fr",
        "a@" + "b" * 250 + ".fr",
    ],
)
def test_addresses_that_cannot_work_or_could_harm_are_refused(address: str) -> None:
    assert refused(checks.email, address) == "email_malformed"


def test_text_is_kept_on_one_line_and_composed() -> None:
    assert checks.plain("  4  rue\r\n des\tLilas ", field="x", longest=50) == "4 rue des Lilas"
    assert checks.name("He\u0301le\u0300ne", field="x") == "Hélène"
    assert checks.plain("=1+1", field="x", longest=50) == "=1+1"
    assert refused(checks.plain, "a\u202eb", field="x", longest=50) == "control_characters"
    assert refused(checks.plain, "a\x07b", field="x", longest=50) == "control_characters"
    assert refused(checks.plain, "x" * 51, field="x", longest=50) == "too_long"
    assert refused(checks.name, "123", field="x") == "name_without_letters"
    assert refused(checks.name, "  ", field="x") == "value_missing"


@pytest.mark.parametrize(
    ("born", "passes"),
    [
        (date(2012, 3, 2), True),
        (date(2012, 3, 3), False),
        (date(1916, 3, 2), True),
        (date(1915, 3, 2), False),
        (date(2027, 1, 1), False),
        (date(2008, 2, 29), True),
    ],
)
def test_birth_dates_are_plausible(born: date, passes: bool) -> None:
    if passes:
        assert checks.birth_date(born, today=TODAY) == born
    else:
        assert refused(checks.birth_date, born, today=TODAY) == "birth_date_implausible"


@pytest.mark.parametrize(
    ("starts", "ends", "code"),
    [
        (date(2026, 3, 10), date(2026, 3, 9), "leave_out_of_order"),
        (date(2026, 2, 1), date(2026, 3, 1), "leave_over"),
        (date(2024, 1, 1), date(2027, 6, 1), "leave_too_long"),
        (date(2027, 5, 1), date(2027, 6, 1), "leave_too_far_ahead"),
        (date(2026, 3, 2), date(2026, 3, 2), None),
    ],
)
def test_leaves_are_plausible(starts: date, ends: date, code: str | None) -> None:
    if code is None:
        checks.leave(starts, ends, today=TODAY)
    else:
        assert refused(checks.leave, starts, ends, today=TODAY) == code


@pytest.mark.parametrize(("typed", "kept"), [("01000", "01000"), ("01 000", "01000"), ("b-1000", "B-1000"), ("", "")])
def test_postcodes(typed: str, kept: str) -> None:
    assert checks.postcode(typed) == kept


@pytest.mark.parametrize(
    ("typed", "code"),
    [("1000", "postcode_malformed"), ("Bourg", "postcode_malformed"), ("98701", "postcode_not_served")],
)
def test_a_postcode_that_lost_its_zero_is_not_guessed(typed: str, code: str) -> None:
    assert refused(checks.postcode, typed) == code


@pytest.mark.parametrize(
    ("postcode", "zone", "department"),
    [
        ("01000", "Europe/Paris", "01"),
        ("20000", "Europe/Paris", "2A"),
        ("20200", "Europe/Paris", "2B"),
        ("97110", "America/Guadeloupe", "971"),
        ("97133", "America/St_Barthelemy", "977"),
        ("97150", "America/Marigot", "978"),
        ("97200", "America/Martinique", "972"),
        ("97300", "America/Cayenne", "973"),
        ("97400", "Indian/Reunion", "974"),
        ("97500", "America/Miquelon", "975"),
        ("97600", "Indian/Mayotte", "976"),
        ("97700", "America/St_Barthelemy", "977"),
        ("97800", "America/Marigot", "978"),
        ("98000", "Europe/Paris", "98"),
        ("B-1000", "Europe/Paris", ""),
        ("", "Europe/Paris", ""),
    ],
)
def test_the_postcode_tells_zone_and_department(postcode: str, zone: str, department: str) -> None:
    assert zone_of_postcode(postcode) == zone
    assert department_of_postcode(postcode) == department


def test_every_zone_exists() -> None:
    assert len(ZONES) == 9
    assert {ZoneInfo(zone).key for zone in ZONES} == ZONES


def test_zone_and_language_are_known_or_empty() -> None:
    assert checks.zone("Indian/Reunion") == "Indian/Reunion"
    assert refused(checks.zone, "Mars/Olympus") == "zone_unknown"
    assert [checks.language(said) for said in ("", "FR", "en-GB")] == ["", "fr", "en"]
    assert refused(checks.language, "de") == "language_unknown"


def test_names_are_found_without_accents_case_or_order() -> None:
    assert search_name("Zoé", "d'Été-Lœuf") == search_name("d ete loeuf", "ZOE") == "d ete loeuf zoe"
    assert len(search_name("œ" * 120, "ß" * 120)) <= 250


@given(st.text(max_size=40), st.text(max_size=40))
def test_search_names_do_not_depend_on_case_or_order(given_name: str, family_name: str) -> None:
    made = search_name(given_name, family_name)
    assert made == search_name(family_name, given_name)
    assert made == search_name(made, "")
