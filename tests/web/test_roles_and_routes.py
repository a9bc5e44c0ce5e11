"""Every route × everybody: made from the application's own routes, so that a new one must say whom it is for.

Nothing is open by default: a path that stands below no known place fails the test until somebody lists it here.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from sqlalchemy import select

from telecontrol.accounts.api_keys import Scope, issue_key
from telecontrol.accounts.models import ApiKey, FailedTry, InsuredVisit, Organisation, Role, StaffSignIn, StaffUser
from telecontrol.accounts.staff import add_user
from telecontrol.controls.models import DoctorApproval
from telecontrol.controls.policies import Mode
from telecontrol.db.journal import SERVICE
from telecontrol.notify.models import LocalMessage
from telecontrol.outbox.models import Intent
from telecontrol.reports.models import Report
from telecontrol.scheduling.models import (
    AgendaException,
    Appointment,
    ConsultingRoom,
    DoctorAbsence,
    OpeningRange,
    SiteHours,
)
from telecontrol.tasks.models import Task
from telecontrol.web import paths
from tests.support import stories
from tests.support.insured import BIRTH, Visitor, everything, visiting
from tests.support.routes import Route, routes_of
from tests.support.seeding import ADMINISTRATOR, DOCTOR, HANDLER, PASSWORD, Seeded, seed
from tests.support.service import Service, serving

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
STRANGER = "gestion@ailleurs.example"
OTHER_DOCTOR = "autre.docteur@essai.example"


class Who(StrEnum):
    NOBODY = "nobody"
    HANDLER = "handler"
    DOCTOR = "doctor"
    ADMINISTRATOR = "administrator"
    STRANGER = "another organisation's handler"
    OTHER_DOCTOR = "another doctor"
    INSURED = "insured"


class Place(StrEnum):
    """Whom a route is for."""

    ANYBODY = "anybody"
    STAFF = "staff"
    HANDLER = "handler"
    IMPORTER = "importer"
    DOCTOR = "doctor"
    ADMINISTRATOR = "administrator"
    INSURED = "insured"
    PROGRAM = "program"
    """A key of the API, and nobody's cookie."""
    SIGNED = "signed"
    """What carries its own proof: a provider's signature, a call's ticket, an insurer's key."""


