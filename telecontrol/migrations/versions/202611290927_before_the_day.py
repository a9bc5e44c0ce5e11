"""before the day"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from telecontrol.db.base import UtcDateTime

revision = "202611290927"
down_revision = "202611230900"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "access_code",
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("appointment_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["visit_id"], ["insured_visit.id"], name=op.f("fk_access_code_visit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_code")),
    )
    with op.batch_alter_table("access_code", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_access_code_appointment_id"), ["appointment_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_access_code_visit_id"), ["visit_id"], unique=False)

    op.create_table(
        "preparation",
        sa.Column("control_id", sa.Uuid(), nullable=False),
        sa.Column("has_documents", sa.Boolean(), nullable=False),
        sa.Column("has_quiet_place", sa.Boolean(), nullable=False),
        sa.Column("needs", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("interpreter", sa.String(length=20), nullable=False),
        sa.Column("companion_name", sa.String(length=80), nullable=False),
        sa.Column("companion_role", sa.String(length=40), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "(companion_role IS NULL) = (companion_name = '')", name=op.f("ck_preparation_companion_named")
        ),
        sa.CheckConstraint(
            "companion_role IS NULL OR companion_role IN ('relative', 'interpreter', 'sign_language_interpreter', 'other')",
            name=op.f("ck_preparation_companion_role_known"),
        ),
        sa.ForeignKeyConstraint(["control_id"], ["control.id"], name=op.f("fk_preparation_control_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_preparation")),
        sa.UniqueConstraint("control_id", name=op.f("uq_preparation_control_id")),
    )
    with op.batch_alter_table("device_test", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "steps",
                sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
                server_default=sa.text("'{}'"),
                nullable=False,
            )
        )
        batch_op.add_column(sa.Column("route", sa.String(length=10), server_default="", nullable=False))

    with op.batch_alter_table("insured_link", schema=None) as batch_op:
        batch_op.add_column(sa.Column("channel", sa.String(length=10), server_default="", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("insured_link", schema=None) as batch_op:
        batch_op.drop_column("channel")

    with op.batch_alter_table("device_test", schema=None) as batch_op:
        batch_op.drop_column("route")
        batch_op.drop_column("steps")

    op.drop_table("preparation")
    with op.batch_alter_table("access_code", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_access_code_visit_id"))
        batch_op.drop_index(batch_op.f("ix_access_code_appointment_id"))

    op.drop_table("access_code")
