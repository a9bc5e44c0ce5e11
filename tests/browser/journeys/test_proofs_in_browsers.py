"""Promises that only real browsers can show: (d) a doctor whose page is gone, (i) a robot that reads and never presses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from telecontrol.accounts.models import FailedTry, InsuredVisit
from telecontrol.tasks.models import TaskKind
from telecontrol.web import paths
from tests.browser.journeys.people import (
    PHONE,
    MakeContext,
    Person,
    concludes,
    joins,
    one_doctor,
    opens_the_link,
    opens_the_room,
)
from tests.support import stories
from tests.support.crawling import crawl
from tests.support.insured import everything, visiting
from tests.support.mailing import open_tasks
from tests.support.seeding import DOCTOR, HANDLER, seed
from tests.support.service import Service, serving

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest_asyncio.fixture
async def service(sqlite_url: Callable[..., str], tmp_path: Path) -> AsyncIterator[Service]:
    async with serving(sqlite_url(), now=NOW, folder=tmp_path) as running:
        yield running


@pytest.mark.parametrize("moment", ["before admitting", "in the call"])
async def test_d_the_doctor_kills_the_tab(service: Service, context_factory: MakeContext, moment: str) -> None:
    """The insured came: whatever the doctor's page did, it is to qualify, never an absence, and no report is drafted."""
    seeded = await one_doctor(service)
    appointment = await stories.booked(service, seeded, 50)
    starts_at = stories.start_of(appointment)
    await service.until(starts_at - MINUTE)
    insured, doctor = await Person.come(service, context_factory, **PHONE), await Person.come(service, context_factory)
    await opens_the_link(insured, service.url + await stories.opened(service, stories.mailbox(50)))
    await doctor.sign_in(DOCTOR)
    await joins(insured)
    await opens_the_room(doctor)
    if moment == "in the call":
        await doctor.page.locator("#admit").click()
        await asyncio.gather(insured.reaches("live"), doctor.reaches("live"))
    await doctor.page.context.close()
    await asyncio.sleep(1)
    await service.until(datetime.fromisoformat(appointment["ends_at"]) + timedelta(hours=1))

    assert await stories.state_of(service, seeded, appointment["control_id"]) == "to_qualify"
    tasks = await open_tasks(service.runtime.database, TaskKind.CONTROL_TO_QUALIFY)
    assert {task.owner for task in tasks} == {"doctor", "handler"}
    reports = await stories.call(service, seeded, "GET", f"/controls/{appointment['control_id']}/report")
    assert reports == {"reports": []}
    absence = {"result": "unexcused_absence", "signed_by_rpps": seeded.world.doctor.rpps}
    refused = await service.http.post(
        f"/api/v1/appointments/{appointment['id']}/conclusion", json=absence, headers=seeded.key
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "insured_arrived")
    told = [message.kind for message in await service.messages(recipient=stories.mailbox(50))]
    assert not {"cancellation", "release", "conclusion_to_insured"} & set(told)

    again = await Person.come(service, context_factory)
    await again.sign_in(DOCTOR)
    await again.page.goto(paths.room(appointment["id"]))
    await concludes(again, "Arrêt justifié", stated="Vu par un autre moyen" if moment == "before admitting" else "")
    await service.work()
    assert await stories.state_of(service, seeded, appointment["control_id"]) == "closed"


READ_ONLY = {InsuredVisit.__tablename__, FailedTry.__tablename__}
"""What looking may write: nothing about anybody's appointment."""


async def test_i_a_robot_that_follows_every_link_and_runs_scripts_changes_nothing(
    service: Service, context_factory: MakeContext
) -> None:
    """Every link of every message and every page behind it, by HEAD, by GET and in a browser that runs scripts."""
    seeded = await seed(service)
    appointment = await stories.booked(service, seeded, 50)
    await service.until(stories.start_of(appointment) - 5 * MINUTE)
    links = await _every_link(service)
    assert len(links) >= 4, "a link to act and one to see, in each message"
    before = await _lasting(service)
    context = await context_factory(base_url=service.url)
    page = await context.new_page()
    async with visiting(service) as robot:
        for link in links:
            assert (await robot.http.head(link)).status_code == 200
            seen = await crawl(robot, link)
            assert seen.statuses[link] == 200
            for path in [link, *(path for path in seen.pages if path.startswith("/i/"))]:
                await page.goto(path)
                await page.wait_for_timeout(300)
                assert page.url == service.url + path, "no form sent itself"
    assert await _lasting(service) == before

    # A browser that holds a visit already (a preview in the mail programme of the person) changes nothing either.
    visitor = await Person.come(service, context_factory)
    await opens_the_link(visitor, service.url + links[0])
    before = await _lasting(service)
    for path in (paths.HOME, paths.DECLINE, paths.CANNOT_COME, paths.OTHER_HOUR, paths.JOIN, paths.TEST, paths.RECEIPT):
        await visitor.page.goto(path)
        await visitor.page.wait_for_timeout(300)
    assert await _lasting(service) == before
    assert await stories.state_of(service, seeded, appointment["control_id"]) == "booked"
    async with stories.signed_in(service, HANDLER) as handler:
        assert "Refus" not in (await handler.get(paths.control(appointment["control_id"]))).title


async def _every_link(service: Service) -> list[str]:
    found = {path for message in await service.messages() for path in stories.LINK.findall(message.text)}
    found |= {
        path
        for message in await service.messages()
        for path in stories.LINK.findall(message.calendar.replace("\r\n ", ""))
    }
    return sorted(found)


async def _lasting(service: Service) -> dict[str, list[str]]:
    return {name: rows for name, rows in (await everything(service)).items() if name not in READ_ONLY}