PLACES = {
    "/": Place.ANYBODY,
    "/privacy": Place.ANYBODY,
    "/accessibility": Place.ANYBODY,
    "/test": Place.ANYBODY,
    "/test/connection": Place.ANYBODY,
    "/language": Place.ANYBODY,
    "/genuine": Place.ANYBODY,
    "/lost-link": Place.ANYBODY,
    "/robots.txt": Place.ANYBODY,
    "/brand/{organisation_id}.css": Place.ANYBODY,
    "/sign-in": Place.ANYBODY,
    "/sign-out": Place.ANYBODY,
    "/health/live": Place.ANYBODY,
    "/health/ready": Place.ANYBODY,
    "/static": Place.ANYBODY,
    "/i/{token}": Place.ANYBODY,
    "/with/{token}": Place.ANYBODY,
    "/api/v1/openapi.json": Place.ANYBODY,
    # In the development and the demonstration alone: a service that sends for real has none of them (`shows_outbox`).
    "/outbox": Place.ANYBODY,
    "/outbox/{message_id}": Place.ANYBODY,
    "/outbox/{message_id}/html": Place.ANYBODY,
    "/local-insurer": Place.ANYBODY,
    "/local-insurer/mode": Place.ANYBODY,
    "/demo/clock": Place.ANYBODY,
    "/local-insurer/health": Place.SIGNED,
    "/local-insurer/reports": Place.SIGNED,
    "/local-insurer/reports/{key}": Place.SIGNED,
    "/hooks/twilio/status/{intent_id}": Place.SIGNED,
    "/hooks/livekit": Place.SIGNED,
    "/calls/{room_id}/waiting": Place.SIGNED,
    "/calls/{room_id}/socket": Place.SIGNED,
    "/calls/test/socket": Place.SIGNED,
    "/calls/waiting": Place.SIGNED,
    "/calls/watch": Place.SIGNED,
    # Behind the cookie of whoever came by a companion's link and wrote their name.
    "/with/call": Place.SIGNED,
    "/with/call/ticket": Place.SIGNED,
}
BELOW = {
    "/r": Place.INSURED,
    "/desk/import": Place.IMPORTER,
    "/desk": Place.HANDLER,
    "/doctor": Place.DOCTOR,
    "/admin": Place.ADMINISTRATOR,
    "/api/v1": Place.PROGRAM,
}
"""Everything below these is for one audience; the longest that fits counts."""
ALLOWED = {
    Place.HANDLER: {Who.HANDLER, Who.STRANGER},
    Place.IMPORTER: {Who.HANDLER, Who.STRANGER, Who.ADMINISTRATOR},
    Place.DOCTOR: {Who.DOCTOR, Who.OTHER_DOCTOR},
    Place.ADMINISTRATOR: {Who.ADMINISTRATOR},
    Place.INSURED: {Who.INSURED},
    Place.ANYBODY: set(Who),
}
WITHOUT_SIGN_IN = {Who.NOBODY, Who.INSURED}
NOT_THEIRS = {Who.STRANGER, Who.OTHER_DOCTOR}
"""Of the right role, before rows of somebody else."""
MAY_BE_CLOSED = {
    "/r/receipt": "no receipt before anybody came",
    "/with/{token}": "nobody is announced, and this call has two places",
    "/brand/{organisation_id}.css": "no accent was chosen",
    "/doctor/reports/{report_id}/sign": "this report is signed already",
    "/desk/controls/{control_id}/report-again": "this control has no report",
    "/admin/organisations/accent": "asked for with a colour",
    "/desk/import/{import_id:uuid}/confirm": "the file was given up just before",
    "/sign-in": "401 is the answer to a wrong password",
}
"""Routes that do not open to the right person either, in this world or without more than a form's token."""
TELLS_NOTHING = {
    Route("/r/birth-date", "GET"): "leads to the page that asks, whoever comes",
    Route("/r/code", "GET"): "leads to the page that asks, whoever comes",
    Route("/r/code/send", "GET"): "leads to the page that asks, whoever comes",
    Route("/desk/import/{import_id:uuid}/cancel", "POST"): "a file that is not there is given up already",
}
"""Routes that answer those whom they are not for, alike whatever exists; that nothing changes is checked for them too."""


FORMS: dict[str, dict[str, str]] = {
    "absence": {"decision": "keep"},
    "ask-to-wait": {"minutes": "5"},
    "book": {"slot": "2026-03-10T08:00:00+00:00|{doctor_id}|", "mode": "video"},
    "cancel": {"what": "appointment"},
    "conclude": {"result": "technical_failure", "step": "review"},
    "confirm": {"mode": "good_lines"},
    "contact": {"email": "elsewhere@example.org", "phone": "+33611110099"},
    "document": {"identity_document": "passport"},
    "move": {"slot": "2026-03-10T08:00:00+00:00|{doctor_id}|", "mode": "video"},
    "notes": {"text": "x", "revision": "0"},
    "notice": {"channel": "mail", "kind": "told_in_person", "reason": "x"},
    "notice-counts": {"counts": "yes", "reason": "x"},
    "phone-call": {"answered": "no"},
    "qualify": {"qualification": "excused_absence", "reason": "x"},
    "report-again": {"report_id": "{report_id}"},
    "resend": {"control_id": "{control_id}"},
    "sign": {"password": PASSWORD},
}
"""What a well formed form of each act holds, by the last part of its address."""


def place_of(path: str) -> Place:
    """Raises `LookupError` for a path that nobody has said anything about."""
    if path in PLACES:
        return PLACES[path]
    for prefix in sorted(BELOW, key=len, reverse=True):
        if path == prefix or path.startswith(prefix + "/"):
            return BELOW[prefix]
    raise LookupError(f"{path}: say in this file whom this route is for")


@pytest_asyncio.fixture
async def service(sqlite_url: Callable[..., str], tmp_path: Path) -> AsyncIterator[Service]:
    async with serving(sqlite_url(), now=NOW, folder=tmp_path) as running:
        yield running


