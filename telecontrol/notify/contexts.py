"""What each message is made of: frozen plain values, that can be sealed as JSON now and rendered later.

The field names carry the rules (`checks`): `*_at` is an aware instant, `*_until` too, `zone` an IANA name, `*_url` and `link`
addresses of the service's one domain. Organisations, mandates and places are in the words of the organisation; codes are
listed beside their message.
"""

from __future__ import annotations

import typing
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, ClassVar, Self

from telecontrol.clock import as_utc
from telecontrol.errors import InvalidInput


@dataclass(frozen=True, kw_only=True, slots=True)
class Letterhead:
    """Who speaks: what every message carries."""

    KIND: ClassVar[str] = ""

    organisation: str
    """The asking organisation's name, as people know it."""
    operator: str
    """Who runs the service."""
    mail_from: str
    """Neutral sender address."""
    contact: str
    """Address for accessibility, interpreter and privacy; answers to the e-mail go there."""
    support_phone: str
    accent: str = ""
    """`#rrggbb`, or empty for the default."""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; instants in UTC with their offset."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Read what `to_json` wrote; a newer release's extra keys are ignored. Raises `InvalidInput` naming the bad field."""
        types = _types_of(cls)
        known = {name: _typed(name, types[name], value) for name, value in values.items() if name in types}
        try:
            return cls(**known)
        except TypeError as error:
            raise InvalidInput(f"{cls.KIND}: {error}", field=cls.KIND) from error


