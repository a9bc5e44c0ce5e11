"""When a notice counts (`DOMAIN.md` §3; PROMISES P4): judging the convocation of each video appointment.

A video appointment stands only if, before the hard limit, each of e-mail and SMS was accepted by its provider, or replaced
by a named handler's recorded decision, or the notice was waived. `judge` is pure; the sweeps apply it.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.controls.reasons import reason as checked_reason
from telecontrol.db.journal import Actor, record
from telecontrol.errors import InvalidInput, WrongState
from telecontrol.outbox.models import DeliveryState, Intent, IntentState
from telecontrol.scheduling.dossier import Dossier
from telecontrol.scheduling.endings import SUBJECT
from telecontrol.scheduling.models import Appointment, AppointmentState, NoticeDecision
from telecontrol.scheduling.telling import NOTICE_KINDS

CHANNELS = ("mail", "sms")
DOES_NOT_COUNT = "does_not_count"
"""The kind of a decision that a doubtful notice stays one."""
CONTACT_CHANGED = "contact_changed"
"""Why messages to an address were voided, when another one took its place."""
RISK_MARGIN = timedelta(hours=6)
"""A notice still unsettled this long before its limit is shown to a handler while there is time (choice)."""
FIRST_TRY = timedelta(minutes=5)
"""How long after its hour a message may still be on its way out for the first time: that is no doubt yet (choice)."""


class ChannelState(StrEnum):
    ACCEPTED = "accepted"
    DECIDED = "decided"
    """A named handler's decision stands in its place."""
    QUEUED = "queued"
    """Waits for its hour, or has only just reached it: nothing has gone wrong."""
    PENDING = "pending"
    """Should have left, or was tried and was not taken: nobody knows yet what becomes of it."""
    FAILED = "failed"
    """Given up, or refused for good."""
    BOUNCED = "bounced"
    """Accepted, then returned."""
    LATE = "late"
    """Accepted, but not before the hard limit."""
    MISSING = "missing"
    """No address or number, or nothing was queued."""


class Verdict(StrEnum):
    GOOD = "good"
    WAITING = "waiting"
    AT_RISK = "at_risk"
    MISSED = "missed"


_GOOD = frozenset({ChannelState.ACCEPTED, ChannelState.DECIDED})


@dataclass(frozen=True, slots=True)
class Notice:
    """What is known of one appointment's convocation."""

    verdict: Verdict
    channels: dict[str, ChannelState]

    @property
    def doubtful(self) -> list[str]:
        """Channels that a handler must look at."""
        return [name for name, state in self.channels.items() if state not in _GOOD]


def judge(channels: dict[str, ChannelState], *, hard_limit_at: datetime, now: datetime) -> Notice:
    """The verdict at `now` (aware). Pure."""
    states = set(channels.values())
    if states <= _GOOD:
        verdict = Verdict.GOOD
    elif now >= hard_limit_at:
        verdict = Verdict.MISSED
    elif states <= _GOOD | {ChannelState.QUEUED}:
        # However near the limit is: booking saw to it that the hour of leaving is a safe one.
        verdict = Verdict.WAITING
    elif states <= _GOOD | {ChannelState.QUEUED, ChannelState.PENDING} and now < hard_limit_at - RISK_MARGIN:
        verdict = Verdict.WAITING
    else:
        verdict = Verdict.AT_RISK
    return Notice(verdict, channels)


def channel_state(intents: Sequence[Intent], *, hard_limit_at: datetime, now: datetime) -> ChannelState:
    """What one channel's notices amount to at `now`: the best of them counts.

    What went to an address that was replaced before the limit is no notice: only the new address can give one.
    """
    found = {_state_of(intent, hard_limit_at, now) for intent in intents if not _is_replaced(intent, hard_limit_at)}
    for state in (
        ChannelState.ACCEPTED,
        ChannelState.QUEUED,
        ChannelState.PENDING,
        ChannelState.BOUNCED,
        ChannelState.FAILED,
        ChannelState.LATE,
    ):
        if state in found:
            return state
    return ChannelState.MISSING


def _is_replaced(intent: Intent, hard_limit_at: datetime) -> bool:
    return intent.void_reason == CONTACT_CHANGED and intent.voided_at is not None and intent.voided_at < hard_limit_at