def test_every_route_says_whom_it_is_for(settings: Callable[..., Any]) -> None:
    from telecontrol.web.app import create_app

    found = routes_of(create_app(settings(environment="demo")))
    assert len(found) > 100
    for route in found:
        place_of(route.path)
    listed = {route.path for route in found}
    assert set(PLACES) - listed == set(), "listed, and gone"


@pytest.mark.parametrize("who", Who)
async def test_each_route_answers_each_role_as_it_must(service: Service, who: Who) -> None:
    seeded = await seed(service)
    ids = await world(service, seeded)
    wrong = []
    async with browser_of(service, who, ids) as visitor:
        token = await form_token(visitor, paths.HOME if who is Who.INSURED else paths.GENUINE)
        before = await _lasting(service)
        denied = [route for route in routes_of(service.app) if not _may(who, route)]
        # Pages before acts: what is shown is still there.
        open_ones = sorted((each for each in routes_of(service.app) if _may(who, each)), key=lambda each: each.method)
        for route in denied:
            answer = await send(visitor, route, ids, token)
            expected = refusals(who, route)
            if answer is not None and kind_of(answer) not in expected and route not in TELLS_NOTHING:
                wrong.append(f"{route.method} {route.path}: {answer.status_code}, not {expected}")
        assert await _lasting(service) == before, "who is refused changes nothing"
        for route in open_ones:
            if route.path in ("/sign-out", "/demo/clock"):
                continue
            answer = await send(visitor, route, ids, token)
            # A form sent back with what is wrong on it was open to this person.
            if answer is not None and kind_of(answer) not in ("open", "malformed") and route.path not in MAY_BE_CLOSED:
                wrong.append(f"{route.method} {route.path}: {answer.status_code}, not open")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", ["/doctor", "/doctor/reports", "/desk", "/desk/appointments", "/admin/users"])
async def test_what_checks_links_may_ask_for_staff_pages_too(service: Service, path: str) -> None:
    """Messages lead to them: HEAD answers as GET does, and not that there is no such way."""
    got, asked = await service.http.get(path), await service.http.head(path)
    assert (asked.status_code, asked.headers.get("location")) == (got.status_code, got.headers.get("location"))
    assert got.status_code == 303


async def test_programs_reach_their_own_organisation_alone(service: Service) -> None:
    """With a key: every route of the API answers; with another organisation's, none that names our rows; with a scope
    less, 403."""
    seeded = await seed(service)
    ids = await world(service, seeded)
    async with service.runtime.database.transaction() as session:
        other = await session.get_one(StaffUser, uuid.UUID(ids["stranger_id"]))
        assert other.organisation_id is not None
        given: dict[str, Any] = {"organisation_id": other.organisation_id, "actor": SERVICE, "now": NOW}
        _, theirs = await issue_key(session, name="theirs", scopes=list(Scope), **given)
        given["organisation_id"] = seeded.world.organisation.id
        _, narrow = await issue_key(session, name="narrow", scopes=[Scope.MESSAGES_READ], **given)
    routes = [route for route in routes_of(service.app) if place_of(route.path) is Place.PROGRAM]
    wrong = []
    for route in routes:
        names_a_row = "{" in route.path or route.path.endswith(("/slots", "/appointments"))
        in_scope = route.path.endswith("/messages")
        for key, expected in (
            (theirs, {404} if names_a_row else {200, 201}),
            (narrow, {200} if in_scope else {403}),
            (seeded.api_key, {200, 201, 409}),
        ):
            query = {"control_id": ids["control_id"]} if route.path.endswith("/slots") else {}
            body = _api_body(route, ids)
            answer = await service.http.request(
                route.method, fill(route.path, ids), params=query, json=body, headers={"Authorization": f"Bearer {key}"}
            )
            if answer.status_code not in expected:
                wrong.append(f"{route.method} {route.path}: {answer.status_code}, not {expected}")
    assert len(routes) >= 11
    assert wrong == []


def _api_body(route: Route, ids: dict[str, str]) -> dict[str, Any] | None:
    """A body that is well formed, so that the answer is about the row and not about the body."""
    if route.method != "POST":
        return None
    starts_at = "2026-03-10T09:00:00+01:00"
    bodies: dict[str, dict[str, Any]] = {
        "controls": stories.request_body(77),
        "appointments": {"control_id": ids["control_id"], "doctor_id": ids["doctor_id"], "starts_at": starts_at},
        "move": {"starts_at": starts_at},
        "answer": {"answer": "withdraw_absence"},
        "conclusion": {"result": "technical_failure", "signed_by_rpps": "10000000001"},
        "cancel": {},
    }
    return bodies[route.path.rpartition("/")[2]]