@dataclass(frozen=True, kw_only=True, slots=True)
class ForInsured(Letterhead):
    """What every message to the insured carries: on whose behalf, the link that acts, how to check that it is genuine."""

    mandate: str = ""
    """On whose behalf the person is called, in the organisation's words."""
    reference: str
    """The control's reference, printed so that the message can be checked by another way."""
    check_url: str
    """Public page where the reference is checked."""
    link: str
    """`{public_url}/i/{22 characters}`, the link that acts."""
    privacy_url: str = ""
    reached_by: str = ""
    """The only way to reach the person, `mail` or `sms`; empty when there are both."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ForAppointment(ForInsured):
    """A message about one appointment. With `ics_uid`, it carries a calendar part where its kind has one."""

    starts_at: datetime
    zone: str
    """IANA zone of the place where the insured is."""
    duration_minutes: int
    mode: str = "video"
    """`video`, `surgery`, `home` or `phone`."""
    doctor: str = ""
    doctor_zone: str = ""
    """The doctor's zone: their hour is told too when it differs."""
    test_url: str = ""
    """Page where camera and microphone are tried."""
    join_opens_minutes: int = 15
    """How long before the start the button to enter appears."""
    site_name: str = ""
    site_address: str = ""
    """Street, postcode and town on one line; required for `surgery`."""
    site_access: str = ""
    site_phone: str = ""
    ics_uid: str = ""
    """Stays the same through every version of the appointment."""
    ics_sequence: int = 0
    """Raised with every change and cancellation (iTIP SEQUENCE)."""
    view_link: str = ""
    """`{public_url}/i/{22 characters}`, the link that only shows: the calendar part holds no other."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Invitation(ForAppointment):
    """A video or phone appointment, and everything the law wants said with it."""

    KIND: ClassVar[str] = "invitation"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reminder(ForAppointment):
    """The eve of an appointment, by video or in person."""

    KIND: ClassVar[str] = "reminder"


@dataclass(frozen=True, kw_only=True, slots=True)
class Change(ForAppointment):
    """Another hour, place or doctor. `reason`: empty, `your_request`, `doctor_unavailable` or `organisation`."""

    KIND: ClassVar[str] = "change"

    previous_starts_at: datetime
    previous_site_address: str = ""
    """Where the appointment stood before, when the place changes."""
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cancellation(ForAppointment):
    """The service takes the appointment back. `reason`: empty, `doctor_unavailable`, `request_withdrawn`, `technical`, or
    `excused` where the insured had said that they could not come."""

    KIND: ClassVar[str] = "cancellation"

    reason: str = ""
    will_rebook: bool = False
    """Whether another appointment is to be expected."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Release(ForAppointment):
    """The notice missed its limit: the appointment is taken back and nobody is blamed."""

    KIND: ClassVar[str] = "release"

    missing_channel: str = ""
    """Which message did not arrive in time: `sms`, `mail`, or empty when it is not told."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InPersonConvocation(ForAppointment):
    """An appointment at a place; `mode` is `surgery`."""

    KIND: ClassVar[str] = "in_person_convocation"

    after_decline: bool = False
    """Whether the person asked for it by declining video."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RefusalReceipt(ForAppointment):
    """The choice of an in-person appointment is recorded."""

    KIND: ClassVar[str] = "refusal_receipt"

    recorded_at: datetime
    undo_until: datetime | None = None
    """Until when the hour is kept, should they change their mind."""
    can_choose_slot: bool = False
    """Whether in-person hours can be chosen on the page now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RefusalFreed(ForAppointment):
    """The declined hour is freed: the calendar's entry goes."""

    KIND: ClassVar[str] = "refusal_freed"

    can_choose_slot: bool = False
    next_at: datetime | None = None
    """The hour of the appointment that takes its place, where there is one already."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RefusalUndone(ForAppointment):
    """The choice was taken back: the video appointment stands at the same hour."""

    KIND: ClassVar[str] = "refusal_undone"

    recorded_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkAgain(ForAppointment):
    """The link was lost and asked for again: the same facts, and a fresh link."""

    KIND: ClassVar[str] = "link_again"


@dataclass(frozen=True, kw_only=True, slots=True)
class CannotComeReceipt(ForAppointment):
    """The answer *I cannot come* is recorded. The reason is never repeated in a message."""

    KIND: ClassVar[str] = "cannot_come_receipt"

    recorded_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class AppointmentKept(ForAppointment):
    """The desk read the answer *I cannot come*: the appointment stands. The reason is never repeated in a message."""

    KIND: ClassVar[str] = "appointment_kept"

    recorded_at: datetime
    """When the desk decided."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessCode(Letterhead):
    """Six digits that open the page where no birth date is on file. It carries no link: whoever reads this message alone
    opens nothing, and neither does whoever holds the link alone."""

    KIND: ClassVar[str] = "access_code"

    reference: str
    check_url: str
    privacy_url: str = ""
    code: str
    expires_at: datetime
    zone: str
    """IANA zone of the place where the insured is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AttendanceReceipt(ForAppointment):
    """Proof, for the insured, that they came."""

    KIND: ClassVar[str] = "attendance_receipt"

    arrived_at: datetime
    left_at: datetime | None = None
    """Last sign of their presence, where one is known."""
    failed_technically: bool = False
    """The call did not work: the receipt says that they were there all the same."""
    has_survey: bool = False
    """Whether the page asks two questions about this appointment."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SurveyInvitation(ForAppointment):
    """Two questions about the appointment of the day before. Asked once."""

    KIND: ClassVar[str] = "survey_invitation"


