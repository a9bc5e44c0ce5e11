"""The registry of messages: each kind with its context, its channels, its calendar method and how long its SMS may be.

A decision builds a context, has it looked at with `check`, and stores `context.to_json()` with the intent. Later the channel
rebuilds it with `read` and turns it into bytes, once (`mail_of`, `sms_of`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from telecontrol.errors import InvalidInput
from telecontrol.notify import contexts as c
from telecontrol.notify.calendar_part import CalendarEntry, calendar_bytes
from telecontrol.notify.checks import check_fields, check_recipient
from telecontrol.notify.mime import Envelope, mail_bytes
from telecontrol.notify.names import discreet_name
from telecontrol.notify.rendering import render_letter, render_sms
from telecontrol.notify.sms_text import segments
from telecontrol.notify.wording import language_of, when
from telecontrol.outbox.targets import Outgoing

MAIL, SMS = "mail", "sms"
_BOTH, _MAIL_ONLY = (MAIL, SMS), (MAIL,)
LONGEST_SMS = 2
"""Segments over which no SMS is accepted: only an impossible public address leads there."""


@dataclass(frozen=True, slots=True)
class Message:
    """One kind of message."""

    context: type[c.Letterhead]
    audience: str
    """`insured`, `doctor`, `desk` or `requester`: which closing the e-mail takes."""
    channels: tuple[str, ...] = _MAIL_ONLY
    max_segments: int = 1
    """The stated length of its SMS for names up to 45 characters."""
    calendar: str = ""
    """`REQUEST` or `CANCEL` when the e-mail carries a calendar part (if its context has a `ics_uid`)."""

    @property
    def kind(self) -> str:
        return self.context.KIND


_ALL = (
    Message(c.Invitation, "insured", _BOTH, calendar="REQUEST"),
    Message(c.Reminder, "insured", _BOTH),
    Message(c.Change, "insured", _BOTH, max_segments=2, calendar="REQUEST"),
    Message(c.Cancellation, "insured", _BOTH, max_segments=2, calendar="CANCEL"),
    Message(c.Release, "insured", _BOTH, max_segments=2, calendar="CANCEL"),
    Message(c.InPersonConvocation, "insured", _BOTH, max_segments=2, calendar="REQUEST"),
    Message(c.RefusalReceipt, "insured", _BOTH, max_segments=2),
    Message(c.RefusalFreed, "insured", calendar="CANCEL"),
    Message(c.RefusalUndone, "insured", _BOTH, calendar="REQUEST"),
    Message(c.LinkAgain, "insured", _BOTH),
    Message(c.CannotComeReceipt, "insured", _BOTH, max_segments=2),
    Message(c.AppointmentKept, "insured", _BOTH, max_segments=2),
    Message(c.AccessCode, "insured", _BOTH),
    Message(c.AttendanceReceipt, "insured", _BOTH, max_segments=2),
    Message(c.SurveyInvitation, "insured"),
    Message(c.ConclusionToInsured, "insured", _BOTH, max_segments=2),
    Message(c.DoctorBooked, "doctor"),
    Message(c.DoctorMoved, "doctor"),
    Message(c.DoctorCancelled, "doctor"),
    Message(c.DoctorDeclinedFreed, "doctor"),
    Message(c.DoctorInsuredWaiting, "doctor", _BOTH, max_segments=2),
    Message(c.DoctorSignatureDue, "doctor", _BOTH, max_segments=2),
    Message(c.DoctorConclusionDue, "doctor"),
    Message(c.DeskAlert, "desk"),
    Message(c.DeskDigest, "desk"),
    Message(c.RequesterStatus, "requester"),
)
MESSAGES: dict[str, Message] = {message.kind: message for message in _ALL}


def message_of(kind: str) -> Message:
    """The message of a kind. Raises `InvalidInput` for an unknown one."""
    try:
        return MESSAGES[kind]
    except KeyError:
        raise InvalidInput(f"no message of kind {kind!r}", field="kind", code="unknown_kind") from None


def check(context: c.Letterhead, *, channels: tuple[str, ...] = (), language: str = "fr") -> None:
    """Refuse now what could not be sent later: impossible values, a channel the kind has not, an SMS too long.

    Raises `InvalidInput` whose `field` says which value. Call it before the decision is committed.
    """
    message = message_of(context.KIND)
    check_fields(context)
    for channel in channels:
        if channel not in message.channels:
            raise InvalidInput(f"{message.kind} is not sent by {channel}", field="channel", code="unknown_channel")
    if MAIL in channels:
        _check_calendar(message, context)
    if SMS in channels and segments(sms_of(context, language=language)).count > LONGEST_SMS:
        raise InvalidInput("the SMS is too long: shorten the public address", field="link", code="sms_too_long")


def read(kind: str, values: dict[str, Any]) -> c.Letterhead:
    """The context that `to_json` wrote for this kind. Raises `InvalidInput`."""
    return message_of(kind).context.from_json(values)


def sms_of(context: c.Letterhead, *, language: str) -> str:
    """The SMS of a context, in GSM-7."""
    message = message_of(context.KIND)
    if SMS not in message.channels:
        raise InvalidInput(f"{message.kind} has no SMS", field="channel", code="unknown_channel")
    return render_sms(context, language=language_of(language), max_segments=message.max_segments)


def mail_of(context: c.Letterhead, envelope: Envelope) -> bytes:
    """The e-mail of a context as bytes ready for the wire, with its calendar part where the kind has one."""
    message = message_of(context.KIND)
    language = language_of(envelope.language)
    letter = render_letter(context, audience=message.audience, language=language)
    if _check_calendar(message, context) and isinstance(context, c.ForAppointment):
        entry = _calendar_entry(context, envelope, method=message.calendar, language=language)
        return mail_bytes(letter, envelope, calendar=calendar_bytes(entry), method=message.calendar)
    return mail_bytes(letter, envelope)


def prepare_mail(outgoing: Outgoing, *, now: datetime) -> bytes:
    """The bytes of an intent for the mail channel; `now` becomes the message's Date."""
    context = read(outgoing.kind, outgoing.context)
    check_fields(context)
    language = language_of(outgoing.language)
    envelope = Envelope(
        intent_id=outgoing.intent_id,
        sender_name=_sender_name(context, language),
        sender=context.mail_from,
        reply_to=context.contact,
        recipient=check_recipient(outgoing.recipient),
        language=language,
        at=now,
    )
    return mail_of(context, envelope)


