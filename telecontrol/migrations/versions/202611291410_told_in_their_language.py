"""somebody waits for an absent doctor; a mandate in English"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "202611291410"
down_revision = "202611290955"
branch_labels = None
depends_on = None

_CHECK = "ck_task_kind_known"
_BEFORE = (
    "'control_to_book', 'in_person_to_book', 'absence_to_qualify', 'control_to_qualify', 'notice_at_risk', "
    "'notice_released', 'reminder_missed', 'bounce_after_limit', 'message_failed', 'message_late', 'target_paused', "
    "'signature_due', 'report_due', 'report_overdue', 'report_refused', 'doctor_unavailable', 'one_channel_only', 'interpreter_wanted'"
)


def upgrade() -> None:
    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f(_CHECK), type_="check")
        batch_op.create_check_constraint(batch_op.f(_CHECK), f"kind IN ({_BEFORE}, 'insured_waiting')")

    with op.batch_alter_table("organisation", schema=None) as batch_op:
        batch_op.add_column(sa.Column("mandate_en", sa.String(length=300), server_default="", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("organisation", schema=None) as batch_op:
        batch_op.drop_column("mandate_en")

    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f(_CHECK), type_="check")
        batch_op.create_check_constraint(batch_op.f(_CHECK), f"kind IN ({_BEFORE})")