def _may(who: Who, route: Route) -> bool:
    place = place_of(route.path)
    names_a_row = "{" in route.path and place is not Place.ANYBODY
    # An administrator imports doctors and sites; the file of this world is a handler's.
    is_not_theirs = who in NOT_THEIRS or (who is Who.ADMINISTRATOR and place is Place.IMPORTER)
    return who in ALLOWED.get(place, set()) and not (names_a_row and is_not_theirs)


def refusals(who: Who, route: Route) -> set[str]:
    match place_of(route.path):
        case Place.PROGRAM:
            return {"unauthorised"}
        case Place.SIGNED:
            return {"unauthorised", "forbidden", "malformed"}
        case Place.INSURED:
            return {"unauthorised", "forbidden"}
        case _:
            if who in WITHOUT_SIGN_IN:
                return {"sign in"}
            return {"missing"}


def kind_of(answer: httpx2.Response) -> str:
    """The class of an answer."""
    if answer.status_code == 303 and answer.headers["location"].startswith(paths.SIGN_IN):
        return "sign in"
    known = {401: "unauthorised", 403: "forbidden", 404: "missing", 422: "malformed"}
    return known.get(answer.status_code, "open" if answer.status_code < 500 else "broken")


async def send(visitor: Visitor, route: Route, ids: dict[str, str], token: str) -> httpx2.Response | None:
    """The answer to a request with a right form token and a form that is well formed, so that the answer is about who asks
    for what; None for what is no page."""
    if route.method in ("WS", "MOUNT"):
        return None
    fields = FORMS.get(route.path.rpartition("/")[2], {})
    data = {"csrf_token": token, **{name: fill(value, ids) for name, value in fields.items()}}
    return await visitor.http.request(
        route.method,
        fill(route.path, ids),
        data=data if route.method == "POST" else None,
        headers={"Accept": "text/html"},
        follow_redirects=False,
    )


def fill(path: str, ids: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: ids[found[1]], path)


async def form_token(visitor: Visitor, path: str) -> str:
    """As a form of the page carries it; the insured's own door holds it to the appointment that this page shows."""
    fields = (await visitor.get(path)).form(paths.LANGUAGE)
    assert fields is not None
    return fields["csrf_token"]


@asynccontextmanager
async def browser_of(service: Service, who: Who, ids: dict[str, str]) -> AsyncIterator[Visitor]:
    accounts = {
        Who.HANDLER: HANDLER,
        Who.DOCTOR: DOCTOR,
        Who.ADMINISTRATOR: ADMINISTRATOR,
        Who.STRANGER: STRANGER,
        Who.OTHER_DOCTOR: OTHER_DOCTOR,
    }
    async with AsyncExitStack() as stack:
        if who in accounts:
            visitor = await stack.enter_async_context(stories.signed_in(service, accounts[who]))
        else:
            visitor = await stack.enter_async_context(visiting(service))
        if who is Who.INSURED:
            await visitor.enter(paths.link(ids["token"]), birth=BIRTH)
        yield visitor


