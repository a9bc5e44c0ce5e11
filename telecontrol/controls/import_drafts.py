"""Files that were sent, wait sealed while they are rehearsed and looked at, and vanish when they are imported or given up."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from telecontrol.accounts.viewer import Viewer
from telecontrol.controls.import_jobs import seen_by, short_name
from telecontrol.controls.import_report import ImportReport
from telecontrol.controls.models import DraftState, ImportDraft, ImportJob, ImportKind, ImportState
from telecontrol.db.journal import Actor, record
from telecontrol.db.sealing import Sealer
from telecontrol.errors import Conflict, NotFound

KEPT = timedelta(days=1)
"""How long a file waits for somebody's choice (choice)."""


async def keep_draft(
    session: AsyncSession,
    *,
    kind: ImportKind,
    organisation_id: uuid.UUID | None,
    insurer_id: uuid.UUID | None,
    file_name: str,
    data: bytes,
    sealer: Sealer,
    actor: Actor,
    now: datetime,
) -> tuple[ImportDraft, bool]:
    """Keep a file that is to be rehearsed; the draft, and whether it is new. Drafts older than a day are forgotten.

    The same file of the same sender takes the place of an earlier draft of theirs, which is returned while it is still being
    rehearsed: a form sent twice makes one. Raises `Conflict` (`import_running`, with `import_id`) while it is being imported.
    """
    await forget_drafts(session, now=now)
    draft = ImportDraft(
        id=uuid.uuid4(),
        kind=kind,
        organisation_id=organisation_id,
        insurer_id=insurer_id,
        file_name=short_name(file_name),
        file_hash=hashlib.sha256(data).hexdigest(),
        report={},
        sent_by=actor.id,
        sent_at=now,
    )
    await _refuse_running(session, draft)
    twin = await session.scalar(select(ImportDraft).where(*_same_file(draft)))
    if twin is not None and twin.state is DraftState.REHEARSING:
        return twin, False
    if twin is not None:
        await session.execute(delete(ImportDraft).where(ImportDraft.id == twin.id))
    draft.content_sealed = sealer.for_purpose(_PURPOSE).seal(data, bound_to=_bound(draft))
    session.add(draft)
    record(session, "import.sent", actor=actor, now=now, subject_kind="import", subject_id=draft.id, kind=kind)
    await session.flush()
    return draft, True


async def forget_drafts(session: AsyncSession, *, now: datetime) -> None:
    """Delete the files that waited a day for somebody's choice."""
    await session.execute(delete(ImportDraft).where(ImportDraft.sent_at < now - KEPT))


async def find_draft(session: AsyncSession, viewer: Viewer, draft_id: uuid.UUID) -> ImportDraft | None:
    """The draft, for a viewer who may import such a file; nothing where there is none for them."""
    found: ImportDraft | None = await session.scalar(
        select(ImportDraft).where(ImportDraft.id == draft_id, _mine(viewer))
    )
    return found


async def list_drafts(session: AsyncSession, viewer: Viewer, *, now: datetime) -> Sequence[ImportDraft]:
    """What waits for the viewer's choice, the newest first."""
    found = await session.scalars(
        select(ImportDraft)
        .where(_mine(viewer), ImportDraft.sent_at >= now - KEPT)
        .order_by(ImportDraft.sent_at.desc(), ImportDraft.id)
        .limit(20)
    )
    return list(found)


async def open_file(session: AsyncSession, viewer: Viewer, draft_id: uuid.UUID, *, sealer: Sealer) -> bytes:
    """The bytes of a draft's file. Raises `NotFound`; `Unavailable` when the sealing key is gone."""
    draft = await session.scalar(
        select(ImportDraft)
        .where(ImportDraft.id == draft_id, _mine(viewer))
        .options(undefer(ImportDraft.content_sealed))
    )
    if draft is None:
        raise NotFound("no such import", code="import_not_found")
    return sealer.for_purpose(_PURPOSE).open(draft.content_sealed, bound_to=_bound(draft))


async def give_up(session: AsyncSession, draft: ImportDraft, *, actor: Actor, now: datetime) -> None:
    """Forget a file without importing it."""
    gone = await session.execute(delete(ImportDraft).where(ImportDraft.id == draft.id))
    if gone.rowcount:  # type: ignore[attr-defined]
        record(session, "import.given_up", actor=actor, now=now, subject_kind="import", subject_id=draft.id)


def rehearsal_of(draft: ImportDraft) -> ImportReport | None:
    """What the rehearsal found; nothing before it ended."""
    return ImportReport.from_json(draft.report) if draft.report else None


async def _refuse_running(session: AsyncSession, draft: ImportDraft) -> None:
    running = await session.scalar(
        select(ImportJob.id).where(
            ImportJob.state == ImportState.RUNNING,
            ImportJob.file_hash == draft.file_hash,
            ImportJob.kind == draft.kind,
            ImportJob.organisation_id.is_not_distinct_from(draft.organisation_id),
        )
    )
    if running is not None:
        raise Conflict("this file is being imported already", code="import_running", import_id=str(running))


def _same_file(draft: ImportDraft) -> tuple[ColumnElement[bool], ...]:
    return (
        ImportDraft.file_hash == draft.file_hash,
        ImportDraft.kind == draft.kind,
        ImportDraft.organisation_id.is_not_distinct_from(draft.organisation_id),
        ImportDraft.insurer_id.is_not_distinct_from(draft.insurer_id),
        ImportDraft.sent_by == draft.sent_by,
    )


def _mine(viewer: Viewer) -> ColumnElement[bool]:
    return seen_by(viewer, kind=ImportDraft.kind, organisation_id=ImportDraft.organisation_id)


_PURPOSE = "imports"


def _bound(draft: ImportDraft) -> str:
    return f"import_draft:{draft.id}:content"
