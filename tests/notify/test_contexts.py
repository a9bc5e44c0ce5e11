"""What a context may hold, how it is sealed and read back, and what hostile values become."""

from __future__ import annotations

import itertools
import uuid
from datetime import datetime
from typing import Any

import jinja2
import pytest

from telecontrol.errors import InvalidInput
from telecontrol.notify import contexts as c
from telecontrol.notify.letter import as_text, blocks_of
from telecontrol.notify.messages import MESSAGES, check, prepare_mail, prepare_sms, read
from telecontrol.notify.mime import Envelope, mail_bytes
from telecontrol.notify.rendering import Letter, render_letter
from tests.notify.reading import parsed
from tests.notify.samples import LINK, NOW, ORIGIN, outgoing, sample


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
