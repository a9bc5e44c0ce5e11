"""The first schema"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from telecontrol.db.base import UtcDateTime

revision = "202611220001"
down_revision = None
branch_labels = None
depends_on = None


# The database's own guards against double booking, as they were at this migration.
_ON_POSTGRESQL = [
    "CREATE EXTENSION IF NOT EXISTS btree_gist",
    "ALTER TABLE appointment ADD CONSTRAINT ex_appointment_doctor EXCLUDE USING gist (doctor_id WITH =, tstzrange(starts_at, busy_until, '[)') WITH &&) WHERE (doctor_id IS NOT NULL AND state IN ('held', 'booked', 'in_progress', 'over', 'attended', 'not_attended'))",
    "ALTER TABLE appointment ADD CONSTRAINT ex_appointment_insured EXCLUDE USING gist (insured_id WITH =, tstzrange(starts_at, busy_until, '[)') WITH &&) WHERE (insured_id IS NOT NULL AND state IN ('held', 'booked', 'in_progress', 'over', 'attended', 'not_attended'))",
    "ALTER TABLE appointment ADD CONSTRAINT ex_appointment_room EXCLUDE USING gist (room_id WITH =, tstzrange(starts_at, busy_until, '[)') WITH &&) WHERE (room_id IS NOT NULL AND state IN ('held', 'booked', 'in_progress', 'over', 'attended', 'not_attended'))",
]
_ON_SQLITE = [
    "CREATE TRIGGER ex_appointment_doctor_insert BEFORE INSERT ON appointment WHEN NEW.doctor_id IS NOT NULL AND NEW.state IN ('held', 'booked', 'in_progress', 'over', 'attended', 'not_attended') BEGIN SELECT RAISE(ABORT, 'ex_appointment_doctor') WHERE EXISTS (SELECT 1 FROM appointment AS other WHERE other.id <> NEW.id AND other.doctor_id = NEW.doctor_id AND other.state IN ('held', 'booked', 'in_progress', 'over', 'attended', 'not_attended') AND other.starts_at < NEW.busy_until AND NEW.starts_at < other.busy_until); END",
    "CREATE TRIGGER ex_appointment_doctor_update BEFORE UPDATE ON appointment WHEN NEW.doctor_id IS NOT NULL AND NEW.state IN ('held', 'booked', 'in_progress', 'over', 'attended', 'not_attended') BEGIN SELECT RAISE(ABORT, 'ex_appointment_doctor') WHERE EXISTS (SELECT 1 FROM appointment AS other WHERE other.id <> NEW.id AND other.doctor_id = NEW.doctor_id AND other.state IN ('held', 'booked', 'in_progress', 'over', 'attended', 'not_attended') AND other.starts_at < NEW.busy_until AND NEW.starts_at < other.busy_until); END",
    "CREATE TRIGGER ex_appointment_insured_insert BEFORE INSERT ON appointment WHEN NEW.insured_id IS NOT NULL AND NEW.state IN ('held', 'booked', 'in_progress', 'over', 'attended', 'not_attended') BEGIN SELECT RAISE(ABORT, 'ex_appointment_insured') WHERE EXISTS (SELECT 1 FROM appointment AS other WHERE other.id <> NEW.id AND other.insured_id = NEW.insured_id AND other.state IN ('held', 'booked', 'in_progress', 'over', 'attended', 'not_attended') AND other.starts_at < NEW.busy_until AND NEW.starts_at < other.busy_until); END",
    "CREATE TRIGGER ex_appointment_insured_update BEFORE UPDATE ON appointment WHEN NEW.insured_id IS NOT NULL AND NEW.state IN ('held', 'booked', 'in_progress', 'over', 'attended', 'not_attended') BEGIN SELECT RAISE(ABORT, 'ex_appointment_insured') WHERE EXISTS (SELECT 1 FROM appointment AS other WHERE other.id <> NEW.id AND other.insured_id = NEW.insured_id AND other.state IN ('held', 'booked', 'in_progress', 'over', 'attended', 'not_attended') AND other.starts_at < NEW.busy_until AND NEW.starts_at < other.busy_until); END",
    "CREATE TRIGGER ex_appointment_room_insert BEFORE INSERT ON appointment WHEN NEW.room_id IS NOT NULL AND NEW.state IN ('held', 'booked', 'in_progress', 'over', 'attended', 'not_attended') BEGIN SELECT RAISE(ABORT, 'ex_appointment_room') WHERE EXISTS (SELECT 1 FROM appointment AS other WHERE other.id <> NEW.id AND other.room_id = NEW.room_id AND other.state IN ('held', 'booked', 'in_progress', 'over', 'attended', 'not_attended') AND other.starts_at < NEW.busy_until AND NEW.starts_at < other.busy_until); END",
    "CREATE TRIGGER ex_appointment_room_update BEFORE UPDATE ON appointment WHEN NEW.room_id IS NOT NULL AND NEW.state IN ('held', 'booked', 'in_progress', 'over', 'attended', 'not_attended') BEGIN SELECT RAISE(ABORT, 'ex_appointment_room') WHERE EXISTS (SELECT 1 FROM appointment AS other WHERE other.id <> NEW.id AND other.room_id = NEW.room_id AND other.state IN ('held', 'booked', 'in_progress', 'over', 'attended', 'not_attended') AND other.starts_at < NEW.busy_until AND NEW.starts_at < other.busy_until); END",
]


def upgrade() -> None:
    op.create_table(
        "call_room",
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("opens_at", UtcDateTime(), nullable=False),
        sa.Column("closes_at", UtcDateTime(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("provider IN ('builtin', 'livekit')", name=op.f("ck_call_room_provider_known")),
        sa.CheckConstraint("closes_at > opens_at", name=op.f("ck_call_room_closes_after_opening")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_room")),
    )
    with op.batch_alter_table("call_room", schema=None) as batch_op:
        batch_op.create_index("ix_call_room_subject_id", ["subject_id"], unique=False)
        batch_op.create_index(
            "uq_call_room_open",
            ["subject_id"],
            unique=True,
            postgresql_where=sa.text("closed_at IS NULL"),
            sqlite_where=sa.text("closed_at IS NULL"),
        )

    op.create_table(
        "failed_try",
        sa.Column("scope", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_failed_try")),
    )
    with op.batch_alter_table("failed_try", schema=None) as batch_op:
        batch_op.create_index("ix_failed_try_scope_key_at", ["scope", "key", "at"], unique=False)

    op.create_table(
        "insured_link",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("appointment_id", sa.Uuid(), nullable=False),
        sa.Column("insured_id", sa.Uuid(), nullable=False),
        sa.Column("control_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(length=40), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.Column("failed_count", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("purpose IN ('view', 'act')", name=op.f("ck_insured_link_purpose_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_insured_link")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_insured_link_token_hash")),
    )
    with op.batch_alter_table("insured_link", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_insured_link_appointment_id"), ["appointment_id"], unique=False)

    op.create_table(
        "insurer",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("gateway_url", sa.String(length=300), nullable=False),
        sa.Column("gateway_key_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_insurer")),
        sa.UniqueConstraint("code", name=op.f("uq_insurer_code")),
    )
    op.create_table(
        "insurer_inbox_mode",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("mode", sa.String(length=40), nullable=False),
        sa.Column("remaining", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "mode IN ('accept', 'refuse', 'lose_reply', 'slow', 'error')", name=op.f("ck_insurer_inbox_mode_mode_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_insurer_inbox_mode")),
    )
    op.create_table(
        "insurer_inbox_report",
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("digest", sa.String(length=120), nullable=False),
        sa.Column("acknowledgement_id", sa.String(length=120), nullable=False),
        sa.Column("document", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("times_received", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_insurer_inbox_report")),
        sa.UniqueConstraint("key", name=op.f("uq_insurer_inbox_report_key")),
    )
    op.create_table(
        "intent",
        sa.Column("target", sa.String(length=20), nullable=False),
        sa.Column("subject_kind", sa.String(length=40), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=60), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("recipient", sa.String(length=254), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("control_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("not_before", UtcDateTime(), nullable=False),
        sa.Column("not_after", UtcDateTime(), nullable=False),
        sa.Column("deadline_at", UtcDateTime(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("next_attempt_at", UtcDateTime(), nullable=False),
        sa.Column("voided_at", UtcDateTime(), nullable=True),
        sa.Column("void_reason", sa.String(length=80), nullable=False),
        sa.Column("accepted_at", UtcDateTime(), nullable=True),
        sa.Column("provider_id", sa.String(length=254), nullable=False),
        sa.Column("delivery", sa.String(length=40), nullable=False),
        sa.Column("delivery_at", UtcDateTime(), nullable=True),
        sa.Column("failure_code", sa.String(length=80), nullable=False),
        sa.Column("attempts_made", sa.Integer(), nullable=False),
        sa.Column("temporary_refusals", sa.Integer(), nullable=False),
        sa.Column("resends_after_ambiguity", sa.Integer(), nullable=False),
        sa.Column("late_flagged_at", UtcDateTime(), nullable=True),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("context_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "delivery IN ('unknown', 'queued', 'sent', 'delivered', 'undelivered', 'failed')",
            name=op.f("ck_intent_delivery_known"),
        ),
        sa.CheckConstraint(
            "state IN ('pending', 'sending', 'unsettled', 'accepted', 'failed', 'cancelled', 'waived')",
            name=op.f("ck_intent_state_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intent")),
        sa.UniqueConstraint(
            "subject_kind",
            "subject_id",
            "version",
            "kind",
            "channel",
            "recipient",
            name=op.f("uq_intent_subject_kind_subject_id_version_kind_channel_recipient"),
        ),
    )
    with op.batch_alter_table("intent", schema=None) as batch_op:
        batch_op.create_index("ix_intent_control_id", ["control_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_intent_provider_id"), ["provider_id"], unique=False)
        batch_op.create_index("ix_intent_state_deadline_at", ["state", "deadline_at"], unique=False)
        batch_op.create_index("ix_intent_state_next_attempt_at", ["state", "next_attempt_at"], unique=False)
        batch_op.create_index("ix_intent_state_not_after", ["state", "not_after"], unique=False)

    op.create_table(
        "journal_entry",
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor_kind", sa.String(length=40), nullable=False),
        sa.Column("actor_id", sa.String(length=64), nullable=False),
        sa.Column("actor_label", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("control_id", sa.Uuid(), nullable=True),
        sa.Column("subject_kind", sa.String(length=40), nullable=False),
        sa.Column("subject_id", sa.String(length=64), nullable=False),
        sa.Column("detail", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "actor_kind IN ('staff', 'insured', 'api', 'provider', 'service')",
            name=op.f("ck_journal_entry_actor_kind_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal_entry")),
    )
    with op.batch_alter_table("journal_entry", schema=None) as batch_op:
        batch_op.create_index("ix_journal_entry_control_id_at", ["control_id", "at"], unique=False)

    op.create_table(
        "local_message",
        sa.Column("intent_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=60), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("recipient", sa.String(length=254), nullable=False),
        sa.Column("sender", sa.String(length=300), nullable=False),
        sa.Column("subject", sa.String(length=998), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("calendar", sa.Text(), nullable=False),
        sa.Column("segments", sa.Integer(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_local_message")),
    )
    with op.batch_alter_table("local_message", schema=None) as batch_op:
        batch_op.create_index("ix_local_message_channel_received_at", ["channel", "received_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_local_message_intent_id"), ["intent_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_local_message_recipient"), ["recipient"], unique=False)

    op.create_table(
        "organisation",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("mandate", sa.String(length=300), nullable=False),
        sa.Column("accent_colour", sa.String(length=7), nullable=False),
        sa.Column("phone", sa.String(length=32), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation")),
        sa.UniqueConstraint("code", name=op.f("uq_organisation_code")),
    )
    op.create_table(
        "paused_target",
        sa.Column("target", sa.String(length=20), nullable=False),
        sa.Column("paused_at", UtcDateTime(), nullable=False),
        sa.Column("until_at", UtcDateTime(), nullable=False),
        sa.Column("code", sa.String(length=80), nullable=False),
        sa.PrimaryKeyConstraint("target", name=op.f("pk_paused_target")),
    )
    op.create_table(
        "procedure_policy",
        sa.Column("procedure", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("valid_from_on", sa.Date(), nullable=False),
        sa.Column("rules", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("procedure IN ('A', 'B', 'C')", name=op.f("ck_procedure_policy_procedure_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_procedure_policy")),
        sa.UniqueConstraint("procedure", "version", name=op.f("uq_procedure_policy_procedure_version")),
    )
    op.create_table(
        "receipt",
        sa.Column("target", sa.String(length=20), nullable=False),
        sa.Column("event_key", sa.String(length=200), nullable=False),
        sa.Column("provider_id", sa.String(length=254), nullable=False),
        sa.Column("intent_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("code", sa.String(length=80), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("detail", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipt")),
        sa.UniqueConstraint("target", "event_key", name=op.f("uq_receipt_target_event_key")),
    )
    with op.batch_alter_table("receipt", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_receipt_intent_id"), ["intent_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_receipt_provider_id"), ["provider_id"], unique=False)

    op.create_table(
        "site",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("address", sa.String(length=300), nullable=False),
        sa.Column("postcode", sa.String(length=10), nullable=False),
        sa.Column("city", sa.String(length=80), nullable=False),
        sa.Column("access", sa.String(length=500), nullable=False),
        sa.Column("phone", sa.String(length=20), nullable=False),
        sa.Column("zone", sa.String(length=40), nullable=False),
        sa.Column("departments", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site")),
        sa.UniqueConstraint("code", name=op.f("uq_site_code")),
    )
    op.create_table(
        "task",
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("subject_kind", sa.String(length=40), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("control_id", sa.Uuid(), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("owner", sa.String(length=40), nullable=False),
        sa.Column("doctor_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("claimed_by", sa.Uuid(), nullable=True),
        sa.Column("claimed_at", UtcDateTime(), nullable=True),
        sa.Column("done_at", UtcDateTime(), nullable=True),
        sa.Column("done_by", sa.String(length=64), nullable=False),
        sa.Column("outcome", sa.String(length=80), nullable=False),
        sa.Column("detail", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('control_to_book', 'in_person_to_book', 'absence_to_qualify', 'control_to_qualify', 'notice_at_risk', 'notice_released', 'reminder_missed', 'bounce_after_limit', 'message_failed', 'message_late', 'target_paused', 'signature_due', 'report_due', 'report_overdue', 'report_refused', 'doctor_unavailable', 'one_channel_only')",
            name=op.f("ck_task_kind_known"),
        ),
        sa.CheckConstraint("owner IN ('handler', 'doctor', 'administrator')", name=op.f("ck_task_owner_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task")),
    )
    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_task_control_id"), ["control_id"], unique=False)
        batch_op.create_index("ix_task_owner_done_at_due_at", ["owner", "done_at", "due_at"], unique=False)
        batch_op.create_index(
            "uq_task_open",
            ["kind", "subject_kind", "subject_id"],
            unique=True,
            postgresql_where=sa.text("done_at IS NULL"),
            sqlite_where=sa.text("done_at IS NULL"),
        )

    op.create_table(
        "api_key",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("last_used_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name=op.f("fk_api_key_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_api_key_key_hash")),
    )
    with op.batch_alter_table("api_key", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_api_key_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "attempt",
        sa.Column("intent_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("code", sa.String(length=80), nullable=False),
        sa.Column("phase", sa.String(length=40), nullable=False),
        sa.Column("provider_id", sa.String(length=254), nullable=False),
        sa.Column("reply", sa.String(length=500), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "state IN ('open', 'accepted', 'rejected_temporary', 'rejected_permanent', 'ambiguous')",
            name=op.f("ck_attempt_state_known"),
        ),
        sa.ForeignKeyConstraint(["intent_id"], ["intent.id"], name=op.f("fk_attempt_intent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt")),
        sa.UniqueConstraint("intent_id", "number", name=op.f("uq_attempt_intent_id_number")),
    )
    with op.batch_alter_table("attempt", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_attempt_intent_id"), ["intent_id"], unique=False)
        batch_op.create_index(
            "ix_attempt_open",
            ["started_at"],
            unique=False,
            postgresql_where=sa.text("state = 'open'"),
            sqlite_where=sa.text("state = 'open'"),
        )
        batch_op.create_index(batch_op.f("ix_attempt_provider_id"), ["provider_id"], unique=False)

    op.create_table(
        "attendance_event",
        sa.Column("room_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("event", sa.String(length=40), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("detail", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "event IN ('arrived', 'waiting', 'admitted', 'joined', 'media_flowing', 'away', 'returned', 'left', 'admission_refused', 'technical_problem')",
            name=op.f("ck_attendance_event_event_known"),
        ),
        sa.CheckConstraint("role IN ('doctor', 'insured')", name=op.f("ck_attendance_event_role_known")),
        sa.CheckConstraint("source IN ('server', 'client', 'webhook')", name=op.f("ck_attendance_event_source_known")),
        sa.ForeignKeyConstraint(["room_id"], ["call_room.id"], name=op.f("fk_attendance_event_room_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendance_event")),
    )
    with op.batch_alter_table("attendance_event", schema=None) as batch_op:
        batch_op.create_index("ix_attendance_event_room_id_at", ["room_id", "at"], unique=False)

    op.create_table(
        "consulting_room",
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_consulting_room_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consulting_room")),
        sa.UniqueConstraint("site_id", "name", name=op.f("uq_consulting_room_site_id_name")),
    )
    op.create_table(
        "import_job",
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("file_name", sa.String(length=200), nullable=False),
        sa.Column("file_hash", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("report", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("started_by", sa.String(length=64), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("kind IN ('controls', 'doctors', 'sites')", name=op.f("ck_import_job_kind_known")),
        sa.CheckConstraint(
            "state IN ('running', 'done', 'refused', 'interrupted')", name=op.f("ck_import_job_state_known")
        ),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name=op.f("fk_import_job_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_job")),
    )
    with op.batch_alter_table("import_job", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_import_job_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "insured",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("external_reference", sa.String(length=80), nullable=False),
        sa.Column("family_name", sa.String(length=120), nullable=False),
        sa.Column("given_name", sa.String(length=120), nullable=False),
        sa.Column("search_name", sa.String(length=250), nullable=False),
        sa.Column("birth_on", sa.Date(), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("phone", sa.String(length=20), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("address", sa.String(length=300), nullable=False),
        sa.Column("postcode", sa.String(length=10), nullable=False),
        sa.Column("city", sa.String(length=80), nullable=False),
        sa.Column("zone", sa.String(length=40), nullable=False),
        sa.Column("email_refused_at", UtcDateTime(), nullable=True),
        sa.Column("phone_refused_at", UtcDateTime(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name=op.f("fk_insured_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_insured")),
        sa.UniqueConstraint(
            "organisation_id", "external_reference", name=op.f("uq_insured_organisation_id_external_reference")
        ),
    )
    with op.batch_alter_table("insured", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_insured_organisation_id"), ["organisation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_insured_phone"), ["phone"], unique=False)
        batch_op.create_index(batch_op.f("ix_insured_search_name"), ["search_name"], unique=False)

    op.create_table(
        "insured_visit",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("link_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("verified_at", UtcDateTime(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["link_id"], ["insured_link.id"], name=op.f("fk_insured_visit_link_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_insured_visit")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_insured_visit_token_hash")),
    )
    with op.batch_alter_table("insured_visit", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_insured_visit_link_id"), ["link_id"], unique=False)

    op.create_table(
        "presence_span",
        sa.Column("room_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("began_at", UtcDateTime(), nullable=False),
        sa.Column("last_seen_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("role IN ('doctor', 'insured')", name=op.f("ck_presence_span_role_known")),
        sa.ForeignKeyConstraint(["room_id"], ["call_room.id"], name=op.f("fk_presence_span_room_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_presence_span")),
    )
    with op.batch_alter_table("presence_span", schema=None) as batch_op:
        batch_op.create_index("ix_presence_span_room_id", ["room_id"], unique=False)
        batch_op.create_index(
            "uq_presence_span_open",
            ["room_id", "role"],
            unique=True,
            postgresql_where=sa.text("ended_at IS NULL"),
            sqlite_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "site_hours",
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("opens", sa.Time(), nullable=False),
        sa.Column("closes", sa.Time(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("closes > opens", name=op.f("ck_site_hours_in_order")),
        sa.CheckConstraint("weekday BETWEEN 0 AND 6", name=op.f("ck_site_hours_weekday")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_site_hours_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site_hours")),
    )
    with op.batch_alter_table("site_hours", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_site_hours_site_id"), ["site_id"], unique=False)

    op.create_table(
        "staff_user",
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("display_name", sa.String(length=120), nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("failed_count", sa.Integer(), nullable=False),
        sa.Column("locked_until", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("role IN ('handler', 'doctor', 'administrator')", name=op.f("ck_staff_user_role_known")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name=op.f("fk_staff_user_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_user")),
        sa.UniqueConstraint("email", name=op.f("uq_staff_user_email")),
    )
    op.create_table(
        "waiting_entry",
        sa.Column("room_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("arrived_at", UtcDateTime(), nullable=False),
        sa.Column("last_seen_at", UtcDateTime(), nullable=False),
        sa.Column("admitted_at", UtcDateTime(), nullable=True),
        sa.Column("admitted_by", sa.String(length=64), nullable=False),
        sa.Column("delay_minutes", sa.Integer(), nullable=True),
        sa.Column("left_at", UtcDateTime(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("role IN ('doctor', 'insured')", name=op.f("ck_waiting_entry_role_known")),
        sa.ForeignKeyConstraint(["room_id"], ["call_room.id"], name=op.f("fk_waiting_entry_room_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waiting_entry")),
    )
    with op.batch_alter_table("waiting_entry", schema=None) as batch_op:
        batch_op.create_index("ix_waiting_entry_room_id", ["room_id"], unique=False)
        batch_op.create_index(
            "uq_waiting_entry_open",
            ["room_id", "role"],
            unique=True,
            postgresql_where=sa.text("left_at IS NULL"),
            sqlite_where=sa.text("left_at IS NULL"),
        )

    op.create_table(
        "api_request",
        sa.Column("api_key_id", sa.Uuid(), nullable=False),
        sa.Column("idempotency_key", sa.String(length=128), nullable=False),
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["api_key_id"], ["api_key.id"], name=op.f("fk_api_request_api_key_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_request")),
        sa.UniqueConstraint("api_key_id", "idempotency_key", name=op.f("uq_api_request_api_key_id_idempotency_key")),
    )
    op.create_table(
        "control",
        sa.Column("reference", sa.String(length=16), nullable=False),
        sa.Column("external_reference", sa.String(length=80), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("insurer_id", sa.Uuid(), nullable=False),
        sa.Column("insured_id", sa.Uuid(), nullable=False),
        sa.Column("procedure", sa.String(length=40), nullable=False),
        sa.Column("policy_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("leave_starts_on", sa.Date(), nullable=False),
        sa.Column("leave_ends_on", sa.Date(), nullable=False),
        sa.Column("prescriber_name", sa.String(length=120), nullable=False),
        sa.Column("prescriber_rpps", sa.String(length=11), nullable=False),
        sa.Column("treating_rpps", sa.String(length=11), nullable=False),
        sa.Column("requested_at", UtcDateTime(), nullable=False),
        sa.Column("state_since_at", UtcDateTime(), nullable=False),
        sa.Column("needs_in_person", sa.Boolean(), nullable=False),
        sa.Column("identity_failures", sa.Integer(), nullable=False),
        sa.Column("moves_by_insured", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("procedure IN ('A', 'B', 'C')", name=op.f("ck_control_procedure_known")),
        sa.CheckConstraint(
            "state IN ('requested', 'taken_in_charge', 'to_book', 'booked', 'in_person_to_book', 'absence_to_qualify', 'to_qualify', 'concluded', 'reported', 'closed', 'cancelled')",
            name=op.f("ck_control_state_known"),
        ),
        sa.CheckConstraint("leave_ends_on >= leave_starts_on", name=op.f("ck_control_leave_in_order")),
        sa.ForeignKeyConstraint(["insured_id"], ["insured.id"], name=op.f("fk_control_insured_id")),
        sa.ForeignKeyConstraint(["insurer_id"], ["insurer.id"], name=op.f("fk_control_insurer_id")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name=op.f("fk_control_organisation_id")),
        sa.ForeignKeyConstraint(["policy_id"], ["procedure_policy.id"], name=op.f("fk_control_policy_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_control")),
        sa.UniqueConstraint(
            "organisation_id", "external_reference", name=op.f("uq_control_organisation_id_external_reference")
        ),
        sa.UniqueConstraint("reference", name=op.f("uq_control_reference")),
    )
    with op.batch_alter_table("control", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_control_insured_id"), ["insured_id"], unique=False)
        batch_op.create_index("ix_control_state_organisation_id", ["state", "organisation_id"], unique=False)

    op.create_table(
        "doctor",
        sa.Column("rpps", sa.String(length=11), nullable=False),
        sa.Column("family_name", sa.String(length=120), nullable=False),
        sa.Column("given_name", sa.String(length=120), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("phone", sa.String(length=20), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("zone", sa.String(length=40), nullable=False),
        sa.Column("works_on_holidays", sa.Boolean(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["staff_user.id"], name=op.f("fk_doctor_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_doctor")),
        sa.UniqueConstraint("rpps", name=op.f("uq_doctor_rpps")),
        sa.UniqueConstraint("user_id", name=op.f("uq_doctor_user_id")),
    )
    op.create_table(
        "staff_sign_in",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("last_seen_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["staff_user.id"], name=op.f("fk_staff_sign_in_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_sign_in")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_staff_sign_in_token_hash")),
    )
    with op.batch_alter_table("staff_sign_in", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_staff_sign_in_user_id"), ["user_id"], unique=False)

    op.create_table(
        "agenda_exception",
        sa.Column("doctor_id", sa.Uuid(), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("opens", sa.Time(), nullable=False),
        sa.Column("closes", sa.Time(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("mode", sa.String(length=40), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "mode IN ('video', 'surgery', 'home', 'phone')", name=op.f("ck_agenda_exception_mode_known")
        ),
        sa.CheckConstraint("closes > opens", name=op.f("ck_agenda_exception_in_order")),
        sa.ForeignKeyConstraint(["doctor_id"], ["doctor.id"], name=op.f("fk_agenda_exception_doctor_id")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_agenda_exception_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agenda_exception")),
    )
    with op.batch_alter_table("agenda_exception", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_agenda_exception_doctor_id"), ["doctor_id"], unique=False)

    op.create_table(
        "appointment",
        sa.Column("control_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("insured_id", sa.Uuid(), nullable=False),
        sa.Column("doctor_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("room_id", sa.Uuid(), nullable=True),
        sa.Column("mode", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("busy_until", UtcDateTime(), nullable=False),
        sa.Column("zone", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("notice_since_version", sa.Integer(), nullable=False),
        sa.Column("booked_at", UtcDateTime(), nullable=False),
        sa.Column("booked_by", sa.String(length=64), nullable=False),
        sa.Column("hard_limit_at", UtcDateTime(), nullable=False),
        sa.Column("notice_settled_at", UtcDateTime(), nullable=True),
        sa.Column("notice_flagged_at", UtcDateTime(), nullable=True),
        sa.Column("waiver_by", sa.Uuid(), nullable=True),
        sa.Column("waiver_at", UtcDateTime(), nullable=True),
        sa.Column("waiver_reason", sa.String(length=300), nullable=False),
        sa.Column("declined_at", UtcDateTime(), nullable=True),
        sa.Column("hold_until", UtcDateTime(), nullable=True),
        sa.Column("announced_at", UtcDateTime(), nullable=True),
        sa.Column("announced_reason", sa.String(length=40), nullable=False),
        sa.Column("announced_decision", sa.String(length=20), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("reminded_version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("(mode = 'surgery') = (site_id IS NOT NULL)", name=op.f("ck_appointment_site_for_surgery")),
        sa.CheckConstraint("mode IN ('video', 'surgery', 'home', 'phone')", name=op.f("ck_appointment_mode_known")),
        sa.CheckConstraint(
            "state IN ('held', 'booked', 'released', 'moved', 'cancelled_by_service', 'declined_by_insured', 'in_progress', 'over', 'attended', 'not_attended')",
            name=op.f("ck_appointment_state_known"),
        ),
        sa.CheckConstraint("busy_until >= ends_at", name=op.f("ck_appointment_busy_after_end")),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_appointment_ends_after_start")),
        sa.ForeignKeyConstraint(["control_id"], ["control.id"], name=op.f("fk_appointment_control_id")),
        sa.ForeignKeyConstraint(["doctor_id"], ["doctor.id"], name=op.f("fk_appointment_doctor_id")),
        sa.ForeignKeyConstraint(["insured_id"], ["insured.id"], name=op.f("fk_appointment_insured_id")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name=op.f("fk_appointment_organisation_id")),
        sa.ForeignKeyConstraint(["room_id"], ["consulting_room.id"], name=op.f("fk_appointment_room_id")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_appointment_site_id")),
        sa.ForeignKeyConstraint(["waiver_by"], ["staff_user.id"], name=op.f("fk_appointment_waiver_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appointment")),
    )
    with op.batch_alter_table("appointment", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_appointment_control_id"), ["control_id"], unique=False)
        batch_op.create_index("ix_appointment_doctor_id_starts_at", ["doctor_id", "starts_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_appointment_insured_id"), ["insured_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_appointment_organisation_id"), ["organisation_id"], unique=False)
        batch_op.create_index("ix_appointment_room_id_starts_at", ["room_id", "starts_at"], unique=False)
        batch_op.create_index("ix_appointment_state_starts_at", ["state", "starts_at"], unique=False)

    op.create_table(
        "doctor_absence",
        sa.Column("doctor_id", sa.Uuid(), nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_doctor_absence_in_order")),
        sa.ForeignKeyConstraint(["doctor_id"], ["doctor.id"], name=op.f("fk_doctor_absence_doctor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_doctor_absence")),
    )
    with op.batch_alter_table("doctor_absence", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_doctor_absence_doctor_id"), ["doctor_id"], unique=False)

    op.create_table(
        "doctor_approval",
        sa.Column("doctor_id", sa.Uuid(), nullable=False),
        sa.Column("procedure", sa.String(length=40), nullable=False),
        sa.Column("valid_from_on", sa.Date(), nullable=False),
        sa.Column("valid_until_on", sa.Date(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("procedure IN ('A', 'B', 'C')", name=op.f("ck_doctor_approval_procedure_known")),
        sa.ForeignKeyConstraint(["doctor_id"], ["doctor.id"], name=op.f("fk_doctor_approval_doctor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_doctor_approval")),
    )
    with op.batch_alter_table("doctor_approval", schema=None) as batch_op:
        batch_op.create_index("ix_doctor_approval_procedure", ["procedure", "doctor_id"], unique=False)

    op.create_table(
        "opening_range",
        sa.Column("doctor_id", sa.Uuid(), nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("opens", sa.Time(), nullable=False),
        sa.Column("closes", sa.Time(), nullable=False),
        sa.Column("mode", sa.String(length=40), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("valid_from_on", sa.Date(), nullable=True),
        sa.Column("valid_until_on", sa.Date(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "(mode = 'surgery') = (site_id IS NOT NULL)", name=op.f("ck_opening_range_site_for_surgery")
        ),
        sa.CheckConstraint("mode IN ('video', 'surgery', 'home', 'phone')", name=op.f("ck_opening_range_mode_known")),
        sa.CheckConstraint("closes > opens", name=op.f("ck_opening_range_in_order")),
        sa.CheckConstraint("weekday BETWEEN 0 AND 6", name=op.f("ck_opening_range_weekday")),
        sa.ForeignKeyConstraint(["doctor_id"], ["doctor.id"], name=op.f("fk_opening_range_doctor_id")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_opening_range_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opening_range")),
    )
    with op.batch_alter_table("opening_range", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_opening_range_doctor_id"), ["doctor_id"], unique=False)

    op.create_table(
        "absence_qualification",
        sa.Column("appointment_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("qualified_by", sa.Uuid(), nullable=False),
        sa.Column("qualified_at", UtcDateTime(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('excused_absence', 'technical_failure')", name=op.f("ck_absence_qualification_kind_known")
        ),
        sa.ForeignKeyConstraint(
            ["appointment_id"], ["appointment.id"], name=op.f("fk_absence_qualification_appointment_id")
        ),
        sa.ForeignKeyConstraint(
            ["qualified_by"], ["staff_user.id"], name=op.f("fk_absence_qualification_qualified_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_absence_qualification")),
        sa.UniqueConstraint("appointment_id", name=op.f("uq_absence_qualification_appointment_id")),
    )
    op.create_table(
        "conclusion",
        sa.Column("control_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("appointment_id", sa.Uuid(), nullable=False),
        sa.Column("doctor_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("result", sa.String(length=40), nullable=False),
        sa.Column("event_at", UtcDateTime(), nullable=False),
        sa.Column("circumstances", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("examination_took_place", sa.Boolean(), nullable=False),
        sa.Column("by_phone", sa.Boolean(), nullable=False),
        sa.Column("signed_at", UtcDateTime(), nullable=False),
        sa.Column("signed_by", sa.Uuid(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "result IN ('justified', 'not_justified', 'needs_physical_examination', 'video_declined', 'excused_absence', 'unexcused_absence', 'control_refused', 'identity_not_established', 'technical_failure', 'doctor_unavailable', 'impossible_not_attributable')",
            name=op.f("ck_conclusion_result_known"),
        ),
        sa.ForeignKeyConstraint(["appointment_id"], ["appointment.id"], name=op.f("fk_conclusion_appointment_id")),
        sa.ForeignKeyConstraint(["control_id"], ["control.id"], name=op.f("fk_conclusion_control_id")),
        sa.ForeignKeyConstraint(["doctor_id"], ["doctor.id"], name=op.f("fk_conclusion_doctor_id")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name=op.f("fk_conclusion_organisation_id")),
        sa.ForeignKeyConstraint(["signed_by"], ["staff_user.id"], name=op.f("fk_conclusion_signed_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conclusion")),
        sa.UniqueConstraint("appointment_id", "version", name=op.f("uq_conclusion_appointment_id_version")),
    )
    with op.batch_alter_table("conclusion", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_conclusion_control_id"), ["control_id"], unique=False)

    op.create_table(
        "notice_decision",
        sa.Column("appointment_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["appointment_id"], ["appointment.id"], name=op.f("fk_notice_decision_appointment_id")),
        sa.ForeignKeyConstraint(["decided_by"], ["staff_user.id"], name=op.f("fk_notice_decision_decided_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_decision")),
        sa.UniqueConstraint(
            "appointment_id", "version", "channel", name=op.f("uq_notice_decision_appointment_id_version_channel")
        ),
    )
    op.create_table(
        "past_version",
        sa.Column("appointment_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("doctor_id", sa.Uuid(), nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("replaced_at", UtcDateTime(), nullable=False),
        sa.Column("replaced_by", sa.String(length=64), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "state IN ('held', 'booked', 'released', 'moved', 'cancelled_by_service', 'declined_by_insured', 'in_progress', 'over', 'attended', 'not_attended')",
            name=op.f("ck_past_version_state_known"),
        ),
        sa.ForeignKeyConstraint(["appointment_id"], ["appointment.id"], name=op.f("fk_past_version_appointment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_past_version")),
        sa.UniqueConstraint("appointment_id", "version", name=op.f("uq_past_version_appointment_id_version")),
    )
    op.create_table(
        "sealed_note",
        sa.Column("appointment_id", sa.Uuid(), nullable=False),
        sa.Column("doctor_id", sa.Uuid(), nullable=False),
        sa.Column("key_id", sa.String(length=32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["appointment_id"], ["appointment.id"], name=op.f("fk_sealed_note_appointment_id")),
        sa.ForeignKeyConstraint(["doctor_id"], ["doctor.id"], name=op.f("fk_sealed_note_doctor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sealed_note")),
        sa.UniqueConstraint("appointment_id", "doctor_id", name=op.f("uq_sealed_note_appointment_id_doctor_id")),
    )
    with op.batch_alter_table("sealed_note", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sealed_note_key_id"), ["key_id"], unique=False)

    op.create_table(
        "report",
        sa.Column("control_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("insurer_id", sa.Uuid(), nullable=False),
        sa.Column("appointment_id", sa.Uuid(), nullable=False),
        sa.Column("doctor_id", sa.Uuid(), nullable=False),
        sa.Column("conclusion_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("event_at", UtcDateTime(), nullable=False),
        sa.Column("zone", sa.String(length=40), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("drafted_at", UtcDateTime(), nullable=False),
        sa.Column("signed_at", UtcDateTime(), nullable=True),
        sa.Column("acknowledged_at", UtcDateTime(), nullable=True),
        sa.Column("acknowledgement", sa.String(length=120), nullable=False),
        sa.Column("breached_at", UtcDateTime(), nullable=True),
        sa.Column("alert_level", sa.Integer(), nullable=False),
        sa.Column("withdrawn_by", sa.Uuid(), nullable=True),
        sa.Column("withdrawn_reason", sa.String(length=300), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("kind IN ('unjustified', 'examination_impossible')", name=op.f("ck_report_kind_known")),
        sa.CheckConstraint(
            "state IN ('drafted', 'signed', 'acknowledged', 'refused', 'withdrawn')", name=op.f("ck_report_state_known")
        ),
        sa.ForeignKeyConstraint(["appointment_id"], ["appointment.id"], name=op.f("fk_report_appointment_id")),
        sa.ForeignKeyConstraint(["conclusion_id"], ["conclusion.id"], name=op.f("fk_report_conclusion_id")),
        sa.ForeignKeyConstraint(["control_id"], ["control.id"], name=op.f("fk_report_control_id")),
        sa.ForeignKeyConstraint(["doctor_id"], ["doctor.id"], name=op.f("fk_report_doctor_id")),
        sa.ForeignKeyConstraint(["insurer_id"], ["insurer.id"], name=op.f("fk_report_insurer_id")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name=op.f("fk_report_organisation_id")),
        sa.ForeignKeyConstraint(["withdrawn_by"], ["staff_user.id"], name=op.f("fk_report_withdrawn_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report")),
        sa.UniqueConstraint("appointment_id", "version", name=op.f("uq_report_appointment_id_version")),
    )
    with op.batch_alter_table("report", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_report_control_id"), ["control_id"], unique=False)
        batch_op.create_index("ix_report_state_due_at", ["state", "due_at"], unique=False)

    is_postgresql = op.get_bind().dialect.name == "postgresql"
    for statement in _ON_POSTGRESQL if is_postgresql else _ON_SQLITE:
        op.execute(statement)


def downgrade() -> None:
    with op.batch_alter_table("report", schema=None) as batch_op:
        batch_op.drop_index("ix_report_state_due_at")
        batch_op.drop_index(batch_op.f("ix_report_control_id"))

    op.drop_table("report")
    with op.batch_alter_table("sealed_note", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sealed_note_key_id"))

    op.drop_table("sealed_note")
    op.drop_table("past_version")
    op.drop_table("notice_decision")
    with op.batch_alter_table("conclusion", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_conclusion_control_id"))

    op.drop_table("conclusion")
    op.drop_table("absence_qualification")
    with op.batch_alter_table("opening_range", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_opening_range_doctor_id"))

    op.drop_table("opening_range")
    with op.batch_alter_table("doctor_approval", schema=None) as batch_op:
        batch_op.drop_index("ix_doctor_approval_procedure")

    op.drop_table("doctor_approval")
    with op.batch_alter_table("doctor_absence", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_doctor_absence_doctor_id"))

    op.drop_table("doctor_absence")
    with op.batch_alter_table("appointment", schema=None) as batch_op:
        batch_op.drop_index("ix_appointment_state_starts_at")
        batch_op.drop_index("ix_appointment_room_id_starts_at")
        batch_op.drop_index(batch_op.f("ix_appointment_organisation_id"))
        batch_op.drop_index(batch_op.f("ix_appointment_insured_id"))
        batch_op.drop_index("ix_appointment_doctor_id_starts_at")
        batch_op.drop_index(batch_op.f("ix_appointment_control_id"))

    op.drop_table("appointment")
    with op.batch_alter_table("agenda_exception", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_agenda_exception_doctor_id"))

    op.drop_table("agenda_exception")
    with op.batch_alter_table("staff_sign_in", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_staff_sign_in_user_id"))

    op.drop_table("staff_sign_in")
    op.drop_table("doctor")
    with op.batch_alter_table("control", schema=None) as batch_op:
        batch_op.drop_index("ix_control_state_organisation_id")
        batch_op.drop_index(batch_op.f("ix_control_insured_id"))

    op.drop_table("control")
    op.drop_table("api_request")
    with op.batch_alter_table("waiting_entry", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_waiting_entry_open",
            postgresql_where=sa.text("left_at IS NULL"),
            sqlite_where=sa.text("left_at IS NULL"),
        )
        batch_op.drop_index("ix_waiting_entry_room_id")

    op.drop_table("waiting_entry")
    op.drop_table("staff_user")
    with op.batch_alter_table("site_hours", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_site_hours_site_id"))

    op.drop_table("site_hours")
    with op.batch_alter_table("presence_span", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_presence_span_open",
            postgresql_where=sa.text("ended_at IS NULL"),
            sqlite_where=sa.text("ended_at IS NULL"),
        )
        batch_op.drop_index("ix_presence_span_room_id")

    op.drop_table("presence_span")
    with op.batch_alter_table("insured_visit", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_insured_visit_link_id"))

    op.drop_table("insured_visit")
    with op.batch_alter_table("insured", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_insured_search_name"))
        batch_op.drop_index(batch_op.f("ix_insured_phone"))
        batch_op.drop_index(batch_op.f("ix_insured_organisation_id"))

    op.drop_table("insured")
    with op.batch_alter_table("import_job", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_import_job_organisation_id"))

    op.drop_table("import_job")
    op.drop_table("consulting_room")
    with op.batch_alter_table("attendance_event", schema=None) as batch_op:
        batch_op.drop_index("ix_attendance_event_room_id_at")

    op.drop_table("attendance_event")
    with op.batch_alter_table("attempt", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_attempt_provider_id"))
        batch_op.drop_index(
            "ix_attempt_open", postgresql_where=sa.text("state = 'open'"), sqlite_where=sa.text("state = 'open'")
        )
        batch_op.drop_index(batch_op.f("ix_attempt_intent_id"))

    op.drop_table("attempt")
    with op.batch_alter_table("api_key", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_api_key_organisation_id"))

    op.drop_table("api_key")
    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_task_open", postgresql_where=sa.text("done_at IS NULL"), sqlite_where=sa.text("done_at IS NULL")
        )
        batch_op.drop_index("ix_task_owner_done_at_due_at")
        batch_op.drop_index(batch_op.f("ix_task_control_id"))

    op.drop_table("task")
    op.drop_table("site")
    with op.batch_alter_table("receipt", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_receipt_provider_id"))
        batch_op.drop_index(batch_op.f("ix_receipt_intent_id"))

    op.drop_table("receipt")
    op.drop_table("procedure_policy")
    op.drop_table("paused_target")
    op.drop_table("organisation")
    with op.batch_alter_table("local_message", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_local_message_recipient"))
        batch_op.drop_index(batch_op.f("ix_local_message_intent_id"))
        batch_op.drop_index("ix_local_message_channel_received_at")

    op.drop_table("local_message")
    with op.batch_alter_table("journal_entry", schema=None) as batch_op:
        batch_op.drop_index("ix_journal_entry_control_id_at")

    op.drop_table("journal_entry")
    with op.batch_alter_table("intent", schema=None) as batch_op:
        batch_op.drop_index("ix_intent_state_not_after")
        batch_op.drop_index("ix_intent_state_next_attempt_at")
        batch_op.drop_index("ix_intent_state_deadline_at")
        batch_op.drop_index(batch_op.f("ix_intent_provider_id"))
        batch_op.drop_index("ix_intent_control_id")

    op.drop_table("intent")
    op.drop_table("insurer_inbox_report")
    op.drop_table("insurer_inbox_mode")
    op.drop_table("insurer")
    with op.batch_alter_table("insured_link", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_insured_link_appointment_id"))

    op.drop_table("insured_link")
    with op.batch_alter_table("failed_try", schema=None) as batch_op:
        batch_op.drop_index("ix_failed_try_scope_key_at")

    op.drop_table("failed_try")
    with op.batch_alter_table("call_room", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_call_room_open",
            postgresql_where=sa.text("closed_at IS NULL"),
            sqlite_where=sa.text("closed_at IS NULL"),
        )
        batch_op.drop_index("ix_call_room_subject_id")

    op.drop_table("call_room")
