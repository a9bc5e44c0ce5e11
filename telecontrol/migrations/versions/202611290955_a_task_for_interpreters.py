"""a task for interpreters"""

from __future__ import annotations

from alembic import op

revision = "202611290955"
down_revision = "202611290927"
branch_labels = None
depends_on = None

_BEFORE = (
    "control_to_book",
    "in_person_to_book",
    "absence_to_qualify",
    "control_to_qualify",
    "notice_at_risk",
    "notice_released",
    "reminder_missed",
    "bounce_after_limit",
    "message_failed",
    "message_late",
    "target_paused",
    "signature_due",
    "report_due",
    "report_overdue",
    "report_refused",
    "doctor_unavailable",
    "one_channel_only",
)


def upgrade() -> None:
    _allow((*_BEFORE, "interpreter_wanted"))


def downgrade() -> None:
    op.execute("DELETE FROM task WHERE kind = 'interpreter_wanted'")
    _allow(_BEFORE)


def _allow(kinds: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_task_kind_known"), type_="check")
        batch_op.create_check_constraint(op.f("ck_task_kind_known"), f"kind IN ({listed})")
