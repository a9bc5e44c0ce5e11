"""What the insured prepares: what is at hand, what helps them, a language, who comes with them.

Closed lists, and one name. Nothing here is asked for, nothing follows from leaving it empty, and all of it can be changed until
the appointment begins. Who reads what is in `accounts.access`: the doctor all of it, the desk the language and that somebody
comes.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts.access import Action, Kind
from telecontrol.accounts.viewer import Viewer
from telecontrol.controls.policies import Mode
from telecontrol.db.journal import Actor, record
from telecontrol.errors import InvalidInput, WrongState
from telecontrol.scheduling.dossier import Dossier
from telecontrol.scheduling.endings import SUBJECT
from telecontrol.scheduling.models import AppointmentState, CompanionRole, Preparation
from telecontrol.tasks.desk import close_tasks, open_task
from telecontrol.tasks.models import Owner, TaskKind

SEATS_OF_A_CALL = 2
"""The insured and the doctor: a companion on a device of their own needs one more."""
LANGUAGES = ("fr", "en")
TIME_TO_FIND_ONE = timedelta(days=1)
"""Before the appointment, an interpreter should be found (choice)."""
_NAME = re.compile(r"[^\W\d_](?:[^\W\d_]|[ .'’-])*", re.UNICODE)


class Need(StrEnum):
    """Ways of going about it that help. Never why."""

    SPEAK_SLOWLY = "speak_slowly"
    WRITTEN_TOO = "written_too"
    FACE_IN_SIGHT = "face_in_sight"
    MORE_TIME = "more_time"
    BREAKS = "breaks"
    HELP_WITH_DEVICE = "help_with_device"
    STEP_FREE = "step_free"


BY_VIDEO = tuple(need for need in Need if need is not Need.STEP_FREE)
IN_PERSON = tuple(need for need in Need if need is not Need.HELP_WITH_DEVICE)


class InterpreterLanguage(StrEnum):
    """Languages that interpreters are asked for most, and one word for every other."""

    FRENCH_SIGN = "fsl"
    ARABIC = "ar"
    ARMENIAN = "hy"
    BENGALI = "bn"
    CHINESE = "zh"
    COMORIAN = "swb"
    CREOLE_ANTILLES = "gcf"
    CREOLE_GUIANA = "gcr"
    CREOLE_REUNION = "rcf"
    DARI = "prs"
    ENGLISH = "en"
    GEORGIAN = "ka"
    ITALIAN = "it"
    POLISH = "pl"
    PORTUGUESE = "pt"
    ROMANIAN = "ro"
    RUSSIAN = "ru"
    SPANISH = "es"
    TAMIL = "ta"
    TURKISH = "tr"
    UKRAINIAN = "uk"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Companion:
    name: str
    role: CompanionRole


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a preparation holds, as a value."""

    has_documents: bool = False
    has_quiet_place: bool = False
    needs: tuple[Need, ...] = ()
    language: str = ""
    interpreter: InterpreterLanguage | None = None
    companion: Companion | None = None

    @property
    def is_empty(self) -> bool:
        return self == Prepared()


def needs_offered(mode: Mode) -> tuple[Need, ...]:
    return BY_VIDEO if mode is Mode.VIDEO else IN_PERSON


def has_place_for_companion(mode: Mode, *, places: int) -> bool:
    """Whether somebody may be announced: in person always, by video where the provider has a seat for them."""
    return mode is not Mode.VIDEO or places > SEATS_OF_A_CALL


def read_companion(*, name: str, role: str) -> Companion | None:
    """Who is announced, as typed; None when both are left empty.

    Raises `InvalidInput`: `name_missing`, `name_unreadable` (anything but letters: no number, no address) or `role_missing`.
    """
    if not name.split() and not role:
        return None
    plain = read_name(name)
    if role not in set(CompanionRole):
        raise InvalidInput("say who they are", field="companion_role", code="role_missing")
    return Companion(plain, CompanionRole(role))


def read_prepared(
    *,
    has_documents: bool,
    has_quiet_place: bool,
    needs: Iterable[str],
    language: str,
    interpreter: str,
    companion: Companion | None,
) -> Prepared:
    """What a form says. Raises `InvalidInput` for a code outside the lists."""
    wanted = set(needs)
    if wanted - set(Need):
        raise InvalidInput("not one of the choices", field="needs", code="no_such_choice")
    if language and language not in LANGUAGES:
        raise InvalidInput("not one of the languages", field="language", code="no_such_choice")
    if interpreter and interpreter not in set(InterpreterLanguage):
        raise InvalidInput("not one of the languages", field="interpreter", code="no_such_choice")
    return Prepared(
        has_documents=has_documents,
        has_quiet_place=has_quiet_place,
        needs=tuple(need for need in Need if need in wanted),
        language=language,
        interpreter=InterpreterLanguage(interpreter) if interpreter else None,
        companion=companion,
    )


def can_prepare(dossier: Dossier, *, now: datetime) -> bool:
    """Until the appointment begins."""
    appointment = dossier.appointment
    return appointment.state is AppointmentState.BOOKED and now < appointment.starts_at


