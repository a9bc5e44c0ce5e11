"""The demonstration: its story leaves somebody in every queue, every page behind every link opens, its clock walks."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import httpx2
import pytest_asyncio
from sqlalchemy import select

from telecontrol.clock import VirtualClock
from telecontrol.config import Environment, Settings
from telecontrol.controls.models import Control
from telecontrol.controls.states import ControlState
from telecontrol.db.journal import SERVICE
from telecontrol.demo.people import PASSWORD, add_cast
from telecontrol.demo.story import DAYS_BEFORE, PARIS, Story, curtain, tell
from telecontrol.reports.gateway_setup import set_gateway
from telecontrol.reports.insurer_inbox import received
from telecontrol.reports.models import Conclusion, Report, ReportState
from telecontrol.scheduling.models import Appointment, AppointmentState
from telecontrol.tasks.models import Task, TaskKind
from telecontrol.video.attendance import presence
from telecontrol.video.models import Role
from telecontrol.web.local_insurer import bearer, gateway_url
from telecontrol.worker import assemble
from tests.support.ports import free_port
from tests.support.service import Service, serving

OPENING = curtain(datetime(2026, 3, 1, 12, 0, tzinfo=UTC))
HREF = re.compile(r'href="(/[^"#]*)"')
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@pytest_asyncio.fixture
async def service(sqlite_url: Callable[..., str], tmp_path: Path) -> AsyncIterator[Service]:
    url, port = sqlite_url(), free_port()
    base = f"http://127.0.0.1:{port}"
    settings = Settings(
        environment=Environment.DEMO,
        database_url=url,
        public_url=base,
        secret="a-secret-for-tests-of-more-than-32-characters",
        livekit_api_secret="a-ticket-secret-for-tests-of-more-than-32-characters",
    )
    runtime = assemble(settings, clock=VirtualClock(frozen_at=OPENING - timedelta(days=DAYS_BEFORE)))
    runtime.targets = {name: target for name, target in runtime.targets.items() if name != "insurer"}
    async with runtime.database.transaction() as session:
        cast = await add_cast(session, now=runtime.clock.now())
        await set_gateway(
            session,
            cast.insurer,
            sealer=runtime.operator.messages,
            url=gateway_url(settings),
            key=bearer(settings),
            allow_loopback=True,
            actor=SERVICE,
            now=runtime.clock.now(),
        )
    await tell(Story(runtime, cast, OPENING))
    await runtime.aclose()
    async with serving(url, now=OPENING, folder=tmp_path, port=port) as running:
        yield running


async def _sign_in(client: httpx2.AsyncClient, email: str) -> None:
    page = await client.get("/sign-in")
    token = TOKEN.search(page.text)
    assert token is not None
    entered = await client.post(
        "/sign-in", data={"csrf_token": token[1], "email": email, "password": PASSWORD, "next": ""}
    )
    assert entered.status_code == 200, entered.text[:300]
    assert "/sign-in" not in str(entered.url)


def _csrf(page: str) -> str:
    found = TOKEN.search(page)
    assert found is not None
    return found[1]


async def _crawl(client: httpx2.AsyncClient, start: str, *, most: int = 60) -> dict[str, int]:
    """Every page within reach of `start` by links, with its status."""
    seen: dict[str, int] = {}
    waiting = [start]
    while waiting and len(seen) < most:
        path = waiting.pop(0).replace("&amp;", "&")
        if path in seen or path.startswith(("/static/", "/i/")):
            continue
        answer = await client.get(path)
        seen[path] = answer.status_code
        if "text/html" in answer.headers.get("content-type", ""):
            waiting += HREF.findall(answer.text)
    return seen


async def test_the_story_leaves_somebody_in_every_queue(service: Service) -> None:
    async with service.runtime.database.reading() as session:
        states = set(await session.scalars(select(Control.state)))
        kinds = set(await session.scalars(select(Task.kind).where(Task.done_at.is_(None))))
        appointments = set(await session.scalars(select(Appointment.state)))
    assert states >= {
        ControlState.TO_BOOK,
        ControlState.BOOKED,
        ControlState.IN_PERSON_TO_BOOK,
        ControlState.ABSENCE_TO_QUALIFY,
        ControlState.TO_QUALIFY,
        ControlState.CONCLUDED,
        ControlState.CANCELLED,
    }
    assert appointments >= {
        AppointmentState.BOOKED,
        AppointmentState.HELD,
        AppointmentState.RELEASED,
        AppointmentState.CANCELLED_BY_SERVICE,
        AppointmentState.DECLINED_BY_INSURED,
        AppointmentState.OVER,
        AppointmentState.ATTENDED,
        AppointmentState.NOT_ATTENDED,
    }
    assert kinds >= {
        TaskKind.CONTROL_TO_BOOK,
        TaskKind.IN_PERSON_TO_BOOK,
        TaskKind.ABSENCE_TO_QUALIFY,
        TaskKind.CONTROL_TO_QUALIFY,
        TaskKind.NOTICE_AT_RISK,
        TaskKind.NOTICE_RELEASED,
        TaskKind.SIGNATURE_DUE,
        TaskKind.REPORT_REFUSED,
    }


async def test_a_refused_report_leaves_again_by_a_button_and_the_control_goes_on(service: Service) -> None:
    async with service.runtime.database.reading() as session:
        refused = (await session.scalars(select(Report).where(Report.state == ReportState.REFUSED))).one()
        assert (await session.get_one(Control, refused.control_id)).state is ControlState.CONCLUDED
        assert refused.breached_at is None
    async with service.browser() as client:
        await _sign_in(client, "gestion@demo.example")
        page = f"/desk/controls/{refused.control_id}"
        fields = {"csrf_token": _csrf((await client.get(page)).text), "report_id": str(refused.id)}
        assert (await client.post(f"{page}/report-again", data=fields)).status_code == 200
    await service.later(minutes=1)
    async with service.runtime.database.reading() as session:
        assert (await session.get_one(Control, refused.control_id)).state is ControlState.CLOSED


async def test_people_of_the_story_really_came(service: Service) -> None:
    """Who was examined was let into the call, and the doctor of the absence was seen waiting."""
    async with service.runtime.database.reading() as session:
        conclusions = list(
            await session.scalars(
                select(Conclusion).where(Conclusion.result.not_in(["unexcused_absence", "excused_absence"]))
            )
        )
        drafts = list(await session.scalars(select(Report).where(Report.state == "drafted")))
        stays = await presence(session, subject_id=drafts[0].appointment_id, role=Role.DOCTOR, now=OPENING)
    assert len(conclusions) == 4
    assert all(each.circumstances["admitted_at"] for each in conclusions)
    assert not any(each.circumstances["seen_without_record"] for each in conclusions)
    assert stays[0][1] - stays[0][0] >= timedelta(minutes=15)


async def test_every_page_behind_every_link_opens(service: Service) -> None:
    reached: dict[str, int] = {}
    for email, start in (
        ("gestion@demo.example", "/desk"),
        ("helene.faure@demo.example", "/doctor"),
        ("admin@demo.example", "/admin/organisations"),
    ):
        async with service.browser() as client:
            await _sign_in(client, email)
            found = await _crawl(client, start)
            assert len(found) > 5, start
            reached |= found
    async with service.browser() as client:
        reached |= await _crawl(client, "/outbox")
        reached |= await _crawl(client, "/local-insurer")
    assert {path: status for path, status in reached.items() if status != 200} == {}


async def test_the_clock_walks_through_what_is_due(service: Service) -> None:
    """From an ordinary morning to the alarms of a report that nobody signs, and its breach."""
    await service.until(OPENING + timedelta(hours=1))
    async with service.runtime.database.reading() as session:
        assert len(await received(session)) >= 1
    await service.later(days=1)
    tomorrow = datetime.combine(OPENING.astimezone(PARIS).date() + timedelta(days=1), time(12), tzinfo=PARIS)
    await service.until(tomorrow)
    async with service.runtime.database.reading() as session:
        overdue = await session.scalars(
            select(Task.kind).where(Task.kind.in_((TaskKind.REPORT_OVERDUE, TaskKind.SIGNATURE_DUE)))
        )
        assert TaskKind.REPORT_OVERDUE in set(overdue)
    told = [m for m in await service.messages(limit=2000) if m.kind == "doctor_signature_due"]
    assert len(told) >= 3


async def test_the_button_shows_the_end_of_the_wait_and_passes_over_mere_new_tries(service: Service) -> None:
    """Somebody who watches an absence sees it; an insurer that is down does not make them press four minutes at a time."""
    async with service.browser() as client:
        await _sign_in(client, "helene.faure@demo.example")
        csrf = _csrf((await client.get("/local-insurer")).text)
        await client.post("/local-insurer/mode", data={"mode": "error", "times": "0", "csrf_token": csrf})
        seen: list[str] = []
        for _ in range(12):
            page = (await client.get("/doctor")).text
            found = re.search(r'class="timebar__next">(.*?)</span>', page, re.DOTALL)
            assert found is not None
            seen.append(found[1])
            await client.post("/demo/clock", data={"step": "next", "next": "/doctor", "csrf_token": _csrf(page)})
    assert any("attente" in text and "ouvre" not in text for text in seen), seen
    assert not any("de nouveau" in text for text in seen), seen


async def test_a_day_later_nobody_has_to_sign_in_again(service: Service) -> None:
    async with service.browser() as client:
        await _sign_in(client, "gestion@demo.example")
        csrf = _csrf((await client.get("/desk")).text)
        await client.post("/demo/clock", data={"step": "day", "next": "/desk", "csrf_token": csrf})
        assert (await client.get("/desk")).url.path == "/desk"
