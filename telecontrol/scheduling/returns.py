"""A message that its provider took and then failed to deliver: the address is marked, or the message repeated once.

The notice is judged again by the next sweep (`sweeps.notices`), which reads the delivery state.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.controls.models import Control, Insured
from telecontrol.db.journal import Actor, ActorKind, record
from telecontrol.db.sealing import Sealer
from telecontrol.notify.bounces import Bounce
from telecontrol.notify.twilio_codes import verdict_of
from telecontrol.outbox import receipts
from telecontrol.outbox.decisions import send_again
from telecontrol.outbox.models import DeliveryState, Intent

PROVIDER = Actor(ActorKind.PROVIDER, "", "provider")
_LOST = frozenset({DeliveryState.UNDELIVERED, DeliveryState.FAILED})


async def sms_status(session: AsyncSession, *, sealer: Sealer, noted: receipts.Noted, code: str, now: datetime) -> None:
    """Act on a Twilio status that `receipts.record` has just noted: a bad number is marked, 30003 is tried once more."""
    if noted.intent is None or noted.became not in _LOST:
        return
    verdict = verdict_of(int(code) if code.isdigit() else 0)
    if verdict.address_is_bad:
        await mark_address(session, noted.intent, now=now)
    elif verdict.retry_after is not None and verdict.retries != 0:
        await _repeat(session, noted.intent, sealer=sealer, after=verdict.retry_after, now=now)


async def mail_bounce(session: AsyncSession, bounce: Bounce, *, now: datetime) -> receipts.Noted:
    """Note what a mail server reports later (RFC 3464); an address at fault is marked."""
    noted = await receipts.record(
        session,
        target="mail",
        event_key=bounce.event_key,
        provider_id=bounce.message_id,
        intent_id=bounce.intent_id,
        status="bounced" if bounce.gave_up else bounce.action,
        code=bounce.status,
        now=now,
    )
    if noted.is_new and noted.intent is not None and bounce.gave_up and bounce.permanent:
        await mark_address(session, noted.intent, now=now)
    return noted


async def mark_address(session: AsyncSession, intent: Intent, *, now: datetime) -> None:
    """Remember that this address or number does not work, until somebody corrects it."""
    insured = await session.scalar(
        select(Insured).join(Control, Control.insured_id == Insured.id).where(Control.id == intent.control_id)
    )
    if insured is None:
        return
    if intent.channel == "mail" and intent.recipient == insured.email:
        insured.email_refused_at = now
    elif intent.channel == "sms" and intent.recipient == insured.phone:
        insured.phone_refused_at = now
    else:
        return
    record(
        session,
        "insured.address_refused",
        actor=PROVIDER,
        now=now,
        control_id=intent.control_id,
        subject_kind="insured",
        subject_id=insured.id,
        channels=[intent.channel],
    )


async def _repeat(session: AsyncSession, intent: Intent, *, sealer: Sealer, after: timedelta, now: datetime) -> None:
    await send_again(session, intent, sealer=sealer, now=now, not_before=now + after)
