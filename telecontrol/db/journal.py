"""The journal: who did what, when, to which control, in the transaction of the change itself. Append-only."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, String, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from telecontrol.db.base import Base, HasId, only, words


class ActorKind(StrEnum):
    STAFF = "staff"
    INSURED = "insured"
    API = "api"
    PROVIDER = "provider"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts. `id` is the row's id as text (staff, API key, insured); `label` a role, never a name."""

    kind: ActorKind
    id: str = ""
    label: str = ""


SERVICE = Actor(ActorKind.SERVICE, "", "service")


class JournalEntry(HasId, Base):
    """One act. `detail` holds ids, codes and instants: never a name, an address, a number, a token or a health datum."""

    __tablename__ = "journal_entry"
    __table_args__ = (only("actor_kind", ActorKind), Index("ix_journal_entry_control_id_at", "control_id", "at"))

    at: Mapped[datetime]
    actor_kind: Mapped[ActorKind] = mapped_column(words(ActorKind))
    actor_id: Mapped[str] = mapped_column(String(64))
    actor_label: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(64))
    control_id: Mapped[uuid.UUID | None]
    subject_kind: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[str] = mapped_column(String(64))
    detail: Mapped[dict[str, Any]]


def record(
    session: AsyncSession,
    action: str,
    *,
    actor: Actor,
    now: datetime,
    control_id: uuid.UUID | None = None,
    subject_kind: str = "",
    subject_id: uuid.UUID | str = "",
    **detail: Any,
) -> JournalEntry:
    """Add a line in the present transaction. `action` is `noun.verb_past` (`appointment.booked`); `now` is aware."""
    entry = JournalEntry(
        at=now,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_label=actor.label,
        action=action,
        control_id=control_id,
        subject_kind=subject_kind,
        subject_id=str(subject_id),
        detail={key: _plain(value) for key, value in detail.items()},
    )
    session.add(entry)
    return entry


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, uuid.UUID | StrEnum):
        return str(value)
    return value


async def of_control(session: AsyncSession, control_id: uuid.UUID) -> list[JournalEntry]:
    """The lines of one control, oldest first."""
    found = await session.scalars(
        select(JournalEntry).where(JournalEntry.control_id == control_id).order_by(JournalEntry.at, JournalEntry.id)
    )
    return list(found)
