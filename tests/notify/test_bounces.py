"""Delivery status notifications as mail servers write them, read back to our intents."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecontrol.notify.bounces import Bounce, parse_bounces
from telecontrol.notify.messages import prepare_mail
from telecontrol.notify.mime import message_id_of
from tests.notify.samples import NOW, outgoing

INTENT = uuid.UUID("0b7e3a9d-5c11-4b6e-8f2a-b1946ac92492")
MESSAGE_ID = message_id_of(INTENT, "rendez-vous@telecontrol.example")


def report(
    *,
    action: str = "failed",
    status: str = "5.1.1",
    envelope: str = "",
    returned: str = "text/rfc822-headers",
    original: str = f"Message-ID: {MESSAGE_ID}\nSubject: Rendez-vous\n",
    diagnostic: str = "smtp; 550 5.1.1 unknown",
) -> bytes:
    per_message = "Reporting-MTA: dns; mx.example.org\n" + (f"Original-Envelope-Id: {envelope}\n" if envelope else "")
    per_recipient = (
        "Original-Recipient: rfc822;personne@example.org\nFinal-Recipient: rfc822; other@inner.example\n"
        f"Action: {action}\n" + (f"Status: {status}\n" if status else "") + f"Diagnostic-Code: {diagnostic}\n"
    )
    lines = f"""From: MAILER-DAEMON@mx.example.org
To: rendez-vous@telecontrol.example
Subject: Undelivered
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

Sorry.

--b
Content-Type: message/delivery-status

{per_message}
{per_recipient}
--b
Content-Type: {returned}

{original}
--b--
"""
    return lines.replace("\n", "\r\n").encode()


def test_a_dead_address() -> None:
    [bounce] = parse_bounces(report())
    assert bounce == Bounce(
        intent_id=INTENT,
        message_id=MESSAGE_ID.strip("<>"),
        recipient="personne@example.org",
        action="failed",
        status="5.1.1",
        gave_up=True,
        permanent=True,
    )
    assert bounce.event_key == f"{INTENT}:personne@example.org:failed:5.1.1"


@pytest.mark.parametrize(
    ("action", "status", "gave_up", "permanent"),
    [
        ("failed", "5.2.2", True, True),
        ("Failed", "4.4.7", True, False),  # it tried for days and gave up: the address may be good
        ("delayed", "4.4.1", False, False),
        ("delivered", "2.0.0", False, False),
        ("relayed", "2.1.9", False, False),
        ("failed", "", True, True),
    ],
)
def test_actions(action: str, status: str, gave_up: bool, permanent: bool) -> None:
    [bounce] = parse_bounces(report(action=action, status=status, diagnostic="smtp; no code"))
    assert (bounce.gave_up, bounce.permanent, bounce.status) == (gave_up, permanent, status)


def test_a_status_only_in_the_diagnostic() -> None:
    [bounce] = parse_bounces(report(status="", diagnostic="smtp; 451 4.3.0 later"))
    assert (bounce.status, bounce.permanent) == ("4.3.0", False)


def test_the_envelope_id_is_enough() -> None:
    [bounce] = parse_bounces(report(envelope=str(INTENT), returned="text/plain", original="nothing"))
    assert (bounce.intent_id, bounce.message_id) == (INTENT, "")


def test_the_whole_message_comes_back() -> None:
    one = outgoing()
    original = prepare_mail(one, now=NOW).decode("ascii").replace("\r\n", "\n")
    [bounce] = parse_bounces(report(returned="message/rfc822", original=original))
    assert bounce.intent_id == one.intent_id


def test_somebody_else_s_message() -> None:
    [bounce] = parse_bounces(report(original="Message-ID: <abc@elsewhere.example>\n"))
    assert (bounce.intent_id, bounce.message_id) == (None, "abc@elsewhere.example")


def test_what_is_no_report() -> None:
    assert parse_bounces(b"Subject: bonjour\r\n\r\nJe ne peux pas venir.\r\n") == ()
    assert parse_bounces(prepare_mail(outgoing(), now=NOW)) == ()
    assert parse_bounces(b"") == ()


@given(st.binary(max_size=400), st.integers(0, 900), st.integers(0, 900))
def test_a_damaged_report_never_raises(noise: bytes, start: int, stop: int) -> None:
    whole = report()
    parse_bounces(whole[:start] + noise + whole[stop:])
