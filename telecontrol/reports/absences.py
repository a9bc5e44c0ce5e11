"""When an absence may be concluded as unexcused (PROMISES P4, P17): what stands against it, and a handler's decision on a doubtful notice."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts.models import Role, StaffUser
from telecontrol.controls.policies import Mode
from telecontrol.controls.reasons import reason as checked_reason
from telecontrol.controls.states import ControlState
from telecontrol.db.journal import Actor, record
from telecontrol.errors import Conflict, Forbidden, InvalidInput, WrongState
from telecontrol.reports.circumstances import Circumstances
from telecontrol.scheduling.dossier import Dossier
from telecontrol.scheduling.endings import SUBJECT
from telecontrol.scheduling.models import LIVE, Appointment, AppointmentState, NoticeDecision
from telecontrol.scheduling.notices import DOES_NOT_COUNT, ChannelState, notices_of
from telecontrol.tasks.desk import close_tasks
from telecontrol.tasks.models import TaskKind

COUNTS_AFTER_LIMIT = "counts_after_limit"
AFTER_LIMIT = (COUNTS_AFTER_LIMIT, DOES_NOT_COUNT)
"""Kinds of a decision on a notice that was taken past its limit."""


def waited_until(dossier: Dossier) -> datetime:
    """The fact of an absence: the end of the waiting time after the scheduled start (`DOMAIN.md` §3), in UTC."""
    return dossier.appointment.starts_at + timedelta(minutes=dossier.rules.waiting_minutes)


async def require_unexcused(
    session: AsyncSession, dossier: Dossier, circumstances: Circumstances, *, now: datetime
) -> None:
    """Pass when nothing known stands against an unexcused absence. Raises `Conflict` whose code says what does.

    `circumstances` already hold what the call's own evidence says (`facts.with_evidence`, `facts.with_wait`).
    """
    if now < waited_until(dossier):
        raise Conflict("the waiting time is not over", code="waiting_not_over", until=waited_until(dossier).isoformat())
    given = circumstances.waited_until
    if given is not None and given < waited_until(dossier):
        raise InvalidInput("the doctor waits until the end of the waiting time", field="waited_until", code="too_short")
    came = (circumstances.arrived_at, circumstances.admitted_at, circumstances.seen_without_record)
    if any(sign is not None for sign in came):
        raise Conflict("the insured came: that is not an absence", code="insured_arrived")
    if circumstances.technical_problem_at:
        raise Conflict("a technical problem is never an absence", code="technical_problem_recorded")
    if await is_notice_doubtful(session, dossier, now=now):
        raise Conflict("the convocation is in doubt: a handler decides first", code="notice_doubtful")
    is_attested = circumstances.waited_until is not None or circumstances.waited_how is not None
    if dossier.appointment.mode is Mode.VIDEO and not is_attested:
        raise Conflict("no doctor was seen waiting in the room", code="wait_not_seen")


async def is_notice_doubtful(session: AsyncSession, dossier: Dossier, *, now: datetime) -> bool:
    """Whether the convocation may not have reached the insured, and no named handler decided that it counts."""
    return bool(await _doubtful_channels(session, dossier, now=now))


async def decide_on_notice(
    session: AsyncSession,
    *,
    dossier: Dossier,
    counts: bool,
    reason: str,
    user: StaffUser,
    actor: Actor,
    now: datetime,
) -> None:
    """A named handler decides, after the limit, whether a doubtful convocation counts all the same (`DOMAIN.md` §3).

    Raises `Forbidden` for anybody but a handler, `InvalidInput` without a reason or with a medical word, `WrongState` when nothing is in doubt.
    """
    if user.role is not Role.HANDLER or not user.is_active:
        raise Forbidden("only a handler decides on a notice")
    kept = checked_reason(reason)
    appointment = dossier.appointment
    channels = await _doubtful_channels(session, dossier, now=now)
    if now < appointment.hard_limit_at or not channels:
        raise WrongState("this notice is not in doubt", code="notice_not_in_doubt")
    kind = COUNTS_AFTER_LIMIT if counts else DOES_NOT_COUNT
    known = await session.scalars(
        select(NoticeDecision).where(
            NoticeDecision.appointment_id == appointment.id,
            NoticeDecision.version == appointment.version,
            NoticeDecision.channel.in_(channels),
        )
    )
    # Who said that it does not count may be told better: the last word stands.
    by_channel = {decision.channel: decision for decision in known}
    for channel in channels:
        decision = by_channel.get(channel)
        if decision is None:
            session.add(_decision(appointment, channel, kind, kept, user, now))
        else:
            decision.kind, decision.reason, decision.decided_by, decision.decided_at = kind, kept, user.id, now
    await close_tasks(
        session,
        TaskKind.BOUNCE_AFTER_LIMIT,
        subject_id=appointment.id,
        outcome="counts" if counts else "does_not_count",
        by=str(user.id),
        now=now,
    )
    record(
        session,
        "notice.decided_after_limit",
        actor=actor,
        now=now,
        control_id=appointment.control_id,
        subject_kind=SUBJECT,
        subject_id=appointment.id,
        version=appointment.version,
        counts=counts,
        decided_by=user.id,
        channels=channels,
    )


def _decision(
    appointment: Appointment, channel: str, kind: str, reason: str, user: StaffUser, now: datetime
) -> NoticeDecision:
    return NoticeDecision(
        appointment_id=appointment.id,
        version=appointment.version,
        channel=channel,
        kind=kind,
        reason=reason,
        decided_by=user.id,
        decided_at=now,
    )


async def _doubtful_channels(session: AsyncSession, dossier: Dossier, *, now: datetime) -> list[str]:
    """A settled notice is in doubt where it bounced; one that was never settled, where it is not good now.

    In person one good channel is enough: the two-channel rule is that of video.
    """
    appointment = dossier.appointment
    if appointment.waiver_at is not None:
        return []
    notice = (await notices_of(session, [appointment], now=now))[appointment.id]
    bounced = [name for name, state in notice.channels.items() if state is ChannelState.BOUNCED]
    enough = appointment.mode is not Mode.VIDEO and len(notice.doubtful) < len(notice.channels)
    if bounced or appointment.notice_settled_at is not None or enough:
        return bounced
    return notice.doubtful


def can_be_concluded(dossier: Dossier) -> bool:
    """Whether the appointment waits for its conclusion. One that is over does only while its control is to qualify: once that
    was qualified, and perhaps booked again, nothing more is said of it.
    """
    state = dossier.appointment.state
    return state in LIVE or (state is AppointmentState.OVER and dossier.control.state is ControlState.TO_QUALIFY)
