"""Numbers as people write them: refused by type, never by a library's idea of validity."""

from __future__ import annotations

import pytest

from telecontrol.errors import InvalidInput
from telecontrol.notify.phones import mobile_number, region_of


@pytest.mark.parametrize(
    ("text", "region", "expected"),
    [
        ("06 12 34 56 78", "FR", "+33612345678"),
        ("06.12.34.56.78", "FR", "+33612345678"),
        ("+33 (0)6 12 34 56 78", "FR", "+33612345678"),
        ("0033612345678", "FR", "+33612345678"),
        ("612345678", "FR", "+33612345678"),
        # Ranges in use that the library calls invalid.
        ("06 39 98 12 34", "FR", "+33639981234"),
        ("07 00 12 34 56", "FR", "+33700123456"),
        ("+262 639 12 34 56", "FR", "+262639123456"),
        ("0639 12 34 56", "YT", "+262639123456"),
        # The insured's region first, then France.
        ("0692 12 34 56", "RE", "+262692123456"),
        ("06 12 34 56 78", "RE", "+33612345678"),
        ("07 41 23 45 67", "MQ", "+33741234567"),
        ("0690 12 34 56", "GP", "+590690123456"),
        ("0691 12 34 56", "MF", "+590691123456"),
        ("0694 12 34 56", "GF", "+594694123456"),
        ("0696 12 34 56", "MQ", "+596696123456"),
        ("55 12 34", "PM", "+508551234"),
        # Overseas mobiles dialled from the mainland keep their own country code.
        ("0692 12 34 56", "FR", "+262692123456"),
        ("0639 12 34 56", "FR", "+262639123456"),
        ("0690 12 34 56", "FR", "+590690123456"),
        ("0694 12 34 56", "FR", "+594694123456"),
        ("0697 12 34 56", "FR", "+596697123456"),
        # Abroad.
        ("+32 470 12 34 56", "FR", "+32470123456"),
        ("+1 212 555 0123", "FR", "+12125550123"),
    ],
)
def test_accepted(text: str, region: str, expected: str) -> None:
    assert mobile_number(text, region=region) == expected
    assert mobile_number(expected, region=region) == expected, "what was accepted is accepted again"


@pytest.mark.parametrize(
    ("text", "region", "code"),
    [
        ("01 12 34 56 78", "FR", "phone_fixed_line"),
        ("09 12 34 56 78", "FR", "phone_fixed_line"),
        ("0262 12 34 56", "RE", "phone_fixed_line"),
        ("0590 12 34 56", "GP", "phone_fixed_line"),
        ("+32 2 555 12 34", "FR", "phone_fixed_line"),
        ("08 99 12 34 56", "FR", "phone_premium"),
        ("08 00 12 34 56", "FR", "phone_premium"),
        ("36 35", "FR", "phone_unreadable"),
        ("06 12 34 56", "FR", "phone_unreadable"),
        ("bonjour", "FR", "phone_unreadable"),
        ("", "FR", "phone_unreadable"),
        ("06 12 34 56 78 90", "FR", "phone_unreadable"),
    ],
)
def test_refused(text: str, region: str, code: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        mobile_number(text, region=region)
    assert (refusal.value.code, refusal.value.field) == (code, "phone")
    assert text not in str(refusal.value) or not text


def test_regions() -> None:
    assert region_of("Indian/Reunion") == "RE"
    assert region_of("America/St_Barthelemy") == "BL"
    assert region_of("Europe/Paris") == region_of("Asia/Tokyo") == "FR"
