"""Tables of the survey: answers that nobody can be found behind, and the marks that an appointment has answered.

Neither table keeps an instant, a journal line or an order: rows lie sorted by random names on SQLite, and a mark is a keyed hash,
so that the database alone does not tell whose it is (docs/decisions/0009-survey.md).
"""

from __future__ import annotations

import uuid
from datetime import date
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from telecontrol.controls.models import Procedure
from telecontrol.db.base import Base, HasId, only, words


class Favourable(StrEnum):
    """Whether somebody would take another control by video."""

    YES = "yes"
    NO = "no"
    NO_OPINION = "no_opinion"


class SurveyAnswer(HasId, Base):
    """One answer, apart from whoever gave it: no appointment, no control, no hour."""

    __tablename__ = "survey_answer"
    __table_args__ = (
        only("procedure", Procedure),
        only("favourable", Favourable),
        CheckConstraint("satisfaction BETWEEN 1 AND 5", name="satisfaction_known"),
        Index("ix_survey_answer_organisation_id_month_on", "organisation_id", "month_on"),
        {"sqlite_with_rowid": False},
    )

    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisation.id"))
    procedure: Mapped[Procedure] = mapped_column(words(Procedure))
    month_on: Mapped[date]
    """First day of the month in which it was given, in Paris."""
    favourable: Mapped[Favourable] = mapped_column(words(Favourable))
    satisfaction: Mapped[int]
    """1 (very poor) to 5 (very good)."""
    remark: Mapped[str] = mapped_column(String(500), default="")


class SurveyMark(Base):
    """That an appointment has answered: its name under the service's secret, and nothing else."""

    __tablename__ = "survey_mark"
    __table_args__ = ({"sqlite_with_rowid": False},)

    mark: Mapped[str] = mapped_column(String(64), primary_key=True)