async def prepare(
    session: AsyncSession, *, dossier: Dossier, prepared: Prepared, places: int, actor: Actor, now: datetime
) -> None:
    """Keep what the insured prepared, in place of what they said before; the same again changes nothing.

    `dossier` is loaded with `lock=True`. Raises `WrongState` (`too_late_to_prepare`) once it has begun, `InvalidInput`
    (`no_place`) for a companion where the call has no seat for one.
    """
    if not can_prepare(dossier, now=now):
        raise WrongState("the appointment has begun", code="too_late_to_prepare")
    if prepared.companion is not None and not has_place_for_companion(dossier.appointment.mode, places=places):
        raise InvalidInput("this call has two seats", field="companion_name", code="no_place")
    row = await _row(session, dossier.control.id)
    if row is None and prepared.is_empty:
        return
    if row is not None and _value(row) == prepared:
        return
    await _ask_the_desk(session, dossier, row, prepared, actor=actor, now=now)
    row = row or await _new_row(session, dossier.control.id, now=now)
    row.has_documents, row.has_quiet_place = prepared.has_documents, prepared.has_quiet_place
    row.needs = [str(need) for need in prepared.needs]
    row.language = prepared.language
    row.interpreter = str(prepared.interpreter or "")
    row.companion_name = prepared.companion.name if prepared.companion else ""
    row.companion_role = prepared.companion.role if prepared.companion else None
    row.updated_at = now
    record(
        session,
        "preparation.saved",
        actor=actor,
        now=now,
        control_id=dossier.control.id,
        subject_kind=SUBJECT,
        subject_id=dossier.appointment.id,
        # Neither what helps them nor a name: the desk reads this.
        language=row.language,
        interpreter=row.interpreter,
        has_companion=prepared.companion is not None,
    )


async def _ask_the_desk(
    session: AsyncSession, dossier: Dossier, row: Preparation | None, prepared: Prepared, *, actor: Actor, now: datetime
) -> None:
    """An interpreter who is asked for is a task until somebody found one, or nobody is asked for any more."""
    wanted, before = str(prepared.interpreter or ""), row.interpreter if row is not None else ""
    control = dossier.control
    if wanted == before:
        return
    if not wanted:
        kind = TaskKind.INTERPRETER_WANTED
        await close_tasks(session, kind, subject_id=control.id, outcome="withdrawn", by=actor.id, now=now)
        return
    await open_task(
        session,
        TaskKind.INTERPRETER_WANTED,
        subject_kind="control",
        subject_id=control.id,
        control_id=control.id,
        organisation_id=control.organisation_id,
        owner=Owner.HANDLER,
        now=now,
        due_at=max(now, dossier.appointment.starts_at - TIME_TO_FIND_ONE),
        language=wanted,
    )


async def prepared_for(session: AsyncSession, viewer: Viewer, dossier: Dossier) -> Prepared:
    """What this viewer may read of a preparation: the fields that the table of access grants, the others empty.

    `dossier` came through the viewer's own rows. For whoever may only know that somebody comes see `is_companion_announced`.
    """
    row = await _row(session, dossier.control.id)
    if row is None:
        return Prepared()
    value = _value(row)

    def may(field: str) -> bool:
        return viewer.may(Action.READ, Kind.PREPARATION, field)

    return Prepared(
        has_documents=value.has_documents and may("checklist"),
        has_quiet_place=value.has_quiet_place and may("checklist"),
        needs=value.needs if may("needs") else (),
        language=value.language if may("language") else "",
        interpreter=value.interpreter if may("language") else None,
        companion=value.companion if may("companion") else None,
    )


async def is_companion_announced(session: AsyncSession, viewer: Viewer, dossier: Dossier) -> bool:
    """Whether somebody is to come with the insured. Raises `Forbidden` for a viewer who may not even know that."""
    viewer.require(Action.READ, Kind.PREPARATION, "companion_announced")
    row = await _row(session, dossier.control.id)
    return row is not None and row.companion_role is not None


async def announced_companion(session: AsyncSession, dossier: Dossier) -> Companion | None:
    """Who is to come with the insured. For their own link alone: nobody's page shows it by this way."""
    row = await _row(session, dossier.control.id)
    return None if row is None else _value(row).companion


def read_name(name: str) -> str:
    """A name as typed, its spaces put right. Raises `InvalidInput`: `name_missing` or `name_unreadable`."""
    plain = " ".join(name.split())
    if not plain:
        raise InvalidInput("a companion has a name", field="companion_name", code="name_missing")
    if len(plain) > 80 or not _NAME.fullmatch(plain):
        raise InvalidInput("not a name", field="companion_name", code="name_unreadable")
    return plain


async def _row(session: AsyncSession, control_id: uuid.UUID) -> Preparation | None:
    found: Preparation | None = await session.scalar(select(Preparation).where(Preparation.control_id == control_id))
    return found


async def _new_row(session: AsyncSession, control_id: uuid.UUID, *, now: datetime) -> Preparation:
    try:
        async with session.begin_nested():
            row = Preparation(control_id=control_id, created_at=now, updated_at=now, companion_name="")
            session.add(row)
        return row
    except IntegrityError:
        # Their other window made it between our look and our insert.
        found = await _row(session, control_id)
        if found is None:
            raise
        return found


def _value(row: Preparation) -> Prepared:
    return Prepared(
        has_documents=row.has_documents,
        has_quiet_place=row.has_quiet_place,
        needs=_known_needs(row.needs),
        language=row.language,
        interpreter=InterpreterLanguage(row.interpreter) if row.interpreter else None,
        companion=Companion(row.companion_name, row.companion_role) if row.companion_role else None,
    )


def _known_needs(codes: Collection[str]) -> tuple[Need, ...]:
    return tuple(need for need in Need if need in codes)
