"""Who is told what about an appointment, and when it may leave: each decision's messages become intents of the outbox.

This module chooses recipients, windows and facts; the words are `notify`'s. Windows (`DOMAIN.md` §3): invitations in the
open window and before the hard limit; reminders on the eve only; changes and cancellations in the open window, or at once
when the appointment is near; answers to the insured's own act at once.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.controls.models import Doctor
from telecontrol.controls.policies import Mode
from telecontrol.notify import contexts
from telecontrol.notify.contexts import ForAppointment, ForDoctor, Letterhead
from telecontrol.notify.messages import check
from telecontrol.outbox.intents import Known, enqueue
from telecontrol.outbox.locks import AGAIN
from telecontrol.outbox.models import Intent
from telecontrol.scheduling import deadlines
from telecontrol.scheduling.dossier import Dossier
from telecontrol.scheduling.endings import SUBJECT
from telecontrol.scheduling.message_facts import facts_for_insured, letterhead, minutes_of, of_the_policy, place_of
from telecontrol.scheduling.models import Appointment
from telecontrol.scheduling.operator import Operator

INVITATION = contexts.Invitation.KIND
CONVOCATION = contexts.InPersonConvocation.KIND
CHANGE = contexts.Change.KIND
REMINDER = contexts.Reminder.KIND
KEPT = contexts.AppointmentKept.KIND
UNDONE = contexts.RefusalUndone.KIND
NOTICE_KINDS = tuple(kind + again for kind in (INVITATION, CHANGE, CONVOCATION, UNDONE) for again in ("", AGAIN))
"""What gives notice of an hour, repetitions included."""
ABOUT_THE_HOUR = (*NOTICE_KINDS, REMINDER, KEPT)
"""What would be wrong once the hour is given up."""

USEFUL_AFTER = timedelta(days=2)
"""How long an answer to somebody's own act is still worth sending."""


@dataclass(frozen=True, slots=True)
class About:
    """What a message is about, where that is not the appointment in its present version: it then outlives its end."""

    kind: str
    id: uuid.UUID
    version: int = 1


async def convoke(
    session: AsyncSession,
    operator: Operator,
    dossier: Dossier,
    *,
    now: datetime,
    hold: timedelta,
    only: Collection[str] | None = None,
    is_own_act: bool = False,
) -> None:
    """Queue the convocation on every channel the person has (or `only` those), and the reminder.

    A reminder that is queued already stays as it is. What the insured chose themselves (`is_own_act`) is answered at once.
    """
    for channel, recipient in channels_of(dossier):
        if only is not None and channel not in only:
            continue
        await _give_notice(session, operator, dossier, channel, recipient, now=now, hold=hold, at_once=is_own_act)
    await remind(session, operator, dossier, now=now, hold=hold)


async def remind(
    session: AsyncSession,
    operator: Operator,
    dossier: Dossier,
    *,
    now: datetime,
    hold: timedelta = timedelta(0),
    told_at: datetime | None = None,
) -> None:
    """Queue the eve's reminder, unless the invitation itself can only leave on the eve or later.

    `told_at` is when another message told the hour, in the invitation's place.
    """
    appointment = dossier.appointment
    leaves = deadlines.earliest_sending(now, appointment.starts_at, dossier.zone, hold=hold)
    settled = appointment.notice_settled_at
    state = deadlines.reminder_state(
        now, appointment.starts_at, dossier.zone, invitation_accepted_at=told_at or (None if settled else leaves)
    )
    if state not in (deadlines.ReminderState.WAITING, deadlines.ReminderState.DUE):
        return
    opens, closes = deadlines.reminder_window(appointment.starts_at, dossier.zone)
    for channel, recipient in channels_of(dossier):
        await _tell(
            session,
            operator,
            dossier,
            contexts.Reminder,
            channel,
            recipient,
            now=now,
            not_before=opens,
            not_after=closes,
        )


async def tell_move(
    session: AsyncSession,
    operator: Operator,
    dossier: Dossier,
    *,
    before: datetime,
    knew: Known,
    now: datetime,
    is_own_act: bool = False,
) -> None:
    """A change on each channel that knew the old hour, an invitation on the others; the reminder of the new eve.

    To the insured who asked for it (`is_own_act`) it says so, and leaves at once.
    """
    appointment = dossier.appointment
    knowing = _channels_knowing(knew)
    soonest = min(before, appointment.starts_at)
    for channel, recipient in channels_of(dossier):
        if (channel, recipient) in knowing:
            leaves = now if is_own_act else deadlines.change_leaves_at(now, soonest, dossier.zone)
            until = max(_notice_until(appointment), leaves + timedelta(minutes=30))
            await _tell(
                session,
                operator,
                dossier,
                contexts.Change,
                channel,
                recipient,
                now=now,
                not_before=leaves,
                not_after=until,
                previous_starts_at=before,
                reason="your_request" if is_own_act else "",
            )
        else:
            await _give_notice(
                session, operator, dossier, channel, recipient, now=now, hold=timedelta(0), at_once=is_own_act
            )
    await remind(session, operator, dossier, now=now)


