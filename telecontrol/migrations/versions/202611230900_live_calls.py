"""live calls and providers' callbacks"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from telecontrol.db.base import UtcDateTime

revision = "202611230900"
down_revision = "202611220423"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "live_call",
        sa.Column("room_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("state", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("posts", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("due_tick", sa.Float(), nullable=True),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["room_id"], ["call_room.id"], name=op.f("fk_live_call_room_id")),
        sa.PrimaryKeyConstraint("room_id", name=op.f("pk_live_call")),
    )
    op.create_table(
        "provider_hook",
        sa.Column("event_id", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("room_id", sa.Uuid(), nullable=True),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_provider_hook")),
    )
    with op.batch_alter_table("live_call", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_live_call_due_tick"), ["due_tick"], unique=False)
    with op.batch_alter_table("provider_hook", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_provider_hook_received_at"), ["received_at"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("provider_hook", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_provider_hook_received_at"))
    with op.batch_alter_table("live_call", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_live_call_due_tick"))

    op.drop_table("provider_hook")
    op.drop_table("live_call")
