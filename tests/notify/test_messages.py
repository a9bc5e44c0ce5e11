"""Every message, both languages, least and full: the same facts in text and HTML, nothing that tells on a lock screen."""

from __future__ import annotations

import email
import email.policy
import itertools
import re
from dataclasses import fields
from email.message import EmailMessage

import pytest

from telecontrol.notify.checks import RESULTS
from telecontrol.notify.messages import MESSAGES, SMS, prepare_mail, sms_of
from telecontrol.notify.wording import when
from telecontrol.tasks.models import TaskKind
from tests.notify.reading import LANGUAGES, letter_of, parsed, words
from tests.notify.samples import LINK, NOW, ORGANISATION, STARTS_AT, VIEW_LINK, outgoing, sample

CASES = list(itertools.product(sorted(MESSAGES), LANGUAGES, (False, True)))
INSURED = sorted(kind for kind, message in MESSAGES.items() if message.audience == "insured")
WITH_APPOINTMENT = sorted(set(INSURED) - {"access_code"})
"""The code of the page names no hour and holds no link."""

# Where anybody may look over a shoulder: subject, sender, SMS, calendar, address, first lines of the e-mail.
LOCK_SCREEN = re.compile(
    r"maladi|m[ée]dica|m[ée]deci|docteur|sant[ée](?!.{0,3}z)|soin|arr[êe]t|contr[ôo]le|absen|justifi|refus|indemnit|employeur"
    r"|sick|illness|disease|health|doctor|leave\b|medical|absence|refus|justified|benefit|employer|Anne|Martin",
    re.IGNORECASE,
)
# Nowhere at all: anything about a person's health, treatment or reason for the leave.
NOWHERE = re.compile(
    r"patholog|diagnos|sympt[ôo]m|traitement|m[ée]dicament|grossesse|hospitalis|d[ée]pressi|burn|accident|maladi|m[ée]dica[lu]"
    r"|sant[ée]\b|illness|disease|sickness|treatment|pregnan|medical|health|injur",
    re.IGNORECASE,
)
RELATIVE = re.compile(r"\b(demain|aujourd|hier|après-demain|tomorrow|today|yesterday)\b", re.IGNORECASE)


@pytest.mark.parametrize(("kind", "language", "full"), CASES)
def test_text_and_html_carry_the_same_facts(kind: str, language: str, full: bool) -> None:
    letter = letter_of(kind, language, full=full)
    reader = parsed(letter.html)
    shown = words(" ".join(reader.text))
    # In the text the address of a link stands beside its words.
    said = words(letter.text)
    assert shown - said == set()
    assert said - shown - words(" ".join(reader.links)) == set()
    assert letter.html.startswith("<!doctype html>")
    assert f'<html lang="{language}"' in letter.html
    assert reader.sources == []


@pytest.mark.parametrize(("kind", "language", "full"), CASES)
def test_no_word_that_must_not_be_there(kind: str, language: str, full: bool) -> None:
    """With an organisation whose own name is innocent, every variant of the wording."""
    codes: dict[str, tuple[str, ...]] = {
        "conclusion_to_insured": RESULTS,
        "requester_status": ("", *RESULTS),
        "desk_alert": tuple(TaskKind),
    }
    name = {"desk_alert": "task"}.get(kind, "result")
    for code in codes.get(kind, ("",)):
        given = {"organisation": "Ville de Brest", **({name: code} if kind in codes else {})}
        letter = letter_of(kind, language, full=full, **given)
        everything = f"{letter.subject} {letter.text}"
        assert not NOWHERE.search(everything), NOWHERE.findall(everything)
        assert not RELATIVE.search(everything), RELATIVE.findall(everything)
        assert "{" not in everything
        assert "None" not in everything
        assert "  " not in letter.subject


@pytest.mark.parametrize(("kind", "language"), list(itertools.product(INSURED, LANGUAGES)))
def test_nothing_tells_on_a_lock_screen(kind: str, language: str) -> None:
    """With an organisation whose full name would tell by itself."""
    one = outgoing(kind, language=language)
    message = email.message_from_bytes(prepare_mail(one, now=NOW), policy=email.policy.default)
    plain = _part(message, "text/plain")
    html = " ".join(" ".join(parsed(_part(message, "text/html")).text).split())
    seen = [str(message["Subject"]), str(message["From"]), plain[:200], html[:200]]
    if MESSAGES[kind].calendar:
        seen.append(_part(message, "text/calendar"))
    if SMS in MESSAGES[kind].channels:
        seen.append(sms_of(sample(kind, full=True), language=language))
    for text in seen:
        assert not LOCK_SCREEN.search(text), (LOCK_SCREEN.findall(text), text)
    assert "rendez-vous" in seen[0].lower() or "appointment" in seen[0].lower()
    assert "CPAM de La Réunion" in seen[0]


