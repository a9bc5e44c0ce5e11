"""an absence may turn out to have been the doctor's"""

from __future__ import annotations

from alembic import op

revision = "202611291420"
down_revision = "202611291410"
branch_labels = None
depends_on = None

_CHECK = "ck_absence_qualification_kind_known"


def upgrade() -> None:
    with op.batch_alter_table("absence_qualification", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f(_CHECK), type_="check")
        batch_op.create_check_constraint(
            batch_op.f(_CHECK), "kind IN ('excused_absence', 'technical_failure', 'doctor_unavailable')"
        )


def downgrade() -> None:
    with op.batch_alter_table("absence_qualification", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f(_CHECK), type_="check")
        batch_op.create_check_constraint(batch_op.f(_CHECK), "kind IN ('excused_absence', 'technical_failure')")
