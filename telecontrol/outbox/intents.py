"""What must be told or sent: written, voided, and waived in the transaction of the caller that decides it."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.clock import as_utc
from telecontrol.db.journal import SERVICE, Actor
from telecontrol.db.sealing import Sealer
from telecontrol.errors import InvalidInput, WrongState
from telecontrol.outbox import fates
from telecontrol.outbox.contents import seal_context
from telecontrol.outbox.locks import lock_one, locked, matching
from telecontrol.outbox.models import Attempt, AttemptState, Intent, IntentState
from telecontrol.tasks.desk import close_tasks
from telecontrol.tasks.models import TaskKind

_UNSENT = {IntentState.PENDING, IntentState.SENDING, IntentState.UNSETTLED}


@dataclass(frozen=True, slots=True)
class Known:
    """What `void` found of the intents it matched."""

    voided: tuple[Intent, ...]
    """Those that will never start (again) from now on: cancelled, or in doubt and marked."""
    accepted: tuple[Intent, ...]
    """Already taken by their provider."""
    in_doubt: tuple[Intent, ...]
    """On the wire, or tried with an outcome nobody knows: the recipient may have the message."""

    @property
    def reached(self) -> frozenset[tuple[str, str]]:
        """(channel, recipient) that hold, or may hold, what was said: those a correction must go to."""
        return frozenset((intent.channel, intent.recipient) for intent in (*self.accepted, *self.in_doubt))


async def enqueue(
    session: AsyncSession,
    *,
    sealer: Sealer,
    target: str,
    subject_kind: str,
    subject_id: uuid.UUID,
    version: int,
    kind: str,
    channel: str,
    recipient: str,
    language: str,
    context: dict[str, Any],
    now: datetime,
    not_before: datetime,
    not_after: datetime,
    deadline_at: datetime,
    organisation_id: uuid.UUID | None = None,
    control_id: uuid.UUID | None = None,
) -> Intent:
    """Write that something must be sent between `not_before` and `not_after` (aware instants), the most pressing
    `deadline_at` first. `context` are plain JSON values, sealed by `sealer` (purpose `messages`).

    The same (subject, version, kind, channel, recipient) again returns the row that exists, whatever its state. A window
    already over is written all the same: the next sweep hands it to a human. Raises `InvalidInput` for an empty or
    over-long recipient or a window without length, `ValueError` for a naive instant.
    """
    if not recipient.strip() or len(recipient) > 254 or "\x00" in recipient:
        raise InvalidInput("a message needs a recipient of at most 254 characters", field="recipient")
    if as_utc(not_before) >= as_utc(not_after):
        raise InvalidInput("the sending window has no length", field="not_after")
    intent_id = uuid.uuid4()
    key = {
        "subject_kind": subject_kind,
        "subject_id": subject_id,
        "version": version,
        "kind": kind,
        "channel": channel,
        "recipient": recipient,
    }
    values = {
        **key,
        "id": intent_id,
        "target": target,
        "language": language,
        "organisation_id": organisation_id,
        "control_id": control_id,
        "created_at": now,
        "not_before": not_before,
        "not_after": not_after,
        "deadline_at": deadline_at,
        "next_attempt_at": not_before,
        "context_sealed": seal_context(intent_id, context, sealer),
    }
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    statement = dialect.insert(Intent).values(values).on_conflict_do_nothing().returning(Intent)
    made: Intent | None = await session.scalar(statement)
    if made is not None:
        return made
    return (await session.scalars(select(Intent).filter_by(**key))).one()


async def void(
    session: AsyncSession,
    *,
    subject_kind: str,
    subject_id: uuid.UUID,
    reason: str,
    now: datetime,
    kinds: Collection[str] | None = None,
    version: int | None = None,
    versions_below: int | None = None,
    recipient: str | None = None,
) -> Known:
    """Cancel wins: nothing matched here starts after the caller's commit (PROMISES P8).

    Without `kinds`, `version`, `versions_below` and `recipient` everything about the subject is matched. What is on the wire or in doubt
    is marked, never re-sent, and returned with what was already accepted, for the caller to correct. A failed one is marked
    too: nobody can try it again; an accepted one: nobody can repeat it.
    """
    wanted = matching(subject_kind, subject_id, kinds=kinds, version=version, versions_below=versions_below)
    if recipient is not None:
        wanted.append(Intent.recipient == recipient)
    found = await locked(session, *wanted)
    doubtful = await _with_doubtful_attempts(session, found)
    voided = []
    for intent in found:
        if intent.voided_at is not None:
            continue
        intent.voided_at = now
        intent.void_reason = reason[:80]
        if intent.state in _UNSENT:
            voided.append(intent)
        if intent.state is IntentState.PENDING:
            code = fates.UNKNOWN_OUTCOME if intent.id in doubtful else ""
            await fates.cancel(session, intent, now=now, code=code)
        elif intent.state is IntentState.FAILED:
            await fates.close_alarms(session, intent, outcome="voided", now=now)
    return Known(
        voided=tuple(voided),
        accepted=tuple(intent for intent in found if intent.state is IntentState.ACCEPTED),
        in_doubt=tuple(i for i in found if i.id in doubtful and i.state is not IntentState.ACCEPTED),
    )


async def waive(
    session: AsyncSession, intent_id: uuid.UUID, *, reason: str, now: datetime, actor: Actor = SERVICE
) -> Intent:
    """Decide that it need not be sent (any more): a letter went instead, the person was told by phone. `reason` is a short
    code, kept on the row and in the journal: never a name or free text about the person.

    Raises `NotFound`, `InvalidInput` without a reason, `WrongState` when it is being sent, was accepted or is cancelled.
    """
    if not reason.strip():
        raise InvalidInput("say why this message need not be sent", field="reason")
    intent = await lock_one(session, intent_id)
    if intent.state not in {IntentState.PENDING, IntentState.FAILED, IntentState.UNSETTLED}:
        raise WrongState("this message cannot be waived now", state=str(intent.state))
    kinds = (TaskKind.MESSAGE_FAILED, TaskKind.MESSAGE_LATE)
    await close_tasks(session, *kinds, subject_id=intent.id, outcome="waived", by=actor.id or actor.label, now=now)
    intent.state = IntentState.WAIVED
    intent.voided_at = now
    intent.void_reason = reason[:80]
    intent.lease_until = None
    fates.note(session, intent, "waived", now=now, actor=actor, reason=intent.void_reason)
    return intent


async def _with_doubtful_attempts(session: AsyncSession, intents: Collection[Intent]) -> set[uuid.UUID]:
    doubtful = Attempt.state.in_([AttemptState.OPEN, AttemptState.AMBIGUOUS])
    found = await session.scalars(
        select(Attempt.intent_id).where(Attempt.intent_id.in_([intent.id for intent in intents]), doubtful)
    )
    return set(found)