@dataclass(frozen=True, kw_only=True, slots=True)
class ConclusionToInsured(ForAppointment):
    """The conclusion in plain words with the rights that go with it. `result` is a code of `DOMAIN.md` §5."""

    KIND: ClassVar[str] = "conclusion_to_insured"

    result: str
    concluded_at: datetime
    effect: str = ""
    """What an unfavourable conclusion may lead to: empty, `benefits` (procedure A) or `salary_top_up` (B, C)."""
    review_days: int = 0
    """Clear days to ask for a review after a suspension; 0 when the procedure has none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ForDoctor(Letterhead):
    """A message to a doctor: no name of the insured, who is found by the reference after signing in."""

    doctor: str = ""
    reference: str
    starts_at: datetime
    zone: str
    """The doctor's own zone."""
    insured_zone: str = ""
    """Told too when its clocks differ."""
    duration_minutes: int
    mode: str = "video"
    site_name: str = ""
    site_address: str = ""
    link: str
    """Staff page (sign-in needed)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DoctorBooked(ForDoctor):
    KIND: ClassVar[str] = "doctor_booked"

    is_again: bool = False
    """Whether they had been told that this very hour was free again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DoctorMoved(ForDoctor):
    KIND: ClassVar[str] = "doctor_moved"

    previous_starts_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class DoctorCancelled(ForDoctor):
    """`reason`: empty, `notice_missed`, `request_withdrawn`, `handed_over`, `cannot_come` or `technical`."""

    KIND: ClassVar[str] = "doctor_cancelled"

    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class DoctorDeclinedFreed(ForDoctor):
    """The insured prefers an in-person appointment; the hour is free again."""

    KIND: ClassVar[str] = "doctor_declined_freed"


@dataclass(frozen=True, kw_only=True, slots=True)
class DoctorInsuredWaiting(ForDoctor):
    KIND: ClassVar[str] = "doctor_insured_waiting"

    waiting_since_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class DoctorSignatureDue(ForDoctor):
    """A report waits for its signature; `hours` since the fact (24, 36 or 44)."""

    KIND: ClassVar[str] = "doctor_signature_due"

    hours: int
    due_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class DoctorConclusionDue(DoctorSignatureDue):
    """The person had come and nobody concluded: there is no report, and there may never be one. `due_at` is until when one
    would have to leave."""

    KIND: ClassVar[str] = "doctor_conclusion_due"


@dataclass(frozen=True, kw_only=True, slots=True)
class DeskAlert(Letterhead):
    """One thing that needs somebody now. `task` is a kind of task, `level` rises with each alert."""

    KIND: ClassVar[str] = "desk_alert"

    task: str
    reference: str = ""
    """The control's reference; empty for what concerns no control (a paused channel)."""
    due_at: datetime | None = None
    raised_at: datetime
    zone: str = "Europe/Paris"
    level: int = 1
    link: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DeskLine:
    """A line of the digest: how many open tasks of a kind, and the earliest that is due."""

    task: str
    count: int
    oldest_due_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DeskDigest(Letterhead):
    """What is at risk, oldest deadline first as it was given."""

    KIND: ClassVar[str] = "desk_digest"

    lines: tuple[DeskLine, ...]
    as_of_at: datetime
    zone: str = "Europe/Paris"
    link: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RequesterStatus(Letterhead):
    """A stage of the request, in administrative words: `taken_in_charge`, `booked`, `first_results` or `opinion_available`."""

    KIND: ClassVar[str] = "requester_status"

    stage: str
    reference: str
    external_reference: str = ""
    """The requester's own number."""
    occurred_at: datetime
    zone: str = "Europe/Paris"
    result: str = ""
    """For `opinion_available` where the procedure lets the requester hear it: a result code."""
    link: str = ""


def _types_of(cls: type[Letterhead]) -> dict[str, Any]:
    hints = typing.get_type_hints(cls)
    return {field.name: hints[field.name] for field in fields(cls)}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return as_utc(value).isoformat()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, DeskLine):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return value


def _typed(name: str, wanted: Any, value: Any) -> Any:
    if wanted in (datetime, datetime | None) and isinstance(value, str):
        try:
            return as_utc(datetime.fromisoformat(value))
        except ValueError as error:
            raise InvalidInput(f"{name} is not an instant", field=name) from error
    if wanted == tuple[DeskLine, ...]:
        return tuple(_desk_line(item) for item in value)
    return value


def _desk_line(values: dict[str, Any]) -> DeskLine:
    return DeskLine(
        task=values["task"],
        count=values["count"],
        oldest_due_at=_typed("oldest_due_at", datetime | None, values.get("oldest_due_at")),
    )
