"""A doctor's medical notes: sealed, saved as they are typed, read by the doctor concerned and by no other route (P13).

Nobody else's query meets them: an appointment of somebody else and no appointment at all give the same `NotFound`.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts.models import StaffUser
from telecontrol.controls.models import Doctor
from telecontrol.db.journal import SERVICE, Actor, ActorKind, record
from telecontrol.db.sealing import Sealer
from telecontrol.db.session import Database
from telecontrol.errors import Conflict, InvalidInput, NotFound
from telecontrol.reports.models import SealedNote
from telecontrol.scheduling.models import Appointment

LONGEST = 50_000
"""Characters of one note."""
_BATCH = 100


@dataclass(frozen=True, slots=True)
class Note:
    """What the doctor wrote. `revision` counts the savings: give it back with the next one."""

    text: str = field(repr=False)
    revision: int
    updated_at: datetime | None


async def read_note(session: AsyncSession, *, sealer: Sealer, appointment_id: uuid.UUID, user: StaffUser) -> Note:
    """The notes of the doctor who is `user` on their own appointment; empty, revision 0, before the first saving.

    Raises `NotFound` for everybody else, `Unavailable` when the key is missing.
    """
    doctor_id, _ = await _own(session, appointment_id, user)
    row = await session.scalar(_row_of(appointment_id, doctor_id))
    if row is None:
        return Note("", 0, None)
    return Note(_opened(row, sealer), row.revision, row.updated_at)


async def save_note(
    session: AsyncSession,
    *,
    sealer: Sealer,
    appointment_id: uuid.UUID,
    user: StaffUser,
    text: str,
    revision: int,
    now: datetime,
) -> Note:
    """Save what stands in the doctor's editor, which was opened at `revision`; the new revision is returned.

    The same text again changes nothing and succeeds. Raises `Conflict` (code `note_changed`, with the present `revision`) when
    another window saved in between: neither text is lost, the page shows both. Raises `NotFound` for everybody else.
    """
    doctor_id, control_id = await _own(session, appointment_id, user)
    if len(text) > LONGEST:
        raise InvalidInput(f"at most {LONGEST} characters", field="text", code="too_long")
    row = await session.scalar(_row_of(appointment_id, doctor_id).with_for_update())
    if row is None and revision == 0:
        made = await _insert(session, appointment_id, doctor_id, text, sealer=sealer, now=now)
        if made:
            actor = Actor(ActorKind.STAFF, str(user.id), str(user.role))
            record(session, "note.begun", actor=actor, now=now, control_id=control_id, subject_id=appointment_id)
            return Note(text, 1, now)
        row = await session.scalar(_row_of(appointment_id, doctor_id).with_for_update())
    if row is None:
        raise Conflict("these notes were saved elsewhere meanwhile", code="note_changed", revision=0)
    if _opened(row, sealer) == text:
        return Note(text, row.revision, row.updated_at)
    if row.revision != revision:
        raise Conflict("these notes were saved elsewhere meanwhile", code="note_changed", revision=row.revision)
    _seal_into(row, text, sealer)
    row.revision += 1
    row.updated_at = now
    await session.flush()
    return Note(text, row.revision, now)


async def reseal_batch(session: AsyncSession, *, sealer: Sealer, limit: int = _BATCH) -> int:
    """Seal again, with the installation's first key, up to `limit` notes that an older key sealed; how many there were.

    One batch is one transaction: killed halfway, what was committed stays readable and the rest is found again by its key id.
    """
    own = sealer.for_purpose("notes")
    rows = await session.scalars(
        select(SealedNote)
        .where(SealedNote.key_id != own.sealing_key_id)
        .order_by(SealedNote.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    count = 0
    for row in rows.all():
        _seal_into(row, _opened(row, sealer), sealer)
        count += 1
    return count


async def reseal_all(database: Database, *, sealer: Sealer, now: datetime, batch: int = _BATCH) -> int:
    """Reseal until nothing is left under an older key; how many notes there were."""
    total = 0
    while True:
        async with database.transaction() as session:
            count = await reseal_batch(session, sealer=sealer, limit=batch)
            if count:
                record(session, "notes.resealed", actor=SERVICE, now=now, count=count, key_id=sealer.sealing_key_id)
        total += count
        if count < batch:
            return total


async def _own(session: AsyncSession, appointment_id: uuid.UUID, user: StaffUser) -> tuple[uuid.UUID, uuid.UUID]:
    """The doctor and the control of an appointment that is this user's own."""
    found = await session.execute(
        select(Appointment.doctor_id, Appointment.control_id)
        .join(Doctor, Doctor.id == Appointment.doctor_id)
        .where(Appointment.id == appointment_id, Doctor.user_id == user.id)
    )
    row = found.one_or_none()
    if row is None or not user.is_active:
        raise NotFound("no such appointment")
    return row.doctor_id, row.control_id


def _row_of(appointment_id: uuid.UUID, doctor_id: uuid.UUID) -> Select[SealedNote]:
    wanted = (SealedNote.appointment_id == appointment_id, SealedNote.doctor_id == doctor_id)
    return select(SealedNote).where(*wanted).execution_options(populate_existing=True)


async def _insert(
    session: AsyncSession,
    appointment_id: uuid.UUID,
    doctor_id: uuid.UUID,
    text: str,
    *,
    sealer: Sealer,
    now: datetime,
) -> bool:
    """Whether this was the first saving: two windows may begin at once."""
    own = sealer.for_purpose("notes")
    note_id = uuid.uuid4()
    values = {
        "id": note_id,
        "appointment_id": appointment_id,
        "doctor_id": doctor_id,
        "key_id": own.sealing_key_id,
        "sealed": own.seal(text.encode("utf-8", "surrogatepass"), bound_to=_bound(note_id)),
        "updated_at": now,
        "revision": 1,
    }
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    statement = dialect.insert(SealedNote).values(values).on_conflict_do_nothing().returning(SealedNote.id)
    return await session.scalar(statement) is not None


def _opened(row: SealedNote, sealer: Sealer) -> str:
    return sealer.for_purpose("notes").open(row.sealed, bound_to=_bound(row.id)).decode("utf-8", "surrogatepass")


def _seal_into(row: SealedNote, text: str, sealer: Sealer) -> None:
    own = sealer.for_purpose("notes")
    row.sealed = own.seal(text.encode("utf-8", "surrogatepass"), bound_to=_bound(row.id))
    row.key_id = own.sealing_key_id


def _bound(note_id: uuid.UUID) -> str:
    return f"sealed_note:{note_id}:sealed"
