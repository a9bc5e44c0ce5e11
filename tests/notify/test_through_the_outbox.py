"""Contexts as a decision writes them, through the outbox, to real servers: taken once, with the recorded content."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from telecontrol.clock import VirtualClock
from telecontrol.config import Settings
from telecontrol.db.session import Database
from telecontrol.notify.mail import MailTarget
from telecontrol.notify.sms import TwilioTarget
from telecontrol.outbox.models import Attempt, Intent, IntentState
from telecontrol.outbox.sweeps import send_due, settle_doubts
from telecontrol.outbox.targets import Target
from tests.notify.samples import NOW, sample
from tests.support.mailing import SEALER, queue
from tests.support.smtp_server import SmtpServer
from tests.support.twilio_server import ACCOUNT, SERVICE, TOKEN, TwilioServer


async def written(database: Database, channel: str, count: int, **given: Any) -> list[Intent]:
    context = sample("invitation", full=channel == "mail").to_json()
    made: list[Intent] = []
    for number in range(count):
        to = f"r{number}@example.org" if channel == "mail" else f"+3363998{number:04d}"
        made += await queue(
            database,
            now=NOW,
            target=channel,
            channel=channel,
            recipient=to,
            context=context,
            subject_id=uuid.uuid4(),
            **given,
        )
    return made


async def states(database: Database) -> list[IntentState]:
    async with database.reading() as session:
        return [intent.state for intent in await session.scalars(select(Intent))]


async def test_each_message_is_taken_once(settings: Callable[..., Settings], committed_database: Database) -> None:
    clock = VirtualClock(frozen_at=NOW)
    with (
        SmtpServer(script=["take"] * 5 + ["rcpt:451 4.2.0 later"]) as relay,
        TwilioServer(script=["busy:5"]) as provider,
    ):
        mail = MailTarget(settings(smtp_host="127.0.0.1", smtp_port=relay.port, smtp_timeout=5), clock=clock)
        sms = TwilioTarget(twilio_settings(settings, provider), clock=clock)
        await written(committed_database, "mail", 12)
        await written(committed_database, "sms", 8)
        targets: dict[str, Target] = {"mail": mail, "sms": sms}
        for _ in range(3):
            await send_due(committed_database, targets=targets, sealer=SEALER, clock=clock)
            clock.advance(timedelta(minutes=5))
        await mail.close()
        await sms.close()
    assert await states(committed_database) == [IntentState.ACCEPTED] * 20
    assert sorted(taken.recipient for taken in relay.ledger) == sorted(f"r{number}@example.org" for number in range(12))
    assert len({one.to for one in provider.ledger}) == len(provider.ledger) == 8
    async with committed_database.reading() as session:
        rows = await session.execute(
            select(Attempt.content_hash, Attempt.provider_id)
            .join(Intent)
            .where(Intent.target == "mail", Attempt.provider_id != "")
        )
        recorded = {provider_id: content_hash for content_hash, provider_id in rows}
    sent = {str(one.message["Message-ID"]).strip("<>"): hashlib.sha256(one.content).hexdigest() for one in relay.ledger}
    assert recorded == sent, "what is recorded as accepted was really taken, byte for byte"


async def test_a_lost_answer_of_twilio_is_settled_by_looking(
    settings: Callable[..., Settings], committed_database: Database
) -> None:
    """Taken, but the answer was lost; and lost before it was taken: one message each in the end."""
    clock = VirtualClock(frozen_at=NOW)
    with TwilioServer(script=["lost", "cut"], now=NOW) as provider:
        sms = TwilioTarget(twilio_settings(settings, provider), clock=clock)
        await written(committed_database, "sms", 2)
        for _ in range(4):
            await send_due(committed_database, targets={"sms": sms}, sealer=SEALER, clock=clock)
            clock.advance(timedelta(minutes=3))
            await settle_doubts(committed_database, targets={"sms": sms}, sealer=SEALER, clock=clock)
        await sms.close()
    assert await states(committed_database) == [IntentState.ACCEPTED] * 2
    assert len({one.to for one in provider.ledger}) == len(provider.ledger) == 2


def twilio_settings(settings: Callable[..., Settings], provider: TwilioServer) -> Settings:
    return settings(
        sms_channel="twilio",
        twilio_account_sid=ACCOUNT,
        twilio_auth_token=TOKEN,
        twilio_messaging_service_sid=SERVICE,
        twilio_api_url=provider.url,
        public_url="https://rdv.telecontrol.example",
    )