async def tell_freed(
    session: AsyncSession,
    operator: Operator,
    dossier: Dossier,
    kind: type[ForAppointment],
    *,
    knew: Known,
    now: datetime,
    mail_only: bool = False,
    is_own_act: bool = False,
    **facts: Any,
) -> None:
    """Correct what was already said: on each channel whose provider took, or may have taken, a notice of this hour.

    What follows from the insured's own act (`is_own_act`) leaves at once.
    """
    appointment = dossier.appointment
    leaves = now if is_own_act else deadlines.change_leaves_at(now, appointment.starts_at, dossier.zone)
    for channel, recipient in sorted(_channels_knowing(knew)):
        if mail_only and channel != "mail":
            continue
        await _tell(
            session,
            operator,
            dossier,
            kind,
            channel,
            recipient,
            now=now,
            not_before=leaves,
            not_after=max(appointment.starts_at, leaves) + USEFUL_AFTER,
            **facts,
        )


async def tell_insured(
    session: AsyncSession,
    operator: Operator,
    dossier: Dossier,
    kind: type[ForAppointment],
    *,
    now: datetime,
    not_before: datetime | None = None,
    not_after: datetime | None = None,
    mail_only: bool = False,
    about: About | None = None,
    **facts: Any,
) -> None:
    """Answer the insured's own act: at once (unless `not_before` is given), on every channel they have. It is worth sending
    until `not_after`, two days later unless given."""
    leaves = not_before or now
    for channel, recipient in channels_of(dossier):
        if mail_only and channel != "mail":
            continue
        await _tell(
            session,
            operator,
            dossier,
            kind,
            channel,
            recipient,
            now=now,
            not_before=leaves,
            not_after=not_after or leaves + USEFUL_AFTER,
            about=about,
            **facts,
        )


async def another(session: AsyncSession, dossier: Dossier, kind: type[ForAppointment]) -> About:
    """What a message is about that may be sent several times for one version of the appointment: whoever says again that they
    cannot come is answered again. It ends with the appointment as the others do, so its versions run downwards, below those
    that a later one replaces."""
    appointment = dossier.appointment
    known = await session.scalar(
        select(func.count(func.distinct(Intent.version))).where(
            Intent.subject_kind == SUBJECT, Intent.subject_id == appointment.id, Intent.kind == kind.KIND
        )
    )
    return About(SUBJECT, appointment.id, 1 - (known or 0))


