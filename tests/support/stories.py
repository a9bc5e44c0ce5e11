"""What journeys do over real HTTP: a program that asks and books, staff who sign in, book and conclude, mail that is opened."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from telecontrol.notify.models import LocalMessage
from telecontrol.web import paths
from tests.support.insured import Page, Visitor, visiting
from tests.support.seeding import PASSWORD, Seeded
from tests.support.service import Service

LINK = re.compile(r"/i/[A-Za-z0-9_-]{22}")
"""The path of a message's link."""


def request_body(number: int, **values: Any) -> dict[str, Any]:
    """A request as a program sends it: the person number `number`, who reads mail at zoe<number>@example.org."""
    return {
        "external_reference": f"API-{number}",
        "procedure": "A",
        "insurer": "ins-test",
        "leave_starts_on": "2026-02-20",
        "leave_ends_on": "2026-04-10",
        "insured": {
            "external_reference": f"P-{number}",
            "family_name": "Lefèvre",
            "given_name": f"Zoé {number}",
            "birth_on": "1985-05-17",
            "email": mailbox(number),
            "phone": mobile(number),
            "postcode": "69003",
            "city": "Lyon",
        },
        **values,
    }


def mailbox(number: int) -> str:
    return f"zoe{number}@example.org"


def mobile(number: int) -> str:
    return f"+3361111{number:04d}"


async def call(service: Service, seeded: Seeded, method: str, path: str, **given: Any) -> Any:
    """The JSON that the API answers; a refusal fails the test."""
    answer = await service.http.request(method, f"/api/v1{path}", headers=seeded.key, **given)
    assert answer.status_code < 400, answer.text
    return answer.json()


async def ask(service: Service, seeded: Seeded, number: int, **values: Any) -> dict[str, Any]:
    control: dict[str, Any] = await call(service, seeded, "POST", "/controls", json=request_body(number, **values))
    return control


async def booked(service: Service, seeded: Seeded, number: int, *, nth: int = 0) -> dict[str, Any]:
    """A control asked for and booked with the world's doctor, on the `nth` free slot; the appointment."""
    control = await ask(service, seeded, number)
    free = (await call(service, seeded, "GET", "/slots", params={"control_id": control["id"], "limit": 500}))["slots"]
    slot = [each for each in free if each["doctor_id"] == str(seeded.world.doctor.id)][nth]
    body = {"control_id": control["id"], "doctor_id": slot["doctor_id"], "starts_at": slot["starts_at"]}
    appointment: dict[str, Any] = await call(service, seeded, "POST", "/appointments", json=body)
    return appointment


def start_of(appointment: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(appointment["starts_at"])


async def state_of(service: Service, seeded: Seeded, control_id: str) -> str:
    return str((await call(service, seeded, "GET", f"/controls/{control_id}"))["state"])


@asynccontextmanager
async def signed_in(service: Service, email: str, *, password: str = PASSWORD) -> AsyncIterator[Visitor]:
    """A browser in which this account signed in."""
    async with visiting(service) as visitor:
        page = await visitor.press(await visitor.get(paths.SIGN_IN), paths.SIGN_IN, email=email, password=password)
        assert page.path != paths.SIGN_IN, page.title
        yield visitor


async def book_at_desk(handler: Visitor, control_id: str, *, nth: int = 0, **query: str) -> Page:
    """The first slot of the booking page, or the `nth`; the control's page after it."""
    action = paths.control(control_id, "book")
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    page = await handler.get(f"{action}?{asked}" if asked else action)
    slots = page.choices("slot")
    assert slots, page.words
    after = await handler.press(page, action, slot=slots[nth])
    assert after.path == paths.control(control_id), after.words
    return after


async def opened(service: Service, recipient: str, *, kind: str = "invitation") -> str:
    """The path of the link in the newest message of this kind to `recipient`."""
    found = [message for message in await service.messages(recipient=recipient) if message.kind == kind]
    assert found, f"no {kind} to {recipient}"
    return link_of(found[0].text)


def link_of(text: str) -> str:
    (path,) = set(LINK.findall(text))
    return str(path)


def calendar_line(message: LocalMessage, name: str) -> str:
    """One property of a calendar part, unfolded."""
    lines = message.calendar.replace("\r\n ", "").splitlines()
    (value,) = {line.partition(":")[2] for line in lines if line.partition(":")[0].partition(";")[0] == name}
    return str(value)


async def joined(insured: Visitor) -> Page:
    """The insured presses *join*: they stand in the waiting room."""
    page = await insured.press(await insured.get(paths.HOME), paths.JOIN)
    assert page.path == paths.JOIN, page.words
    return page


async def concluded(
    doctor: Visitor, appointment_id: str, result: str, *, document: str = "national_card", password: str = PASSWORD
) -> Page:
    """The doctor chooses, reads again what leaves, signs with the password; the room afterwards."""
    action = paths.room(appointment_id, "conclude")
    page = await doctor.get(paths.room(appointment_id))
    page = await doctor.press(page, action, result=result, identity_document=document, step="review")
    assert page.status == 200, page.words
    page = await doctor.press(page, action, password=password)
    assert page.path == paths.room(appointment_id), page.words
    return page
