"""device tests"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from telecontrol.db.base import UtcDateTime

revision = "202611220358"
down_revision = "202611220001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "device_test",
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("tested_at", UtcDateTime(), nullable=False),
        sa.Column("problem", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device_test")),
    )
    with op.batch_alter_table("device_test", schema=None) as batch_op:
        batch_op.create_index("ix_device_test_subject_id_tested_at", ["subject_id", "tested_at"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("device_test", schema=None) as batch_op:
        batch_op.drop_index("ix_device_test_subject_id_tested_at")

    op.drop_table("device_test")
