"""Every message, both languages, least and full: the same facts in text and HTML, nothing that tells on a lock screen."""

from __future__ import annotations

import email
import email.policy
import itertools
import re
import uuid
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any

import jinja2
import pytest

from telecontrol.controls.results import Result
from telecontrol.errors import InvalidInput
from telecontrol.notify import contexts as c
from telecontrol.notify.checks import RESULTS, STAGES
from telecontrol.notify.letter import as_text, blocks_of
from telecontrol.notify.messages import MESSAGES, SMS, check, prepare_mail, prepare_sms, read, sms_of
from telecontrol.notify.mime import Envelope, mail_bytes
from telecontrol.notify.rendering import TEMPLATES, Letter, render_letter
from telecontrol.notify.sms_text import segments
from telecontrol.notify.wording import ZONES, when
from telecontrol.tasks.models import TaskKind
from tests.notify.samples import LINK, NOW, ORGANISATION, ORIGIN, STARTS_AT, VIEW_LINK, in_person, outgoing, sample

LANGUAGES = ("fr", "en")
CASES = list(itertools.product(sorted(MESSAGES), LANGUAGES, (False, True)))
INSURED = sorted(kind for kind, message in MESSAGES.items() if message.audience == "insured")

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


class _Reader(HTMLParser):
    """Text, links and attributes of an HTML e-mail; a tag left open is noticed."""

    VOID = frozenset({"meta", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a":
            self.links.append(given.get("href") or "")
        self.sources += [value or "" for name, value in attrs if name in {"src", "background", "srcset"}]
        assert tag not in {"img", "script", "form", "iframe", "link", "object"}, tag
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, tag
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open and "title" not in self.open:
            self.text.append(data)


def parsed(html: str) -> _Reader:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


def letter_of(kind: str, language: str, *, full: bool, **changes: Any) -> Letter:
    return render_letter(sample(kind, full=full, **changes), audience=MESSAGES[kind].audience, language=language)


def words(text: str) -> set[str]:
    return set(re.findall(r"[\w@./:+-]*\w", text))


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


@pytest.mark.parametrize(("kind", "language"), list(itertools.product(INSURED, LANGUAGES)))
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


# --- SMS -------------------------------------------------------------------------------------------------------------

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
        text = sms_of(sample(kind, full=full, zone=zone, **changes), language=language)
        found = segments(text)
        assert found.alphabet == "GSM-7", text
        assert found.count <= MESSAGES[kind].max_segments, (found, text)
        assert text.endswith(f" {link}"), "nothing after the link that a phone could take for a part of it"
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
        f"CPAM de La Réunion: rendez-vous vidéo le mardi 24 mars 2026 à 10h00 (heure de La Réunion). Répondre: {LINK}"
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


# --- words -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_its_words(language: str) -> None:
    told = {result: letter_of("conclusion_to_insured", language, full=False, result=result).text for result in RESULTS}
    assert len(set(told.values())) == len(RESULTS)
    stages = {stage: letter_of("requester_status", language, full=False, stage=stage).text for stage in STAGES}
    assert len(set(stages.values())) == len(STAGES)
    alerts = {task: letter_of("desk_alert", language, full=False, task=str(task)).subject for task in TaskKind}
    assert len(set(alerts.values())) == len(TaskKind)
    for result in ("", *RESULTS):
        letter_of("requester_status", language, full=True, result=result)
    lines = tuple(c.DeskLine(task=str(task), count=1) for task in TaskKind)
    assert f"{len(lines)} " in letter_of("desk_digest", language, full=True, lines=lines).subject


def test_the_results_are_the_domain_s() -> None:
    assert set(RESULTS) == set(Result)


@pytest.mark.parametrize("language", LANGUAGES)
def test_modes(language: str) -> None:
    spoken = {mode: letter_of("invitation", language, full=True, mode=mode).text for mode in ("video", "phone", "home")}
    assert len(set(spoken.values())) == 3
    assert "caméra" not in spoken["phone"]
    assert "camera" not in spoken["phone"]
    place = in_person("reminder")
    text = render_letter(place, audience="insured", language=language).text
    assert "12 rue de Paris, 97400 Saint-Denis" in text
    assert "Tram B" in text
    assert "Ce choix n’a aucune conséquence" not in text, "there is no video to decline"


def test_the_free_choice_is_told_as_plainly_as_the_duty() -> None:
    text = letter_of("invitation", "fr", full=True).text
    assert (
        "Vous pouvez refuser la vidéo\u00a0: un rendez-vous sur place vous sera proposé. Ce choix n’a aucune conséquence."
        in text
    )
    for kind in ("reminder", "change"):
        assert "Ce choix n’a aucune conséquence." in letter_of(kind, "fr", full=True).text
    assert "pièce d’identité" in text
    assert "la loi l’y oblige" in text
    assert "interprète" in text


def test_nobody_is_blamed() -> None:
    for full, language in itertools.product((False, True), LANGUAGES):
        release = letter_of("release", language, full=full)
        assert "annul" not in release.subject + release.text
        assert "cancel" not in (release.subject + release.text).lower()
    assert "vous n’y êtes pour rien" in letter_of("release", "fr", full=True).text
    assert "Notre SMS n’a pas pu être remis à temps" in letter_of("release", "fr", full=True).text
    for result in ("unexcused_absence", "technical_failure", "impossible_not_attributable"):
        text = letter_of("conclusion_to_insured", "fr", full=False, result=result).text
        assert "annul" not in text, "a no-show text never says cancelled"
    failure = letter_of("conclusion_to_insured", "fr", full=False, result="technical_failure").text
    assert "ne compte pas comme une absence" in failure
    assert "rien ne vous est reproché" in failure


def test_a_change_says_what_changed() -> None:
    hour = letter_of("change", "fr", full=True).text
    assert "Le rendez-vous du lundi 23 mars 2026 à 10\u00a0h\u00a000 n’a plus lieu." in hour
    assert "Le lieu change" not in hour
    moved = in_person("change", previous_site_address="1 quai Neuf, 97410 Saint-Pierre", previous_starts_at=STARTS_AT)
    place = render_letter(moved, audience="insured", language="fr").text
    assert "1 quai Neuf, 97410 Saint-Pierre" in place
    assert "n’a plus lieu" not in place


def test_rights_after_a_suspension() -> None:
    text = letter_of("conclusion_to_insured", "fr", full=True).text
    assert "10 jours francs" in text
    assert "indemnités journalières" in text
    top_up = letter_of("conclusion_to_insured", "fr", full=True, effect="salary_top_up", review_days=0).text
    assert "jours francs" not in top_up
    assert "complément de salaire" in top_up
    fine = letter_of("conclusion_to_insured", "fr", full=True, result="justified").text
    assert "suspendu" not in fine


def test_both_clocks_are_told_when_they_differ() -> None:
    text = letter_of("invitation", "fr", full=True).text
    assert "10\u00a0h\u00a000 (heure de La Réunion)" in text
    assert "Pour le médecin, il sera 7\u00a0h\u00a000 (heure de Paris)." in text
    same = letter_of("invitation", "fr", full=True, zone="Europe/Paris").text
    assert "Pour le médecin" not in same
    doctor = letter_of("doctor_booked", "fr", full=True).text
    assert "7\u00a0h\u00a000 (heure de Paris)" in doctor
    assert "Heure de l’assuré\u00a0: 10\u00a0h\u00a000 (heure de La Réunion)" in doctor
    # Another day over there: the date is told too.
    far = letter_of("doctor_booked", "en", full=True, insured_zone="Pacific/Tahiti", starts_at=STARTS_AT).text
    assert "Monday 23 March 2026 at 20:00 (Tahiti time)" in far


# --- what a context may hold -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "full"), list(itertools.product(sorted(MESSAGES), (False, True))))
def test_contexts_survive_json(kind: str, full: bool) -> None:
    context = sample(kind, full=full)
    check(context, channels=MESSAGES[kind].channels)
    values = context.to_json()
    assert read(kind, values) == context
    assert read(kind, {**values, "from_a_newer_release": 1}) == context
    with pytest.raises(InvalidInput):
        read(kind, {name: value for name, value in values.items() if name != "organisation"})


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"organisation": ""}, "organisation"),
        ({"organisation": "CPAM\r\nBcc: a@b.fr"}, "organisation"),
        ({"organisation": "x" * 121}, "organisation"),
        ({"mandate": "ligne\nligne"}, "mandate"),
        ({"mail_from": "pas une adresse"}, "mail_from"),
        ({"mail_from": "é@example.org"}, "mail_from"),
        ({"contact": "a@b.fr, c@d.fr"}, "contact"),
        ({"support_phone": "appelez"}, "support_phone"),
        ({"accent": "red; background: url(//x)"}, "accent"),
        ({"starts_at": datetime(2026, 3, 24, 6, 0)}, "starts_at"),  # noqa: DTZ001  (what is refused)
        ({"zone": "Asia/Tokyo"}, "zone"),
        ({"doctor_zone": "nowhere"}, "doctor_zone"),
        ({"duration_minutes": 0}, "duration_minutes"),
        ({"mode": "fax"}, "mode"),
        ({"mode": "surgery", "site_address": ""}, "site_address"),
        ({"link": f"{ORIGIN}/i/short"}, "link"),
        ({"link": "javascript:alert(1)"}, "link"),
        ({"link": f"https://elsewhere.example/i/{'x' * 22}"}, "check_url"),
        ({"view_link": LINK}, "view_link"),
        ({"view_link": ""}, "view_link"),
        ({"ics_uid": "a b"}, "ics_uid"),
        ({"ics_sequence": -1}, "ics_sequence"),
        ({"doctor": "Anne\u2028Martin"}, "doctor"),
    ],
)
def test_impossible_values_are_refused_at_the_door(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        check(sample("invitation", full=True, **changes), channels=("mail", "sms"))
    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("change", {"reason": "whatever"}),
        ("cancellation", {"reason": "sick"}),
        ("conclusion_to_insured", {"result": "guilty"}),
        ("requester_status", {"stage": "lost"}),
        ("desk_alert", {"task": "tea"}),
        ("desk_digest", {"lines": (c.DeskLine(task="tea", count=1),)}),
        ("in_person_convocation", {"mode": "video"}),
        ("doctor_cancelled", {"reason": "insured was ill"}),
    ],
)
def test_codes_are_closed_lists(kind: str, changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        check(sample(kind, full=True, **changes))


def test_a_channel_that_the_kind_has_not() -> None:
    with pytest.raises(InvalidInput):
        check(sample("doctor_booked", full=True), channels=("sms",))
    with pytest.raises(InvalidInput):
        prepare_sms(outgoing("refusal_freed", channel="sms"))
    with pytest.raises(InvalidInput):
        read("unknown_kind", {})


def test_an_sms_needs_no_link_for_the_calendar() -> None:
    context = sample("invitation", full=True, view_link="")
    check(context, channels=("sms",))
    assert prepare_sms(outgoing(channel="sms", context=context.to_json())).decode().endswith(LINK)


# --- injection -------------------------------------------------------------------------------------------------------

NASTY = '</p><script>alert("x")</script> & {{ 7*7 }} {% x %} <b>B</b>'


def test_values_never_become_markup_or_templates() -> None:
    context = sample("invitation", full=True, organisation=NASTY, mandate=NASTY, doctor=NASTY)
    letter = render_letter(context, audience="insured", language="fr")
    reader = parsed(letter.html)
    shown = " ".join(reader.text)
    assert NASTY.replace(" ", "") in shown.replace(" ", "").replace("\u00a0", "")
    assert "49" not in shown.replace(LINK, "")
    assert NASTY in letter.text.replace("\u00a0", " ")


def test_headers_cannot_be_injected() -> None:
    envelope = Envelope(
        intent_id=uuid.uuid4(),
        sender_name="CPAM",
        sender="a@example.org",
        reply_to="b@example.org",
        recipient="c@example.org",
        language="fr",
        at=NOW,
    )
    with pytest.raises(InvalidInput):
        mail_bytes(Letter("Sujet\r\nBcc: x@y.fr", "t", "h"), envelope)
    for address in ("c@example.org\r\nBcc: x@y.fr", "c@example.org, d@example.org", "<c@example.org>"):
        with pytest.raises(InvalidInput):
            prepare_mail(outgoing(recipient=address), now=NOW)


def test_a_template_s_faults_fail_loudly() -> None:
    with pytest.raises(ValueError, match="no <script>"):
        blocks_of("<p>a</p><script/>", language="fr")
    with pytest.raises(ValueError, match="no <img>"):
        blocks_of("<p>a <img/></p>", language="fr")
    from telecontrol.notify.rendering import _environment

    with pytest.raises(jinja2.UndefinedError):
        _environment("fr").from_string("{{ nobody_gave_this }}").render(organisation="x")


def test_text_of_blocks() -> None:
    source = '<p>Un <a href="https://a.example/x">lien</a>, <a href="https://a.example/x">a.example/x</a> ; fin ?</p><h>Titre</h>'
    text = as_text(blocks_of(source, language="fr"), language="fr")
    assert text == "Un lien (https://a.example/x), a.example/x\u00a0; fin\u00a0?\n\nTitre\n-----\n"


# --- the folder and the bytes ----------------------------------------------------------------------------------------


def test_each_kind_has_its_folder_and_nothing_else_is_there() -> None:
    expected = {"layout.html", "blocks.html"}
    for kind, message in MESSAGES.items():
        names = ["subject.txt", "body.xml", *(["sms.txt"] if SMS in message.channels else [])]
        expected |= {f"{kind}/{language}/{name}" for language in LANGUAGES for name in names}
    found = {str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*") if path.is_file()}
    assert {name for name in found if not name.startswith("parts/")} == expected
    french = {name for name in found if name.startswith("parts/fr/")}
    assert {name.replace("parts/fr/", "parts/en/") for name in french} == {
        n for n in found if n.startswith("parts/en/")
    }


def test_headers() -> None:
    one = outgoing()
    message = email.message_from_bytes(prepare_mail(one, now=NOW), policy=email.policy.default)
    assert message["Message-ID"] == f"<{one.intent_id}@telecontrol.example>"
    assert message["Date"].datetime == NOW
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["To"].addresses[0].addr_spec == "personne@example.org"
    assert message["From"].addresses[0].addr_spec == "rendez-vous@telecontrol.example"
    assert message["From"].addresses[0].display_name == "CPAM de La Réunion – rendez-vous"
    assert message["Reply-To"].addresses[0].addr_spec == "contact@telecontrol.example"
    assert not [name for name in message.keys() if name.lower().startswith("list-")]  # noqa: SIM118
    kinds = [part.get_content_type() for part in message.walk()]
    assert kinds == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "text/calendar",
        "application/ics",
    ]
    encodings = [part["Content-Transfer-Encoding"] for part in message.walk() if not part.is_multipart()]
    assert encodings == ["quoted-printable", "quoted-printable", "quoted-printable", "base64"]
    assert prepare_mail(one, now=NOW) == prepare_mail(one, now=NOW), "the same intent gives the same bytes"


def test_without_calendar_fields_there_is_no_calendar_part() -> None:
    context = sample("invitation", full=False)
    message = email.message_from_bytes(prepare_mail(outgoing(context=context.to_json()), now=NOW))
    assert [part.get_content_type() for part in message.walk()] == ["multipart/alternative", "text/plain", "text/html"]


@pytest.mark.parametrize("wanted", ["fr", "fr-FR", "de", ""])
def test_french_is_the_first_language(wanted: str) -> None:
    message = email.message_from_bytes(prepare_mail(outgoing(language=wanted), now=NOW))
    assert message["Content-Language"] == "fr"
    english = email.message_from_bytes(prepare_mail(outgoing(language="en-GB"), now=NOW))
    assert english["Content-Language"] == "en"


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