def prepare_sms(outgoing: Outgoing) -> bytes:
    """The bytes of an intent for the SMS channel: its text in UTF-8."""
    context = read(outgoing.kind, outgoing.context)
    check_fields(context)
    return sms_of(context, language=outgoing.language).encode()


def _check_calendar(message: Message, context: c.Letterhead) -> bool:
    """Whether the e-mail carries a calendar part. Raises `InvalidInput` when it would have no link to hold."""
    if not (message.calendar and isinstance(context, c.ForAppointment) and context.ics_uid):
        return False
    if not context.view_link:
        raise InvalidInput("a calendar part needs the link that only shows", field="view_link", code="empty")
    return True


def _sender_name(context: c.Letterhead, language: str) -> str:
    name = discreet_name(context.organisation, otherwise=context.operator)
    if not isinstance(context, c.ForAppointment | c.AccessCode):
        return name
    return f"{name} – rendez-vous" if language == "fr" else f"{name} – appointment"


def _calendar_entry(context: c.ForAppointment, envelope: Envelope, *, method: str, language: str) -> CalendarEntry:
    """Neutral in every line, for a calendar is shown to colleagues: no doctor, no reason, the place by its address only."""
    name = discreet_name(context.organisation, otherwise=context.operator)
    is_at_place = context.mode == "surgery"
    words = "Rendez-vous" if language == "fr" else "Appointment"
    by_video = {"fr": "Par vidéo", "en": "By video"}[language] if context.mode == "video" else ""
    moment = when(context.starts_at, context.zone, language)
    return CalendarEntry(
        method=method,
        uid=context.ics_uid,
        sequence=context.ics_sequence,
        starts_at=context.starts_at,
        duration_minutes=context.duration_minutes,
        zone=context.zone,
        summary=f"{words} – {name}",
        location=context.site_address if is_at_place else by_video,
        description=f"{words} – {name}, {moment}. {context.view_link}",
        view_link=context.view_link,
        organiser_name=name,
        organiser_address=context.mail_from,
        attendee_address=envelope.recipient,
        stamped_at=envelope.at,
        alarm_minutes=120 if is_at_place else 30,
    )