async def tell_code(
    session: AsyncSession,
    operator: Operator,
    dossier: Dossier,
    *,
    channel: str,
    recipient: str,
    code: str,
    code_id: uuid.UUID,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Send the code that opens the page, at once and on one channel alone. After `expires_at` it is not worth sending."""
    context = contexts.AccessCode(
        **letterhead(operator, dossier),
        reference=dossier.control.reference,
        check_url=f"{operator.public_url}/genuine",
        privacy_url=f"{operator.public_url}/privacy",
        code=code,
        expires_at=expires_at,
        zone=dossier.appointment.zone,
    )
    await _enqueue(
        session,
        operator,
        dossier,
        context,
        channel,
        recipient,
        dossier.insured.language,
        now=now,
        not_before=now,
        not_after=expires_at,
        about=About(contexts.AccessCode.KIND, code_id),
    )


async def tell_doctor(
    session: AsyncSession,
    operator: Operator,
    dossier: Dossier,
    kind: type[ForDoctor],
    *,
    now: datetime,
    doctor: Doctor | None = None,
    starts_at: datetime | None = None,
    about: About | None = None,
    not_after: datetime | None = None,
    **facts: Any,
) -> None:
    """E-mail the doctor (the appointment's, unless another is given), until two days after the start unless `not_after` says
    otherwise. A doctor without an address reads the agenda."""
    doctor = doctor or dossier.doctor
    appointment = dossier.appointment
    if not doctor.email:
        return
    context = kind(
        **letterhead(operator, dossier),
        doctor=doctor.name,
        reference=dossier.control.reference,
        starts_at=starts_at or appointment.starts_at,
        zone=doctor.zone,
        insured_zone=appointment.zone,
        duration_minutes=minutes_of(appointment),
        mode=appointment.mode,
        link=f"{operator.public_url}/doctor",
        **place_of(dossier, ForDoctor),
        **facts,
    )
    await _enqueue(
        session,
        operator,
        dossier,
        context,
        "mail",
        doctor.email,
        "fr",
        now=now,
        not_before=now,
        not_after=not_after or max(appointment.starts_at, now) + USEFUL_AFTER,
        about=about,
    )


async def intents_of(session: AsyncSession, appointment: Appointment) -> list[Intent]:
    """Everything that was queued about an appointment, oldest first."""
    found = await session.scalars(
        select(Intent)
        .where(Intent.subject_kind == SUBJECT, Intent.subject_id == appointment.id)
        .order_by(Intent.created_at)
        .execution_options(populate_existing=True)
    )
    return list(found)


def channels_of(dossier: Dossier) -> list[tuple[str, str]]:
    """(channel, recipient) of every way to reach the insured."""
    insured = dossier.insured
    return [(channel, to) for channel, to in (("mail", insured.email), ("sms", insured.phone)) if to]


# ---------------------------------------------------------------------------------------------------------------------


async def _give_notice(
    session: AsyncSession,
    operator: Operator,
    dossier: Dossier,
    channel: str,
    recipient: str,
    *,
    now: datetime,
    hold: timedelta,
    at_once: bool = False,
) -> None:
    appointment = dossier.appointment
    leaves, useful_until = _notice_window(dossier, now=now, hold=hold)
    if at_once:
        leaves = now
    kind = contexts.Invitation if appointment.mode is Mode.VIDEO else contexts.InPersonConvocation
    facts: dict[str, Any] = {} if kind is contexts.Invitation else {"after_decline": dossier.control.needs_in_person}
    until = max(useful_until, leaves + timedelta(minutes=1))
    await _tell(
        session, operator, dossier, kind, channel, recipient, now=now, not_before=leaves, not_after=until, **facts
    )


def _notice_window(dossier: Dossier, *, now: datetime, hold: timedelta) -> tuple[datetime, datetime]:
    """When a notice written now leaves, and until when it is useful.

    Past the hard limit no hour makes it count: it then keeps to the hours of a change, and is useful until the start.
    """
    appointment = dossier.appointment
    if now >= appointment.hard_limit_at:
        return deadlines.change_leaves_at(now + hold, appointment.starts_at, dossier.zone), appointment.starts_at
    leaves = deadlines.earliest_sending(now, appointment.starts_at, dossier.zone, hold=hold)
    return leaves, _notice_until(appointment)


def _notice_until(appointment: Appointment) -> datetime:
    """Until when a notice is useful: the hard limit, or the start where the notice was waived."""
    return appointment.starts_at if appointment.waiver_at is not None else appointment.hard_limit_at


async def _tell(
    session: AsyncSession,
    operator: Operator,
    dossier: Dossier,
    kind: type[ForAppointment],
    channel: str,
    recipient: str,
    *,
    now: datetime,
    not_before: datetime,
    not_after: datetime,
    about: About | None = None,
    **facts: Any,
) -> None:
    context = kind(
        **letterhead(operator, dossier),
        **await facts_for_insured(session, operator, dossier, channel=channel, now=now),
        **place_of(dossier, kind),
        **of_the_policy(operator, dossier, kind),
        **facts,
    )
    await _enqueue(
        session,
        operator,
        dossier,
        context,
        channel,
        recipient,
        dossier.insured.language,
        now=now,
        not_before=not_before,
        not_after=not_after,
        about=about,
    )


async def _enqueue(
    session: AsyncSession,
    operator: Operator,
    dossier: Dossier,
    context: Letterhead,
    channel: str,
    recipient: str,
    language: str,
    *,
    now: datetime,
    not_before: datetime,
    not_after: datetime,
    about: About | None = None,
) -> None:
    appointment = dossier.appointment
    about = about or About(SUBJECT, appointment.id, appointment.version)
    # A value that no message can carry is refused here, with the decision, not days later by the sender.
    check(context, channels=(channel,), language=language)
    await enqueue(
        session,
        sealer=operator.messages,
        target=channel,
        subject_kind=about.kind,
        subject_id=about.id,
        version=about.version,
        kind=context.KIND,
        channel=channel,
        recipient=recipient,
        language=language,
        context=context.to_json(),
        now=now,
        not_before=not_before,
        not_after=not_after,
        deadline_at=not_after,
        organisation_id=appointment.organisation_id,
        control_id=appointment.control_id,
    )


def _channels_knowing(knew: Known) -> set[tuple[str, str]]:
    return {(i.channel, i.recipient) for i in (*knew.accepted, *knew.in_doubt) if i.kind in NOTICE_KINDS}
