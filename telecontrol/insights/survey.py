"""The survey after a video appointment: two questions and a free line, asked once, answered without a name (`DOMAIN.md` §4.6)."""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.controls.medical_words import medical_words_in
from telecontrol.controls.policies import Mode
from telecontrol.controls.results import Result
from telecontrol.controls.zones import PARIS
from telecontrol.errors import InvalidInput, WrongState
from telecontrol.insights.models import Favourable, SurveyAnswer, SurveyMark
from telecontrol.reports.models import AbsenceQualification, Conclusion, Qualification
from telecontrol.scheduling.dossier import Dossier
from telecontrol.scheduling.models import Appointment, AppointmentState
from telecontrol.video.attendance import arrived

REMARK_LENGTH = 500
"""Characters of the free line."""
ASKED_OF = (AppointmentState.ATTENDED, AppointmentState.OVER, AppointmentState.NOT_ATTENDED)
"""Ends after which an appointment may be asked about: one that was declined, cancelled or released was not held."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody said, checked."""

    favourable: Favourable
    satisfaction: int
    remark: str = ""


def read_answer(*, favourable: str, satisfaction: str, remark: str) -> Answer:
    """An answer from a form's text.

    Raises `InvalidInput` naming every field at fault: `answer_missing`, `too_long`, and `medical_word`, whose words are
    never repeated in the error: they would end in a log.
    """
    problems: list[InvalidInput] = []
    if favourable not in set(Favourable):
        problems.append(InvalidInput("choose an answer", field="favourable", code="answer_missing"))
    if satisfaction not in set("12345"):
        problems.append(InvalidInput("choose an answer", field="satisfaction", code="answer_missing"))
    # Line breaks become spaces; other control signs have no business in a sentence.
    spaced = "".join(" " if unicodedata.category(sign) in ("Cc", "Cs", "Co") else sign for sign in remark)
    line = " ".join(unicodedata.normalize("NFC", spaced).split())
    if len(line) > REMARK_LENGTH:
        problems.append(InvalidInput("too long", field="remark", code="too_long", most=REMARK_LENGTH))
    elif medical_words_in(line):
        problems.append(InvalidInput("no medical detail here", field="remark", code="medical_word"))
    if problems:
        raise InvalidInput.of_all(problems)
    return Answer(Favourable(favourable), int(satisfaction), line)


async def is_asked(session: AsyncSession, appointment: Appointment) -> bool:
    """Whether this appointment is one to ask about: by video, over, and the insured came or the technique failed them."""
    return appointment.id in await asked_among(session, [appointment])


async def asked_among(session: AsyncSession, appointments: Collection[Appointment]) -> set[uuid.UUID]:
    """The ids of those to ask about. Three queries, none for an empty collection."""
    held = [each for each in appointments if each.mode is Mode.VIDEO and each.state in ASKED_OF and each.ended_at]
    found = {each.id for each in held if each.state is AppointmentState.ATTENDED}
    doubtful = [each.id for each in held if each.id not in found]
    if not doubtful:
        return found
    came = await arrived(session, doubtful)
    failed = await session.scalars(
        select(Conclusion.appointment_id).where(
            Conclusion.appointment_id.in_(doubtful), Conclusion.result == Result.TECHNICAL_FAILURE
        )
    )
    qualified = await session.scalars(
        select(AbsenceQualification.appointment_id).where(
            AbsenceQualification.appointment_id.in_(doubtful),
            AbsenceQualification.kind == Qualification.TECHNICAL_FAILURE,
        )
    )
    return found | set(came) | set(failed) | set(qualified)


async def has_answered(session: AsyncSession, appointment_id: uuid.UUID, *, secret: str) -> bool:
    return await session.get(SurveyMark, mark_of(secret, appointment_id)) is not None


async def answer(session: AsyncSession, dossier: Dossier, said: Answer, *, secret: str, now: datetime) -> bool:
    """Keep an answer; False, changing nothing, for an appointment that has answered already.

    Deliberately without a journal line: one would tie the answer to the appointment. Raises `WrongState` (`not_asked`).
    """
    if not await is_asked(session, dossier.appointment):
        raise WrongState("this appointment is not one to ask about", code="not_asked")
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    mark = mark_of(secret, dossier.appointment.id)
    made = await session.scalar(
        dialect.insert(SurveyMark).values(mark=mark).on_conflict_do_nothing().returning(SurveyMark.mark)
    )
    if made is None:
        return False
    session.add(
        SurveyAnswer(
            organisation_id=dossier.control.organisation_id,
            procedure=dossier.control.procedure,
            month_on=month_of(now),
            favourable=said.favourable,
            satisfaction=said.satisfaction,
            remark=said.remark,
        )
    )
    await session.flush()
    return True


def mark_of(secret: str, appointment_id: uuid.UUID) -> str:
    """The mark of an appointment: who holds the database and not the secret cannot make it."""
    return hmac.new(secret.encode(), b"survey mark:" + appointment_id.bytes, hashlib.sha256).hexdigest()


def month_of(instant: datetime) -> date:
    """The first day of the month in Paris: everybody's months then end at one instant, and are closed for good."""
    return instant.astimezone(ZoneInfo(PARIS)).date().replace(day=1)


def invited_between(appointment: Appointment) -> tuple[datetime, datetime]:
    """From when to when the invitation may be written, in UTC: the day after at 10:00 where the insured is, for two days
    more should the service have been down (choice). A survey is never worth a message at a bad hour."""
    zone = ZoneInfo(appointment.zone)
    day = appointment.starts_at.astimezone(zone).date()
    opens = datetime.combine(day + timedelta(days=1), time(10), tzinfo=zone).astimezone(UTC)
    return opens, opens + timedelta(days=2)
