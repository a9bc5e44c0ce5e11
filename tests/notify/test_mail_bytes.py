"""The e-mail as bytes, and the folder its words come from."""

from __future__ import annotations

import email
import email.policy

import pytest

from telecontrol.notify.messages import MESSAGES, SMS, prepare_mail
from telecontrol.notify.rendering import TEMPLATES
from tests.notify.reading import LANGUAGES
from tests.notify.samples import NOW, outgoing, sample


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
