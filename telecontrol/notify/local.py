"""The local channel: stands in for a mail server and an SMS provider by keeping messages in the database.

It accepts as a provider would: once the row is committed. Refused under production settings.
"""

from __future__ import annotations

import email
import email.policy
import uuid

from sqlalchemy import select

from telecontrol.clock import Clock
from telecontrol.db.session import Database
from telecontrol.notify.messages import MAIL, SMS, prepare_mail, prepare_sms
from telecontrol.notify.models import LocalMessage
from telecontrol.notify.sms_text import segments
from telecontrol.outbox.targets import Accepted, Evidence, Outcome, Outgoing


class LocalTarget:
    """A mailbox or a phone in the database. `channel` is `mail` or `sms`."""

    takes_idempotency_key = False

    def __init__(self, channel: str, *, database: Database, clock: Clock) -> None:
        if channel not in (MAIL, SMS):
            raise ValueError(f"no local channel {channel!r}")
        self.name = channel
        self._database = database
        self._clock = clock

    def prepare(self, outgoing: Outgoing) -> bytes:
        if self.name == MAIL:
            return prepare_mail(outgoing, now=self._clock.now())
        return prepare_sms(outgoing)

    async def deliver(self, outgoing: Outgoing) -> Outcome:
        row = _mail_row(outgoing) if self.name == MAIL else _sms_row(outgoing)
        row.id = uuid.uuid4()
        row.received_at = self._clock.now()
        async with self._database.transaction() as session:
            session.add(row)
        return Accepted(str(row.id), "kept by the local channel")

    async def look_up(self, outgoing: Outgoing) -> Evidence:
        query = select(LocalMessage.id).where(
            LocalMessage.intent_id == outgoing.intent_id, LocalMessage.channel == self.name
        )
        async with self._database.reading() as session:
            found = await session.scalar(query.order_by(LocalMessage.received_at).limit(1))
        return Evidence(taken=found is not None, provider_id="" if found is None else str(found))

    async def close(self) -> None:
        """Nothing is held: the database belongs to whoever opened it."""


def _mail_row(outgoing: Outgoing) -> LocalMessage:
    message = email.message_from_bytes(outgoing.content, policy=email.policy.default)
    row = _row(outgoing)
    row.sender = str(message["From"])
    row.subject = str(message["Subject"])
    for part in message.walk():
        match part.get_content_type():
            case "text/plain":
                row.text = str(part.get_content())
            case "text/html":
                row.html = str(part.get_content())
            case "text/calendar":
                row.calendar = str(part.get_content())
    return row


def _sms_row(outgoing: Outgoing) -> LocalMessage:
    row = _row(outgoing)
    row.text = outgoing.content.decode()
    row.segments = segments(row.text).count
    return row


def _row(outgoing: Outgoing) -> LocalMessage:
    return LocalMessage(
        intent_id=outgoing.intent_id,
        channel=outgoing.channel,
        kind=outgoing.kind,
        language=outgoing.language,
        recipient=outgoing.recipient,
        raw=outgoing.content,
        text="",
    )
