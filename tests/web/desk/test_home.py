"""The desk's home: what needs somebody now, on as many pages as it takes, and whose hand a row is in."""

from __future__ import annotations

import uuid
from datetime import timedelta

from sqlalchemy import insert, select

from telecontrol.controls.models import Control
from telecontrol.scheduling.answers import CannotCome, announce_absence
from telecontrol.scheduling.dossier import load_dossier
from telecontrol.tasks.desk import open_task
from telecontrol.tasks.models import Owner, Task, TaskKind
from telecontrol.web import paths
from tests.support.doctoring import push
from tests.support.insured import Page, Visitor, book_video
from tests.support.service import Service
from tests.support.world import INSURED, NOW, World, make_control

ROW = 'data-testid="task-row"'


async def open_many(service: Service, world: World, count: int, kind: TaskKind = TaskKind.CONTROL_TO_BOOK) -> None:
    async with service.runtime.database.transaction() as session:
        for number in range(count):
            await open_task(
                session,
                kind,
                subject_kind="control",
                subject_id=uuid.uuid4(),
                control_id=world.control.id,
                organisation_id=world.organisation.id,
                owner=Owner.HANDLER,
                due_at=NOW + timedelta(hours=number + 1),
                now=NOW,
            )


async def only_task(service: Service) -> Task:
    async with service.runtime.database.reading() as session:
        return (await session.scalars(select(Task))).one()


async def announced(service: Service, world: World) -> None:
    appointment = await book_video(service, world)
    async with service.runtime.database.transaction() as session:
        await announce_absence(
            session,
            operator=service.runtime.operator,
            dossier=await load_dossier(session, appointment.id, lock=True),
            reason=CannotCome.TRAVEL,
            actor=INSURED,
            now=NOW,
        )


async def test_an_urgent_row_stands_first_and_every_row_is_on_a_page(
    service: Service, world: World, handler: Visitor
) -> None:
    await open_many(service, world, 60)
    await announced(service, world)
    first = await handler.get(paths.DESK)
    assert first.html.count(ROW) == 50
    assert "Lignes 1 à 50, sur 61" in first.words
    rows = first.html.split(ROW)
    assert "Absence annoncée" in rows[1], "before sixty bookings that are due sooner"
    assert "lun. 9 mars" in Page(first.response).words
    assert "9 h 00" in rows[1].replace("\u00a0", " ")
    assert "Alice Martin" in rows[1], "the row says when it is and with whom"
    second = await handler.get(f"{paths.DESK}?page=2")
    assert second.html.count(ROW) == 11
    assert "Lignes 51 à 61, sur 61" in second.words
    queue = await handler.get(f"{paths.DESK}?queue=control_to_book&page=99")
    assert "Lignes 51 à 60, sur 60" in queue.words, "a page that is no more shows the last one"
    assert f"{paths.DESK}?queue=control_to_book&amp;page=1" in queue.html


async def test_an_empty_queue_says_so(service: Service, world: World, handler: Visitor) -> None:
    await open_many(service, world, 1)
    page = await handler.get(f"{paths.DESK}?queue=report_refused")
    assert page.title == "Rapports refusés par l'assureur"
    assert "Rien n'attend dans cette file" in page.words
    assert ROW not in page.html


async def test_a_number_beyond_measure_stays_small(service: Service, world: World, handler: Visitor) -> None:
    row = {"kind": TaskKind.MESSAGE_FAILED, "subject_kind": "control", "owner": Owner.HANDLER, "detail": {}}
    async with service.runtime.database.transaction() as session:
        rows = [{**row, "id": uuid.uuid4(), "subject_id": uuid.uuid4(), "created_at": NOW} for _ in range(10_000)]
        await session.execute(insert(Task), rows)
    page = await handler.get(paths.DESK)
    badge = page.html.split('class="rail__count')[1].split(">")[1].split("<")[0]
    assert badge.replace("\u202f", " ") == "9 999+"


async def test_a_row_that_a_colleague_took_is_told_with_their_name(
    service: Service, world: World, handler: Visitor, colleague: Visitor
) -> None:
    await open_many(service, world, 1)
    claim = paths.task(str((await only_task(service)).id), "claim")
    mine, theirs = await handler.get(paths.DESK), await colleague.get(paths.DESK)
    await handler.press(mine, claim)
    page = await colleague.press(theirs, claim)
    assert page.status == 200
    assert page.path == paths.DESK
    assert "Agathe Vidal a pris cette ligne à 10 h 00 : elle reste à son nom" in page.words
    assert "Pris par Agathe Vidal" in page.words
    assert (await only_task(service)).claimed_by == world.handler.id


async def test_a_row_that_is_done_meanwhile_leads_back_to_the_desk(
    service: Service, world: World, handler: Visitor
) -> None:
    await open_many(service, world, 1, TaskKind.MESSAGE_FAILED)
    task = await only_task(service)
    page = await handler.get(paths.DESK)
    await handler.press(page, paths.task(str(task.id), "done"))
    again = await handler.press(page, paths.task(str(task.id), "claim"))
    assert again.path == paths.DESK
    assert "Cette tâche est déjà terminée" in again.words
    assert (await push(handler, paths.task(str(task.id), "claim"), home=paths.DESK)).status == 200


async def test_a_reference_is_found_by_its_beginning(service: Service, world: World, handler: Visitor) -> None:
    async with service.runtime.database.transaction() as session:
        (await session.get_one(Control, world.control.id)).reference = "TC-K4G5-7ZXW"
        await make_control(session, organisation=world.organisation, insurer=world.insurer, number=2)
    page = await handler.get(f"{paths.DESK_SEARCH}?q=TC-K4G5")
    assert page.links_to(paths.control(str(world.control.id)))
    assert page.html.count("<tr>") == 2, "the titles, and one control"
