"""survey answers"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "202611291440"
down_revision = "202611291430"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "survey_mark",
        sa.Column("mark", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("mark", name=op.f("pk_survey_mark")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "survey_answer",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("procedure", sa.String(length=40), nullable=False),
        sa.Column("month_on", sa.Date(), nullable=False),
        sa.Column("favourable", sa.String(length=40), nullable=False),
        sa.Column("satisfaction", sa.Integer(), nullable=False),
        sa.Column("remark", sa.String(length=500), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("favourable IN ('yes', 'no', 'no_opinion')", name=op.f("ck_survey_answer_favourable_known")),
        sa.CheckConstraint("procedure IN ('A', 'B', 'C')", name=op.f("ck_survey_answer_procedure_known")),
        sa.CheckConstraint("satisfaction BETWEEN 1 AND 5", name=op.f("ck_survey_answer_satisfaction_known")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_survey_answer_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey_answer")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("survey_answer", schema=None) as batch_op:
        batch_op.create_index(
            "ix_survey_answer_organisation_id_month_on", ["organisation_id", "month_on"], unique=False
        )


def downgrade() -> None:
    with op.batch_alter_table("survey_answer", schema=None) as batch_op:
        batch_op.drop_index("ix_survey_answer_organisation_id_month_on")

    op.drop_table("survey_answer")
    op.drop_table("survey_mark")
