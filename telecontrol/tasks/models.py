"""The table of tasks: at most one open per (kind, subject)."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from telecontrol.db.base import Base, HasId, only, words


class TaskKind(StrEnum):
    CONTROL_TO_BOOK = "control_to_book"
    IN_PERSON_TO_BOOK = "in_person_to_book"
    ABSENCE_TO_QUALIFY = "absence_to_qualify"
    CONTROL_TO_QUALIFY = "control_to_qualify"
    NOTICE_AT_RISK = "notice_at_risk"
    NOTICE_RELEASED = "notice_released"
    REMINDER_MISSED = "reminder_missed"
    BOUNCE_AFTER_LIMIT = "bounce_after_limit"
    MESSAGE_FAILED = "message_failed"
    MESSAGE_LATE = "message_late"
    TARGET_PAUSED = "target_paused"
    SIGNATURE_DUE = "signature_due"
    REPORT_DUE = "report_due"
    REPORT_OVERDUE = "report_overdue"
    REPORT_REFUSED = "report_refused"
    DOCTOR_UNAVAILABLE = "doctor_unavailable"
    ONE_CHANNEL_ONLY = "one_channel_only"
    INTERPRETER_WANTED = "interpreter_wanted"
    """The insured asks for one: `detail` names the language by its code."""
    INSURED_WAITING = "insured_waiting"
    CONCLUSION_BY_LETTER = "conclusion_by_letter"


class Owner(StrEnum):
    """The role whose queue the task stands in."""

    HANDLER = "handler"
    DOCTOR = "doctor"
    ADMINISTRATOR = "administrator"


class Task(HasId, Base):
    """Something a human must do. `level` rises with each alert (0 none yet; 1, 2, 3 for the policy's steps)."""

    __tablename__ = "task"
    __table_args__ = (
        only("kind", TaskKind),
        only("owner", Owner),
        Index(
            "uq_task_open",
            "kind",
            "subject_kind",
            "subject_id",
            unique=True,
            postgresql_where=text("done_at IS NULL"),
            sqlite_where=text("done_at IS NULL"),
        ),
        Index("ix_task_owner_done_at_due_at", "owner", "done_at", "due_at"),
    )

    kind: Mapped[TaskKind] = mapped_column(words(TaskKind))
    subject_kind: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[uuid.UUID]
    control_id: Mapped[uuid.UUID | None] = mapped_column(index=True)
    organisation_id: Mapped[uuid.UUID | None]
    owner: Mapped[Owner] = mapped_column(words(Owner))
    doctor_id: Mapped[uuid.UUID | None]
    created_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    level: Mapped[int] = mapped_column(default=0)
    claimed_by: Mapped[uuid.UUID | None]
    claimed_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    done_by: Mapped[str] = mapped_column(String(64), default="")
    outcome: Mapped[str] = mapped_column(String(80), default="")
    detail: Mapped[dict[str, Any]]
