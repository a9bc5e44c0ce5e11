"""The local channel on both databases, and which channels the settings give."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import httpx2
import pytest

from telecontrol.clock import VirtualClock
from telecontrol.config import Settings
from telecontrol.db.session import Database
from telecontrol.errors import Misconfigured, NotFound
from telecontrol.notify.local import LocalTarget
from telecontrol.notify.mail import MailTarget
from telecontrol.notify.queries import Box, local_boxes, local_message, local_messages
from telecontrol.notify.sms import TwilioTarget
from telecontrol.notify.targets import build_targets
from telecontrol.outbox.targets import Accepted, Evidence, Outgoing
from tests.notify.samples import LINK, NOW, outgoing


def ready(target: LocalTarget) -> Outgoing:
    one = outgoing(channel=target.name)
    return replace(one, content=target.prepare(one))


async def test_a_mailbox_and_a_phone(database: Database) -> None:
    clock = VirtualClock(frozen_at=NOW)
    mail = LocalTarget("mail", database=database, clock=clock)
    sms = LocalTarget("sms", database=database, clock=clock)
    letter, text = ready(mail), ready(sms)
    taken = await mail.deliver(letter)
    clock.advance(timedelta(minutes=1))
    assert isinstance(await sms.deliver(text), Accepted)
    assert isinstance(taken, Accepted)
    async with database.reading() as session:
        newest, oldest = await local_messages(session)
        assert (newest.channel, oldest.channel) == ("sms", "mail")
        assert newest.text.startswith("CPAM de La Réunion: rendez-vous")
        assert newest.segments == 1
        shown = await local_message(session, uuid.UUID(taken.provider_id))
        assert shown.subject.startswith("Rendez-vous vidéo le mardi 24 mars 2026")
        assert shown.sender == "CPAM de La Réunion – rendez-vous <rendez-vous@telecontrol.example>"
        assert LINK in shown.text
        assert shown.html.startswith("<!doctype html>")
        assert shown.calendar.startswith("BEGIN:VCALENDAR")
        assert shown.raw == letter.content
        assert (shown.kind, shown.language, shown.received_at) == ("invitation", "fr", NOW)
        assert await local_boxes(session) == [
            Box("sms", "+33639981234", 1, NOW + timedelta(minutes=1)),
            Box("mail", "personne@example.org", 1, NOW),
        ]
        assert await local_messages(session, channel="sms") == [newest]
        assert await local_messages(session, recipient="personne@example.org") == [oldest]
        assert await local_messages(session, intent_id=text.intent_id) == [newest]
        with pytest.raises(NotFound):
            await local_message(session, uuid.uuid4())


async def test_it_answers_for_what_it_took(database: Database) -> None:
    target = LocalTarget("mail", database=database, clock=VirtualClock(frozen_at=NOW))
    one = ready(target)
    assert await target.look_up(one) == Evidence(taken=False)
    first = await target.deliver(one)
    assert isinstance(first, Accepted)
    again = await target.deliver(one)
    assert isinstance(again, Accepted)
    assert again.provider_id != first.provider_id, "sent twice, it arrives twice: as with any provider"
    assert (await target.look_up(one)).taken is True
    assert (await LocalTarget("sms", database=database, clock=VirtualClock()).look_up(one)).taken is False


def test_no_other_channel(database: Database) -> None:
    with pytest.raises(ValueError, match="fax"):
        LocalTarget("fax", database=database, clock=VirtualClock())


async def test_the_settings_choose(settings: Callable[..., Settings], database: Database) -> None:
    clock = VirtualClock(frozen_at=NOW)
    local = build_targets(settings(), database, clock)
    assert {name: (type(one), one.name) for name, one in local.items()} == {
        "mail": (LocalTarget, "mail"),
        "sms": (LocalTarget, "sms"),
    }
    twilio = {
        "twilio_account_sid": "AC1",
        "twilio_auth_token": "token",
        "twilio_messaging_service_sid": "MG1",
        "sms_channel": "twilio",
    }
    async with httpx2.AsyncClient() as http:
        real = build_targets(settings(mail_channel="smtp", **twilio), database, clock, http=http)
        assert [type(one) for one in real.values()] == [MailTarget, TwilioTarget]
        assert not any(one.takes_idempotency_key for one in real.values())
        for one in real.values():
            await one.close()
    for name in ("twilio_account_sid", "twilio_auth_token", "twilio_messaging_service_sid"):
        with pytest.raises(Misconfigured, match=name.upper()):
            build_targets(settings(**{**twilio, name: ""}), database, clock)


def test_local_channels_are_refused_in_production(settings: Callable[..., Settings], database: Database) -> None:
    with pytest.raises(Misconfigured):
        build_targets(settings(environment="production"), database, VirtualClock())
    with pytest.raises(Misconfigured):
        build_targets(settings(environment="production", mail_channel="smtp"), database, VirtualClock())
