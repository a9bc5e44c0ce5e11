"""Second thoughts about an intent: brought back after an undo, tried again by a person, repeated after a bounce."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.clock import as_utc
from telecontrol.db.journal import Actor
from telecontrol.db.sealing import Sealer
from telecontrol.errors import InvalidInput, WrongState
from telecontrol.outbox import fates
from telecontrol.outbox.contents import read_context
from telecontrol.outbox.intents import enqueue
from telecontrol.outbox.locks import AGAIN, lock_one, locked, matching
from telecontrol.outbox.models import DeliveryState, Intent, IntentState
from telecontrol.tasks.desk import close_tasks
from telecontrol.tasks.models import TaskKind


async def revive(
    session: AsyncSession,
    *,
    subject_kind: str,
    subject_id: uuid.UUID,
    now: datetime,
    kinds: Collection[str] | None = None,
    version: int | None = None,
    recipient: str | None = None,
) -> list[Intent]:
    """Undo a `void` of the same version (and `recipient`, where one is named): what it said holds again.

    Returned is what was cancelled, surely not sent, and is to be sent after all; what has no time left stays cancelled.
    """
    wanted = matching(subject_kind, subject_id, kinds=kinds, version=version, versions_below=None)
    if recipient is not None:
        wanted.append(Intent.recipient == recipient)
    found = await locked(session, *wanted, Intent.voided_at.is_not(None))
    revived = []
    for intent in found:
        in_time = now < intent.not_after and intent.failure_code != fates.UNKNOWN_OUTCOME
        if intent.state is IntentState.WAIVED or (intent.state is IntentState.CANCELLED and not in_time):
            continue
        intent.voided_at = None
        intent.void_reason = ""
        if intent.state is IntentState.CANCELLED:
            await fates.put_back(session, intent, at=intent.not_before, now=now)
            fates.note(session, intent, "revived", now=now)
            revived.append(intent)
    return revived


async def retry(
    session: AsyncSession, intent_id: uuid.UUID, *, now: datetime, not_after: datetime, actor: Actor
) -> Intent:
    """A person decides to try a failed message again, until `not_after`. Raises `NotFound`, `WrongState`, `InvalidInput`."""
    intent = await lock_one(session, intent_id)
    if intent.state is not IntentState.FAILED or intent.voided_at is not None:
        raise WrongState("only a failed message can be tried again", state=str(intent.state))
    if as_utc(not_after) <= now:
        raise InvalidInput("the sending window is over", field="not_after")
    await close_tasks(
        session, TaskKind.MESSAGE_FAILED, subject_id=intent.id, outcome="retried", by=actor.id or actor.label, now=now
    )
    intent.not_before = min(intent.not_before, now)
    intent.not_after = not_after
    intent.deadline_at = max(intent.deadline_at, now + timedelta(minutes=1))
    intent.failure_code = ""
    intent.temporary_refusals = 0
    intent.late_flagged_at = None
    await fates.put_back(session, intent, at=now, now=now)
    fates.note(session, intent, "retried", now=now, actor=actor)
    return intent


async def send_again(
    session: AsyncSession, intent: Intent, *, sealer: Sealer, now: datetime, not_before: datetime
) -> Intent | None:
    """Repeat, once, a message that its provider took and then surely failed to deliver: a new intent of the same content.

    None when it is voided, is itself a repetition, is not known as undelivered, or would come too late.
    """
    undelivered = intent.delivery in {DeliveryState.UNDELIVERED, DeliveryState.FAILED}
    if not undelivered or intent.voided_at is not None or intent.kind.endswith(AGAIN) or not_before >= intent.not_after:
        return None
    return await enqueue(
        session,
        sealer=sealer,
        target=intent.target,
        subject_kind=intent.subject_kind,
        subject_id=intent.subject_id,
        version=intent.version,
        kind=intent.kind + AGAIN,
        channel=intent.channel,
        recipient=intent.recipient,
        language=intent.language,
        context=await read_context(session, intent.id, sealer=sealer),
        now=now,
        not_before=not_before,
        not_after=intent.not_after,
        deadline_at=intent.deadline_at,
        organisation_id=intent.organisation_id,
        control_id=intent.control_id,
    )