def _part(message: EmailMessage, kind: str) -> str:
    [found] = [part for part in message.walk() if part.get_content_type() == kind]
    return str(found.get_content())


@pytest.mark.parametrize(("kind", "language"), list(itertools.product(WITH_APPOINTMENT, LANGUAGES)))
def test_what_every_message_to_the_insured_holds(kind: str, language: str) -> None:
    letter = letter_of(kind, language, full=True)
    moment = when(STARTS_AT, "Indian/Reunion", language)
    assert moment in letter.text.replace("\n", " ")
    assert moment.partition(" (")[0] in letter.subject
    assert "TC-7KQ2-M4XD" in letter.text
    assert f"{LINK}\n" in letter.text
    assert "01 84 80 00 00" in letter.text
    assert "rdv.telecontrol.example/genuine" in letter.text
    assert ("English" if language == "fr" else "en français") in letter.text
    assert VIEW_LINK not in letter.text + letter.html, "the link that only shows stays in the calendar"
    reader = parsed(letter.html)
    assert reader.links.count(LINK) == 2, "one button, and its address in sight"
    origins = {link.split("/")[2] for link in reader.links if link.startswith("http")}
    assert origins == {"rdv.telecontrol.example"}
    # The first lines say who, and when.
    start = " ".join(letter.text[:260].split())
    assert "CPAM de La Réunion" in start
    assert moment.replace("\u00a0", " ") in start


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_code_of_the_page_opens_nothing_by_itself(language: str) -> None:
    letter = letter_of("access_code", language, full=True)
    sms = sms_of(sample("access_code", full=True), language=language)
    assert "482913" not in letter.subject, "a subject is read on a lock screen by whoever holds the phone"
    for text in (letter.text, letter.html, sms):
        assert "482913" in text
        assert "/i/" not in text
    assert "TC-7KQ2-M4XD" in letter.text
    assert "rdv.telecontrol.example/genuine" in letter.text
    assert ("13h10" if language == "fr" else "13:10") in sms, "until when, on the clocks of La Réunion"


@pytest.mark.parametrize(("kind", "language"), list(itertools.product(INSURED, LANGUAGES)))
def test_the_reference_is_printed_in_every_message(kind: str, language: str) -> None:
    """In e-mail and SMS: it is what *is this message genuine?* asks for."""
    assert "TC-7KQ2-M4XD" in letter_of(kind, language, full=False).text
    if SMS in MESSAGES[kind].channels:
        assert "TC-7KQ2-M4XD" in sms_of(sample(kind, full=True), language=language)


@pytest.mark.parametrize(("kind", "language", "full"), CASES)
def test_sizes(kind: str, language: str, full: bool) -> None:
    content = prepare_mail(outgoing(kind, language=language, context=sample(kind, full=full).to_json()), now=NOW)
    assert len(content) < 40_000, "under what mail programs cut off (102 KB)"
    subject = str(email.message_from_bytes(content, policy=email.policy.default)["Subject"])
    assert len(subject) <= 130
    for line in content.split(b"\r\n"):
        assert len(line) <= 998
        assert line.isascii()
    assert b"\n" not in content.replace(b"\r\n", b"")


def test_every_optional_value_is_in_the_samples() -> None:
    """A new field must get a sample, or these tests would not see it."""
    seldom = {
        "previous_site_address",
        "accent",
        "site_name",
        "site_address",
        "site_access",
        "site_phone",
        "mode",
        "join_opens_minutes",
    }
    for kind, message in MESSAGES.items():
        context = sample(kind, full=True)
        names = {field.name for field in fields(message.context)} - seldom
        empty = {name for name in names if getattr(context, name) in ("", None, False, ())}
        assert empty == set(), (kind, empty)
    assert ORGANISATION.startswith("Caisse primaire")
