"""work mark"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from telecontrol.db.base import UtcDateTime

revision = "202611291442"
down_revision = "202611291441"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "work_mark",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("lineage", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("marked_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_mark")),
    )


def downgrade() -> None:
    op.drop_table("work_mark")