async def world(service: Service, seeded: Seeded) -> dict[str, str]:
    """Rows of our organisation and our doctor for every parameter that a route can have, a quarter of an hour before an
    appointment; and people from elsewhere."""
    done = await stories.booked(service, seeded, 60)
    await service.until(stories.start_of(done))
    conclusion = {
        "result": "not_justified",
        "identity_document": "passport",
        "signed_by_rpps": seeded.world.doctor.rpps,
    }
    await stories.call(service, seeded, "POST", f"/appointments/{done['id']}/conclusion", json=conclusion)
    appointment = await stories.booked(service, seeded, 50)
    await service.until(stories.start_of(appointment) - timedelta(minutes=10))
    token = (await stories.opened(service, stories.mailbox(50))).removeprefix("/i/")
    now = service.clock.now()
    async with service.runtime.database.transaction() as session:
        other = Organisation(code="ailleurs", name="Ailleurs", created_at=now)
        session.add(other)
        await session.flush()
        given: dict[str, Any] = {"password": PASSWORD, "actor": SERVICE, "now": now}
        stranger = await add_user(
            session, email=STRANGER, display_name="x", role=Role.HANDLER, organisation_id=other.id, **given
        )
        colleague = await add_user(session, email=OTHER_DOCTOR, display_name="x", role=Role.DOCTOR, **given)
        spare = await add_user(session, email="spare@essai.example", display_name="x", role=Role.HANDLER, **given)
        await _give_account(session, seeded, colleague.id)
        doctor_id = seeded.world.doctor.id
        day = date(2026, 3, 20)
        session.add(AgendaException(doctor_id=doctor_id, on=day, opens=time(8), closes=time(9), is_open=True))
        session.add(
            DoctorAbsence(doctor_id=doctor_id, starts_at=now + timedelta(days=30), ends_at=now + timedelta(days=31))
        )
    task = {"control_id": uuid.UUID(appointment["control_id"])}
    ids = {
        "control_id": appointment["control_id"],
        "appointment_id": appointment["id"],
        "token": token,
        "procedure": "A",
        "key": "no-key",
        "stranger_id": str(stranger.id),
        "user_id": str(spare.id),
        "doctor_id": str(doctor_id),
        "organisation_id": str(seeded.world.organisation.id),
        "insurer_id": str(seeded.world.insurer.id),
        "site_id": str(seeded.world.site.id),
        "room_id": str(await _one(service, select(ConsultingRoom.id))),
        "hours_id": str(await _one(service, select(SiteHours.id))),
        "key_id": str(await _one(service, select(ApiKey.id))),
        "opening_id": str(await _one(service, select(OpeningRange.id).filter_by(doctor_id=doctor_id, mode=Mode.VIDEO))),
        "approval_id": str(await _one(service, select(DoctorApproval.id).filter_by(doctor_id=doctor_id))),
        "exception_id": str(await _one(service, select(AgendaException.id))),
        "absence_id": str(await _one(service, select(DoctorAbsence.id))),
        "report_id": str(await _one(service, select(Report.id))),
        "message_id": str(await _one(service, select(LocalMessage.id).where(LocalMessage.html != ""))),
        "intent_id": str(await _one(service, select(Intent.id).filter_by(target="sms", **task))),
    }
    control = await stories.ask(service, seeded, 61)
    ids["task_id"] = str(await _one(service, select(Task.id).filter_by(control_id=uuid.UUID(control["id"]))))
    ids["import_id"] = await _sent_file(service, seeded)
    assert str(await _one(service, select(Appointment.state).filter_by(id=uuid.UUID(appointment["id"])))) == "booked"
    return ids


async def _give_account(session: Any, seeded: Seeded, user_id: uuid.UUID) -> None:
    from telecontrol.controls.models import Doctor

    (await session.get_one(Doctor, seeded.world.other_doctor.id)).user_id = user_id


async def _sent_file(service: Service, seeded: Seeded) -> str:
    """A file that a handler sent and that waits for a choice."""
    async with stories.signed_in(service, HANDLER) as handler:
        form = (await handler.get(paths.DESK_IMPORT)).form(paths.DESK_IMPORT)
        assert form is not None
        content = b"nom;prenom\r\nA;B\r\n"
        data = {name: value for name, value in form.items() if name != "file"}
        data["organisation"] = str(seeded.world.organisation.id)
        answer = await handler.http.post(paths.DESK_IMPORT, data=data, files={"file": ("a.csv", content, "text/csv")})
        found = re.fullmatch(rf"{paths.DESK_IMPORT}/([0-9a-f-]{{36}})", answer.url.path)
        assert found, answer.status_code
        return found[1]


async def _one(service: Service, query: Any) -> Any:
    async with service.runtime.database.reading() as session:
        found = (await session.scalars(query.limit(1))).first()
    assert found is not None, str(query)
    return found


async def _lasting(service: Service) -> dict[str, list[str]]:
    seen = {InsuredVisit.__tablename__, FailedTry.__tablename__, StaffSignIn.__tablename__}
    return {name: rows for name, rows in (await everything(service)).items() if name not in seen}
