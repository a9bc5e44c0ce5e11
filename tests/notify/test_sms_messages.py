"""The SMS of every kind: who, when, where and a link, in one segment or the stated two."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from telecontrol.errors import InvalidInput
from telecontrol.notify.messages import MESSAGES, SMS, check, sms_of
from telecontrol.notify.sms_text import segments
from telecontrol.notify.wording import ZONES
from tests.notify.reading import LANGUAGES
from tests.notify.samples import LINK, ORIGIN, sample

LONG_NAME = "Communauté d’agglomération du Grand Sud-Ouest"
SMS_KINDS = sorted(kind for kind, message in MESSAGES.items() if SMS in message.channels)


@pytest.mark.parametrize("kind", SMS_KINDS)
def test_sms_lengths(kind: str) -> None:
    """The longest day and month, a 45-character organisation: one segment, or the stated two, and no UCS-2."""
    assert len(LONG_NAME) == 45
    at = datetime(2026, 9, 30, 13, 30, tzinfo=UTC)
    changes: dict[str, Any] = {"organisation": LONG_NAME, "starts_at": at}
    if kind == "change":
        changes["previous_starts_at"] = at - timedelta(days=7)
    if kind == "doctor_signature_due":
        changes["due_at"] = at + timedelta(days=2)
    link = f"{ORIGIN}/doctor" if kind.startswith("doctor") else LINK
    for language, zone, full in itertools.product(LANGUAGES, ZONES, (False, True)):
        given = {name: value for name, value in changes.items() if name != "starts_at" or kind != "access_code"}
        text = sms_of(sample(kind, full=full, zone=zone, **given), language=language)
        found = segments(text)
        assert found.alphabet == "GSM-7", text
        assert found.count <= MESSAGES[kind].max_segments, (found, text)
        assert text.endswith(f" {link}") or kind == "access_code", (
            "nothing after the link that a phone could take for a part of it"
        )
        assert text == text.strip()


@pytest.mark.parametrize("kind", ["invitation", "reminder", "cancellation", "refusal_undone"])
def test_the_usual_sms_takes_one_segment(kind: str) -> None:
    for language, zone in itertools.product(LANGUAGES, ("Europe/Paris", "Indian/Reunion")):
        text = sms_of(sample(kind, full=True, zone=zone), language=language)
        assert segments(text).count == 1
        assert "CPAM" in text


def test_the_sms_says_who_when_and_where() -> None:
    text = sms_of(sample("invitation", full=True), language="fr")
    assert text == (
        f"CPAM de La Réunion: rendez-vous vidéo le mardi 24 mars à 10h00 (heure de La Réunion). TC-7KQ2-M4XD {LINK}"
    )
    text = sms_of(sample("in_person_convocation", full=True), language="fr")
    assert "12 rue de Paris, 97400 Saint-Denis" in text
    assert segments(text).count <= 2


def test_what_an_sms_leaves_out_first() -> None:
    """The whole name goes only after the year; the zone overseas never."""
    text = sms_of(sample("invitation", full=True, organisation=LONG_NAME), language="fr")
    assert "Agglo du Grand Sud-Ouest" in text
    assert "(heure de La Réunion)" in text
    assert "24 mars" in text
    paris = sms_of(sample("invitation", full=True, zone="Europe/Paris"), language="fr")
    assert "(heure de Paris)" in paris, "there is room for it"


def test_a_very_long_public_address_is_refused_at_the_door() -> None:
    origin = "https://" + "a" * 250 + ".example"
    changes = {"link": f"{origin}/i/{'x' * 22}", "check_url": f"{origin}/g"}
    with pytest.raises(InvalidInput) as refusal:
        check(sample("invitation", full=False, **changes), channels=("sms",))
    assert refusal.value.code == "sms_too_long"
