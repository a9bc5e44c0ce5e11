"""A control from its request to its acknowledged report, asked for by a program; and what the API refuses."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from telecontrol.reports.insurer_inbox import received
from tests.support.seeding import Seeded, seed
from tests.support.service import Service, serving

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest_asyncio.fixture
async def service(database_url: Callable[..., str], tmp_path: Path) -> AsyncIterator[Service]:
    async with serving(database_url(), now=NOW, folder=tmp_path) as running:
        yield running


@pytest_asyncio.fixture
async def seeded(service: Service) -> Seeded:
    return await seed(service)


def request_body(number: int = 50, **values: Any) -> dict[str, Any]:
    return {
        "external_reference": f"API-{number}",
        "procedure": "A",
        "insurer": "ins-test",
        "leave_starts_on": "2026-02-20",
        "leave_ends_on": "2026-04-10",
        "insured": {
            "external_reference": f"P-{number}",
            "family_name": "Lefèvre",
            "given_name": "Zoé",
            "birth_on": "1980-04-03",
            "email": f"zoe{number}@example.org",
            "phone": f"+3361111{number:04d}",
            "postcode": "69003",
            "city": "Lyon",
        },
        **values,
    }


async def _post(service: Service, seeded: Seeded, path: str, body: dict[str, Any], **headers: str) -> Any:
    return await service.http.post(f"/api/v1{path}", json=body, headers={**seeded.key, **headers})


async def _get(service: Service, seeded: Seeded, path: str, **params: Any) -> Any:
    return await service.http.get(f"/api/v1{path}", params=params, headers=seeded.key)


async def _booked(service: Service, seeded: Seeded, number: int = 50) -> tuple[dict[str, Any], dict[str, Any]]:
    control = (await _post(service, seeded, "/controls", request_body(number))).json()
    slots = (await _get(service, seeded, "/slots", control_id=control["id"])).json()["slots"]
    wanted = next(slot for slot in slots if slot["doctor_id"] == str(seeded.world.doctor.id))
    chosen = {"control_id": control["id"], "doctor_id": wanted["doctor_id"], "starts_at": wanted["starts_at"]}
    answer = await _post(service, seeded, "/appointments", chosen)
    assert answer.status_code == 201, answer.text
    return control, answer.json()


async def test_from_a_request_to_the_acknowledged_report(service: Service, seeded: Seeded) -> None:
    control, appointment = await _booked(service, seeded)
    starts_at = datetime.fromisoformat(appointment["starts_at"])
    await service.later(minutes=5)
    told = (await _get(service, seeded, f"/controls/{control['id']}/messages")).json()["messages"]
    invited = [each for each in told if each["kind"] == "invitation"]
    assert {(each["channel"], each["state"]) for each in invited} == {("mail", "accepted"), ("sms", "accepted")}
    assert all("zoe50" not in each["recipient"] for each in told)

    await service.until(starts_at + timedelta(minutes=10))
    assert {m.kind for m in await service.messages(recipient="zoe50@example.org")} == {"invitation", "reminder"}
    signed = {
        "result": "not_justified",
        "identity_document": "national_card",
        "signed_by_rpps": seeded.world.doctor.rpps,
    }
    answer = await _post(service, seeded, f"/appointments/{appointment['id']}/conclusion", signed)
    assert answer.status_code == 201, answer.text
    assert (
        await _post(service, seeded, f"/appointments/{appointment['id']}/conclusion", signed)
    ).json() == answer.json()
    await service.work()

    (report,) = (await _get(service, seeded, f"/controls/{control['id']}/report")).json()["reports"]
    assert report["state"] == "acknowledged"
    assert report["breached_at"] is None
    async with service.runtime.database.reading() as session:
        (taken,) = await received(session)
    assert taken.acknowledgement_id == report["acknowledgement"]
    # The call was not held here: what the program says is told as what it says.
    assert taken.document["circumstances"]["seen_without_record"] == "own_system"
    assert taken.document["circumstances"]["admitted_at"] is None
    await service.work()
    detail = (await _get(service, seeded, f"/controls/{control['id']}")).json()
    assert detail["state"] == "closed"
    assert detail["conclusion"]["result"] == "not_justified"


async def test_what_a_program_may_conclude_and_when(service: Service, seeded: Seeded) -> None:
    """Before the hour what needs nobody; after it whatever the program states of the person; an absence after the wait."""
    _, appointment = await _booked(service, seeded)
    path, starts_at = f"/appointments/{appointment['id']}/conclusion", datetime.fromisoformat(appointment["starts_at"])
    rpps = seeded.world.doctor.rpps
    examined = {"result": "not_justified", "identity_document": "passport", "signed_by_rpps": rpps}
    absent = {"result": "unexcused_absence", "signed_by_rpps": rpps}

    await service.until(starts_at - timedelta(minutes=5))
    for body in (examined, absent, {**absent, "result": "control_refused"}):
        early = await _post(service, seeded, path, body)
        assert (early.status_code, early.json()["code"]) == (409, "not_started")
    await service.until(starts_at + timedelta(minutes=5))
    unseen = await _post(service, seeded, path, {**examined, "seen": False})
    assert (unseen.status_code, unseen.json()["code"], unseen.json()["field"]) == (422, "nobody_was_seen", "seen")
    waiting = await _post(service, seeded, path, absent)
    assert (waiting.status_code, waiting.json()["code"]) == (409, "waiting_not_over")
    await service.until(starts_at + timedelta(minutes=16))
    signed = await _post(service, seeded, path, absent)
    assert signed.status_code == 201, signed.text
    await service.work()
    async with service.runtime.database.reading() as session:
        (taken,) = await received(session)
    assert taken.document["circumstances"]["waited_how"] == "own_system"
    assert taken.document["conclusion"]["examination_took_place"] is False


async def test_the_same_control_declined_is_convoked_in_person(service: Service, seeded: Seeded) -> None:
    control, appointment = await _booked(service, seeded)
    await service.later(minutes=5)
    declined = await _post(service, seeded, f"/appointments/{appointment['id']}/answer", {"answer": "decline_video"})
    assert declined.json()["state"] == "held"
    await service.later(minutes=31)
    freed = [m for m in await service.messages(recipient="zoe50@example.org") if m.kind == "refusal_freed"]
    assert "METHOD:CANCEL" in freed[0].calendar
    assert "SEQUENCE:1" in freed[0].calendar
    offered = (await _get(service, seeded, "/slots", control_id=control["id"])).json()["slots"]
    assert offered[0]["mode"] == "surgery"
    chosen = {"control_id": control["id"], **{k: offered[0][k] for k in ("doctor_id", "starts_at", "site_id")}}
    assert (await _post(service, seeded, "/appointments", chosen)).status_code == 201
    await service.later(minutes=5)
    kinds = Counter(m.kind for m in await service.messages(recipient="zoe50@example.org"))
    assert kinds["in_person_convocation"] == 1
    assert "reminder" not in kinds


async def test_forty_requests_for_one_slot(service: Service, seeded: Seeded) -> None:
    controls = [(await _post(service, seeded, "/controls", request_body(number))).json() for number in range(60, 100)]
    slots = (await _get(service, seeded, "/slots", control_id=controls[0]["id"])).json()["slots"]
    bodies = [
        {"control_id": each["id"], "doctor_id": slots[0]["doctor_id"], "starts_at": slots[0]["starts_at"]}
        for each in controls
    ]
    answers = await asyncio.gather(*(_post(service, seeded, "/appointments", body) for body in bodies))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 39}
    for answer in answers:
        if answer.status_code == 409:
            problem = answer.json()
            assert answer.headers["content-type"] == "application/problem+json"
            assert problem["code"] in ("slot_taken", "doctor_taken")
            assert problem["slots"]
            assert problem["slots"][0]["starts_at"] != slots[0]["starts_at"] or (
                problem["slots"][0]["doctor_id"] != slots[0]["doctor_id"]
            )


async def test_an_idempotency_key_gives_the_same_answer_once(service: Service, seeded: Seeded) -> None:
    first = await _post(service, seeded, "/controls", request_body(), **{"Idempotency-Key": "k-1"})
    again = await _post(service, seeded, "/controls", request_body(), **{"Idempotency-Key": "k-1"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"
    other = await _post(service, seeded, "/controls", request_body(51), **{"Idempotency-Key": "k-1"})
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    without = await _post(service, seeded, "/controls", request_body())
    assert (without.status_code, without.json()["code"]) == (409, "control_exists")


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/controls", {**request_body(), "insurer": "nobody"}, 422, "insurer_unknown"),
        ("/controls", {**request_body(), "leave_ends_on": "2026-01-01"}, 422, None),
        ("/controls", {**request_body(), "surprise": 1}, 422, "invalid_input"),
        ("/appointments", {"control_id": "00000000-0000-0000-0000-000000000001", "doctor_id": "00000000-0000-0000-0000-000000000001", "starts_at": "2026-03-09T09:00:00+01:00"}, 404, "control_not_found"),
        ("/appointments", {"control_id": "00000000-0000-0000-0000-000000000001", "doctor_id": "00000000-0000-0000-0000-000000000001", "starts_at": "2026-03-09T09:00:00"}, 422, "invalid_input"),
        ("/appointments/00000000-0000-0000-0000-000000000001/cancel", {}, 404, "appointment_not_found"),
    ],
)  # fmt: skip
async def test_what_cannot_be_is_said_as_a_problem(
    service: Service, seeded: Seeded, path: str, body: dict[str, Any], status: int, code: str | None
) -> None:
    answer = await _post(service, seeded, path, body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert code is None or answer.json()["code"] == code


async def test_keys_open_only_their_own_organisation(service: Service, seeded: Seeded) -> None:
    control, appointment = await _booked(service, seeded)
    assert (await service.http.get(f"/api/v1/controls/{control['id']}")).status_code == 401
    wrong = {"Authorization": "Bearer tck_nothing"}
    assert (await service.http.get(f"/api/v1/controls/{control['id']}", headers=wrong)).status_code == 401
    stranger = await _stranger(service)
    for method, path in (
        ("GET", f"/controls/{control['id']}"),
        ("GET", f"/controls/{control['id']}/messages"),
        ("GET", f"/controls/{control['id']}/report"),
        ("GET", f"/slots?control_id={control['id']}"),
        ("POST", f"/appointments/{appointment['id']}/cancel"),
    ):
        answer = await service.http.request(
            method, f"/api/v1{path}", headers=stranger, json={} if method == "POST" else None
        )
        assert answer.status_code == 404, path
    assert (await service.http.get("/api/v1/controls", headers=stranger)).json()["controls"] == []


async def _stranger(service: Service) -> dict[str, str]:
    from telecontrol.accounts.api_keys import Scope, issue_key
    from telecontrol.accounts.models import Organisation
    from telecontrol.db.journal import SERVICE

    async with service.runtime.database.transaction() as session:
        other = Organisation(code="other", name="Autre", created_at=NOW)
        session.add(other)
        await session.flush()
        _, key = await issue_key(
            session, organisation_id=other.id, name="x", scopes=list(Scope), actor=SERVICE, now=NOW
        )
    return {"Authorization": f"Bearer {key}"}
