"""What becomes of one intent: each function puts it in a state, with the journal line and the tasks that go with it.

The caller holds the row's lock and its transaction. An acceptance is a fact: it wins over every other state, however late
it is learned. A voided intent is never tried again.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.db.journal import SERVICE, Actor, record
from telecontrol.outbox.models import Intent, IntentState
from telecontrol.outbox.policy import SendingPolicy, next_try
from telecontrol.outbox.targets import Rejected
from telecontrol.tasks.desk import close_tasks, open_task
from telecontrol.tasks.models import Owner, TaskKind

TOO_LATE = "too_late"
POISON = "poison"
TOO_LARGE = "too_large"
REFUSED_UNTIL_LIMIT = "refused_until_limit"
UNKNOWN_OUTCOME = "unknown_outcome"


async def accept(session: AsyncSession, intent: Intent, *, provider_id: str, at: datetime, now: datetime) -> None:
    """The provider took it, at `at`. A second acceptance (a duplicate) stays on its attempt only."""
    if intent.state is IntentState.ACCEPTED:
        return
    await close_alarms(session, intent, outcome="accepted", now=now)
    intent.state = IntentState.ACCEPTED
    intent.accepted_at = at
    intent.provider_id = provider_id
    intent.failure_code = ""
    intent.lease_until = None
    note(session, intent, "accepted", now=now, at=at)


async def refuse(
    session: AsyncSession, intent: Intent, said: Rejected, *, now: datetime, policy: SendingPolicy
) -> None:
    """Surely not taken: tried again, given up, or cancelled if it was voided meanwhile."""
    if said.stops_target and not said.permanent:
        await put_back(session, intent, at=now, now=now)
    elif intent.voided_at is not None:
        await cancel(session, intent, now=now)
    elif said.permanent:
        await fail(session, intent, code=said.code, now=now)
    else:
        await _postpone(session, intent, said, now=now, policy=policy)


async def _postpone(
    session: AsyncSession, intent: Intent, said: Rejected, *, now: datetime, policy: SendingPolicy
) -> None:
    intent.temporary_refusals += 1
    at = next_try(
        intent.id,
        refusals=intent.temporary_refusals,
        now=now,
        not_after=intent.not_after,
        retry_after=said.retry_after,
        policy=policy,
    )
    if at is None:
        await fail(session, intent, code=REFUSED_UNTIL_LIMIT, now=now, last=said.code)
    else:
        await put_back(session, intent, at=at, now=now)
        intent.failure_code = said.code


async def put_back(session: AsyncSession, intent: Intent, *, at: datetime, now: datetime) -> None:
    """To be tried at `at`, unless it was voided or its time is over."""
    if intent.voided_at is not None:
        await cancel(session, intent, now=now)
    elif now >= intent.not_after:
        await fail(session, intent, code=TOO_LATE, now=now)
    else:
        intent.state = IntentState.PENDING
        intent.next_attempt_at = max(at, intent.not_before)
        intent.lease_until = None


async def doubt(session: AsyncSession, intent: Intent, *, phase: str, look_at: datetime, now: datetime) -> None:
    """Its last attempt is ambiguous: evidence is sought from `look_at` on."""
    intent.state = IntentState.UNSETTLED
    intent.next_attempt_at = look_at
    intent.lease_until = None
    note(session, intent, "unsettled", now=now, phase=phase)


async def cancel(session: AsyncSession, intent: Intent, *, now: datetime, code: str = "") -> None:
    """It was voided and will not be sent. `code` says `unknown_outcome` when an attempt may have been taken all the same."""
    await close_alarms(session, intent, outcome="cancelled", now=now)
    intent.state = IntentState.CANCELLED
    intent.failure_code = code
    intent.lease_until = None
    note(session, intent, "cancelled", now=now, reason=intent.void_reason, code=code)


async def fail(session: AsyncSession, intent: Intent, *, code: str, now: datetime, **detail: Any) -> None:
    """Given up, to a human task. `detail` holds codes only."""
    intent.state = IntentState.FAILED
    intent.failure_code = code
    intent.lease_until = None
    await close_tasks(session, TaskKind.MESSAGE_LATE, subject_id=intent.id, outcome="failed", by="service", now=now)
    await open_task(
        session,
        TaskKind.MESSAGE_FAILED,
        subject_kind="intent",
        subject_id=intent.id,
        owner=Owner.HANDLER,
        now=now,
        control_id=intent.control_id,
        organisation_id=intent.organisation_id,
        due_at=intent.deadline_at,
        code=code,
        channel=intent.channel,
        message=intent.kind,
        **detail,
    )
    note(session, intent, "failed", now=now, code=code, **detail)


def note(
    session: AsyncSession, intent: Intent, verb: str, *, now: datetime, actor: Actor = SERVICE, **detail: Any
) -> None:
    """A journal line about a message: ids and codes, never its recipient."""
    record(
        session,
        f"message.{verb}",
        actor=actor,
        now=now,
        control_id=intent.control_id,
        subject_kind="intent",
        subject_id=intent.id,
        message=intent.kind,
        channel=intent.channel,
        version=intent.version,
        **detail,
    )


async def close_alarms(session: AsyncSession, intent: Intent, *, outcome: str, now: datetime) -> None:
    """People need not look after it any more."""
    if intent.late_flagged_at is not None or intent.state is IntentState.FAILED:
        kinds = (TaskKind.MESSAGE_LATE, TaskKind.MESSAGE_FAILED)
        await close_tasks(session, *kinds, subject_id=intent.id, outcome=outcome, by="service", now=now)
