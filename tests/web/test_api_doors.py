"""What the API takes in and hands out: instants and days of one form, JSON that is JSON, acts that the state of things allows."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from telecontrol.controls.models import Control
from telecontrol.controls.states import ControlState
from telecontrol.web import paths
from tests.support import stories
from tests.support.seeding import HANDLER, Seeded, seed
from tests.support.service import Service, serving

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TOKEN = "a-twilio-token-for-tests"
TOKYO = timezone(timedelta(hours=9))


@pytest_asyncio.fixture
async def service(database_url: Callable[..., str], tmp_path: Path) -> AsyncIterator[Service]:
    async with serving(database_url(), now=NOW, folder=tmp_path, twilio_auth_token=TOKEN) as running:
        yield running


@pytest_asyncio.fixture
async def seeded(service: Service) -> Seeded:
    return await seed(service)


async def _post(service: Service, seeded: Seeded, path: str, body: Any) -> httpx2.Response:
    return await service.http.post(f"/api/v1{path}", json=body, headers=seeded.key)


def _instants(value: Any, name: str = "") -> list[str]:
    """Every instant of an answer, however deep."""
    if isinstance(value, dict):
        return [found for key, each in value.items() for found in _instants(each, key)]
    if isinstance(value, list):
        return [found for each in value for found in _instants(each, name)]
    return [value] if name.endswith(("_at", "not_before", "not_after")) and value is not None else []


async def test_every_answer_is_in_utc_whatever_the_offset_of_the_question(service: Service, seeded: Seeded) -> None:
    control = await stories.ask(service, seeded, 50)
    asked = {"control_id": control["id"], "limit": 500, "from": "2026-03-09T17:00:00+09:00"}
    slots = (await stories.call(service, seeded, "GET", "/slots", params=asked))["slots"]
    first, second = [slot for slot in slots if slot["doctor_id"] == str(seeded.world.doctor.id)][:2]
    local = [datetime.fromisoformat(slot["starts_at"]).astimezone(TOKYO).isoformat() for slot in (first, second)]
    chosen = {"control_id": control["id"], "doctor_id": first["doctor_id"], "starts_at": local[0]}
    booked = (await _post(service, seeded, "/appointments", chosen)).json()
    assert booked["starts_at"] == first["starts_at"]
    moved = (await _post(service, seeded, f"/appointments/{booked['id']}/move", {"starts_at": local[1]})).json()
    assert moved["starts_at"] == second["starts_at"]
    detail = await stories.call(service, seeded, "GET", f"/controls/{control['id']}")
    told = await stories.call(service, seeded, "GET", f"/controls/{control['id']}/messages")
    for answer in (control, slots, booked, moved, detail, told):
        instants = _instants(answer)
        assert instants
        assert all(instant.endswith("Z") for instant in instants), instants


@pytest.mark.parametrize(
    "instant",
    [1796033400, 1796033400.5, True, "1796033400", "2026-12-03 21:30:00+09:00", "2026-12-03T21:30:00", "2026-12-03"],
)
async def test_only_rfc_3339_with_an_offset_is_an_instant(service: Service, seeded: Seeded, instant: Any) -> None:
    unknown = "00000000-0000-0000-0000-000000000001"
    signed = {"result": "technical_failure", "signed_by_rpps": seeded.world.doctor.rpps}
    for path, body, field in (
        ("/appointments", {"control_id": unknown, "doctor_id": unknown, "starts_at": instant}, "starts_at"),
        (f"/appointments/{unknown}/move", {"starts_at": instant}, "starts_at"),
        (f"/appointments/{unknown}/answer", {"answer": "another_hour", "starts_at": instant}, "starts_at"),
        (f"/appointments/{unknown}/conclusion", {**signed, "event_at": instant}, "event_at"),
        (f"/appointments/{unknown}/conclusion", {**signed, "calls_made_at": [instant]}, "calls_made_at.0"),
    ):
        answer = await _post(service, seeded, path, body)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input"), path
        assert answer.json()["errors"][0]["field"] == field
    asked = {"control_id": str(seeded.world.control.id), "from": str(instant)}
    answer = await service.http.get("/api/v1/slots", params=asked, headers=seeded.key)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")


@pytest.mark.parametrize("day", [0, 453600000, "0", "1984-05-17T00:00:00", "1984-5-17", "17/05/1984"])
async def test_only_a_written_day_is_a_day(service: Service, seeded: Seeded, day: Any) -> None:
    body = stories.request_body(50)
    born = {**body, "insured": {**body["insured"], "birth_on": day}}
    for given, field in ((born, "insured.birth_on"), ({**body, "leave_starts_on": day}, "leave_starts_on")):
        answer = await _post(service, seeded, "/controls", given)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
        assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_what_is_no_json_is_told_apart(service: Service, seeded: Seeded) -> None:
    good = httpx2.Request("POST", service.url, json=stories.request_body(50)).content
    for content, kind, status, code in (
        (b"{bad", "application/json", 400, "not_json"),
        (b'{"procedure": "\xff"}', "application/json", 400, "not_json"),
        (b"[" * 100_000, "application/json", 400, "not_json"),
        (b"", "application/json", 422, "invalid_input"),
        (b"[]", "application/json", 422, "invalid_input"),
        (good, "text/plain", 415, "unsupported_media_type"),
        (good, "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (good, "", 415, "unsupported_media_type"),
    ):
        headers = {**seeded.key, **({"Content-Type": kind} if kind else {})}
        answer = await service.http.post("/api/v1/controls", content=content, headers=headers)
        assert answer.headers["content-type"] == "application/problem+json"
        assert (answer.status_code, answer.json()["code"]) == (status, code), (content[:10], kind, answer.text)
    headers = {**seeded.key, "Content-Type": "application/json; charset=utf-8"}
    assert (await service.http.post("/api/v1/controls", content=good, headers=headers)).status_code == 201


async def test_no_slot_is_shown_for_a_control_that_can_be_neither_booked_nor_moved(
    service: Service, seeded: Seeded
) -> None:
    appointment = await stories.booked(service, seeded, 50)
    control_id = appointment["control_id"]
    asked: dict[str, Any] = {"params": {"control_id": control_id}, "headers": seeded.key}
    assert (await service.http.get("/api/v1/slots", **asked)).json()["slots"], "it can be moved"
    for state in ControlState:
        async with service.runtime.database.transaction() as session:
            (await session.get_one(Control, uuid.UUID(control_id))).state = state
        answer = await service.http.get("/api/v1/slots", **asked)
        if state in (ControlState.TO_BOOK, ControlState.IN_PERSON_TO_BOOK, ControlState.BOOKED):
            assert answer.status_code == 200, state
        else:
            told = answer.json()
            assert (answer.status_code, told["code"], told["state"]) == (409, "wrong_state", state)


async def test_no_slot_is_shown_in_a_mode_that_cannot_be_booked(service: Service, seeded: Seeded) -> None:
    """Procedure B is not held by video; who declined video is seen in person."""
    employer = await _post(service, seeded, "/controls", {**stories.request_body(50), "procedure": "B"})
    asked = {"control_id": employer.json()["id"], "mode": "video"}
    answer = await service.http.get("/api/v1/slots", params=asked, headers=seeded.key)
    assert (answer.status_code, answer.json()["code"]) == (422, "mode_not_allowed")

    appointment = await stories.booked(service, seeded, 51)
    await _post(service, seeded, f"/appointments/{appointment['id']}/answer", {"answer": "decline_video"})
    for mode, code in (("video", "in_person_needed"), ("home", "mode_not_allowed"), ("phone", "mode_not_allowed")):
        asked = {"control_id": appointment["control_id"], "mode": mode}
        answer = await service.http.get("/api/v1/slots", params=asked, headers=seeded.key)
        assert (answer.status_code, answer.json()["code"]) == (422, code), mode
        body = {**asked, "doctor_id": str(seeded.world.doctor.id), "starts_at": "2026-03-09T09:00:00+01:00"}
        assert (await _post(service, seeded, "/appointments", body)).json()["code"] == code, (
            "the same answer as when booking"
        )


async def test_what_has_begun_is_neither_moved_nor_cancelled(service: Service, seeded: Seeded) -> None:
    """Neither by a program nor at the desk; the page no longer offers it."""
    appointment = await stories.booked(service, seeded, 50)
    control_id, act = appointment["control_id"], f"/appointments/{appointment['id']}"
    await service.until(stories.start_of(appointment) - timedelta(minutes=5))
    async with stories.signed_in(service, HANDLER) as handler:
        action = paths.control(control_id, "cancel")
        before = await handler.get(paths.control(control_id))
        assert before.form(action) is not None
        await service.until(stories.start_of(appointment) + timedelta(minutes=13))
        for body in ({}, {"reason": "technical"}, {"ends_control": True}):
            answer = await _post(service, seeded, f"{act}/cancel", body)
            assert (answer.status_code, answer.json()["code"]) == (409, "already_begun")
        later = (stories.start_of(appointment) + timedelta(days=7)).isoformat()
        answer = await _post(service, seeded, f"{act}/move", {"starts_at": later})
        assert (answer.status_code, answer.json()["code"]) == (409, "already_begun")
        answer = await service.http.get("/api/v1/slots", params={"control_id": control_id}, headers=seeded.key)
        assert (answer.status_code, answer.json()["code"]) == (409, "already_begun")
        for what in ("appointment", "control"):
            page = await handler.press(before, action, what=what)
            assert page.status == 409
            assert "il ne s'annule plus" in page.words
        assert (await handler.get(paths.control(control_id))).form(action) is None
    assert await stories.state_of(service, seeded, control_id) == "booked"


@pytest.mark.parametrize("intent_id", ["not-a-uuid", "00000000-0000-0000-0000-000000000001"])
async def test_a_callback_is_believed_by_its_signature_whatever_it_asks_about(service: Service, intent_id: str) -> None:
    path = f"/hooks/twilio/status/{intent_id}"
    form = {"MessageSid": "SM1", "MessageStatus": "delivered"}
    forged = await service.http.post(path, data=form, headers={"X-Twilio-Signature": "nonsense"})
    assert forged.status_code == 403
    signed = {"X-Twilio-Signature": RequestValidator(TOKEN).compute_signature(service.url + path, form)}
    assert (await service.http.post(path, data=form, headers=signed)).status_code == 204