def _state_of(intent: Intent, hard_limit_at: datetime, now: datetime) -> ChannelState:
    match intent.state:
        case IntentState.ACCEPTED:
            if intent.delivery in (DeliveryState.UNDELIVERED, DeliveryState.FAILED):
                return ChannelState.BOUNCED
            assert intent.accepted_at is not None
            return ChannelState.ACCEPTED if intent.accepted_at < hard_limit_at else ChannelState.LATE
        case IntentState.PENDING | IntentState.SENDING | IntentState.UNSETTLED if intent.voided_at is None:
            # While its first attempt is on the wire one was made already; a second one means that the first was not taken.
            tries = 1 if intent.state is IntentState.SENDING else 0
            is_new = intent.state is not IntentState.UNSETTLED and intent.attempts_made <= tries
            return ChannelState.QUEUED if is_new and now < intent.not_before + FIRST_TRY else ChannelState.PENDING
        case IntentState.FAILED:
            return ChannelState.FAILED
        case _:
            return ChannelState.MISSING


async def notices_of(
    session: AsyncSession, appointments: Iterable[Appointment], *, now: datetime
) -> dict[uuid.UUID, Notice]:
    """The notice of each appointment, in two queries whatever their number."""
    by_id = {appointment.id: appointment for appointment in appointments}
    intents: dict[tuple[uuid.UUID, str], list[Intent]] = defaultdict(list)
    decided: set[tuple[uuid.UUID, str]] = set()
    if by_id:
        for intent in await session.scalars(
            select(Intent).where(
                Intent.subject_kind == SUBJECT, Intent.subject_id.in_(by_id), Intent.kind.in_(NOTICE_KINDS)
            )
        ):
            if intent.version >= by_id[intent.subject_id].notice_since_version:
                intents[intent.subject_id, intent.channel].append(intent)
        for decision in await session.scalars(select(NoticeDecision).where(NoticeDecision.appointment_id.in_(by_id))):
            is_for_it = decision.version >= by_id[decision.appointment_id].notice_since_version
            if is_for_it and decision.kind != DOES_NOT_COUNT:
                decided.add((decision.appointment_id, decision.channel))
    return {
        key: judge(
            {
                name: ChannelState.DECIDED
                if (key, name) in decided
                else channel_state(intents[key, name], hard_limit_at=appointment.hard_limit_at, now=now)
                for name in CHANNELS
            },
            hard_limit_at=appointment.hard_limit_at,
            now=now,
        )
        for key, appointment in by_id.items()
    }


class DecisionKind(StrEnum):
    OTHER_ADDRESS = "other_address"
    LETTER_WITH_PROOF = "letter_with_proof"
    TOLD_IN_PERSON = "told_in_person"


async def decide_for_channel(
    session: AsyncSession,
    *,
    dossier: Dossier,
    channel: str,
    kind: DecisionKind,
    reason: str,
    user_id: uuid.UUID,
    actor: Actor,
    now: datetime,
) -> None:
    """Record a named handler's decision that stands for one channel's acceptance. Raises `WrongState` past the limit."""
    appointment = dossier.appointment
    if channel not in CHANNELS:
        raise InvalidInput("unknown channel", field="channel")
    kept = checked_reason(reason)
    if appointment.state is not AppointmentState.BOOKED or now >= appointment.hard_limit_at:
        raise WrongState("the limit for this notice is past", code="limit_past")
    known = await session.scalar(
        select(NoticeDecision.id).where(
            NoticeDecision.appointment_id == appointment.id,
            NoticeDecision.version == appointment.version,
            NoticeDecision.channel == channel,
        )
    )
    if known is not None:
        return
    session.add(
        NoticeDecision(
            appointment_id=appointment.id,
            version=appointment.version,
            channel=channel,
            kind=kind,
            reason=kept,
            decided_by=user_id,
            decided_at=now,
        )
    )
    record(
        session,
        "notice.decided",
        actor=actor,
        now=now,
        control_id=appointment.control_id,
        subject_kind=SUBJECT,
        subject_id=appointment.id,
        channel=channel,
        kind=kind,
    )
