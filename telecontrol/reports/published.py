"""The published form of the contract: OpenAPI 3.1 with an example. `docs/insurer-gateway.schema.json` is this, written down."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from telecontrol.controls.results import Result
from telecontrol.reports.canonical import canonical, content_hash
from telecontrol.reports.contract import (
    KEY_PATTERN,
    Acknowledgement,
    Health,
    Problem,
    ReportDocument,
    digest_of,
    key_of,
)
from telecontrol.reports.wording import Audience, sentence

_REPORT_ID = "3f0a6f7e-5a0c-4c7b-9f4e-2d6f1b8c9a10"

EXAMPLE: dict[str, Any] = {
    "contract": "telecontrol.report/1",
    "report_id": _REPORT_ID,
    "version": 1,
    "kind": "examination_impossible",
    "due_at": "2026-03-26T10:15:00+04:00",
    "control": {
        "reference": "TC-7KQ2-M4XD",
        "external_reference": "2026-000123",
        "procedure": "A",
        "legal_basis": "Code de la sécurité sociale, art. L315-1, L315-2, R315-2-2",
    },
    "requester": {"code": "ORG-974", "name": "Organisme demandeur"},
    "insured": {
        "external_reference": "ASSURE-000456",
        "family_name": "NOM",
        "given_name": "Prénom",
        "birth_on": "1980-01-31",
    },
    "doctor": {"rpps": "00000000000", "family_name": "NOM", "given_name": "Prénom"},
    "appointment": {
        "mode": "video",
        "starts_at": "2026-03-24T10:00:00+04:00",
        "ends_at": "2026-03-24T10:20:00+04:00",
        "zone": "Indian/Reunion",
    },
    "conclusion": {
        "result": "unexcused_absence",
        "wording": {
            "fr": sentence(Result.UNEXCUSED_ABSENCE, Audience.INSURER, language="fr"),
            "en": sentence(Result.UNEXCUSED_ABSENCE, Audience.INSURER, language="en"),
        },
        "examination_took_place": False,
        "insured_is_the_cause": True,
        "by_phone": False,
        "event_at": "2026-03-24T10:15:00+04:00",
        "signed_at": "2026-03-24T10:22:00+04:00",
        "content_hash": content_hash(canonical({"example": True})),
    },
    "circumstances": {
        "identity_document": "not_shown",
        "arrived_at": None,
        "admitted_at": None,
        "waited_until": "2026-03-24T06:16:00Z",
        "calls_made_at": ["2026-03-24T06:10:00Z"],
        "call_answered": False,
        "intercom_rung_at": None,
        "passage_notice_left_at": None,
        "technical_problem_at": [],
        "remark": "Un appel, sans réponse.",
    },
}
"""An example report. The people in it are placeholders."""

_KEY_HEADER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "The report's id, a point, its version: the same through every retry.",
    "schema": {"type": "string", "pattern": KEY_PATTERN},
    "example": key_of(_REPORT_ID, 1),
}
_DIGEST_HEADER = {
    "name": "Content-Digest",
    "in": "header",
    "required": True,
    "description": "SHA-256 of the body (RFC 9530).",
    "schema": {"type": "string", "pattern": r"^sha-256=:[A-Za-z0-9+/]{43}=:$"},
    "example": digest_of(canonical(EXAMPLE)),
}
_KEY_IN_PATH = {"name": "key", "in": "path", "required": True, "schema": {"type": "string", "pattern": KEY_PATTERN}}
_ACKNOWLEDGED = {
    "status": "accepted",
    "acknowledgement_id": "ACK-2026-000789",
    "idempotency_key": key_of(_REPORT_ID, 1),
    "content_digest": digest_of(canonical(EXAMPLE)),
    "received_at": "2026-03-24T06:22:05Z",
}


def openapi() -> dict[str, Any]:
    """The contract as an OpenAPI 3.1 document."""
    models: list[type[BaseModel]] = [ReportDocument, Acknowledgement, Health, Problem]
    _, schemas = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}"
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Insurer's gateway for 48-hour reports",
            "version": "1",
            "summary": "What an insurer offers so that reports reach it, once each, and are acknowledged.",
        },
        "security": [{"bearer": []}],
        "paths": {"/reports": {"post": _post()}, "/reports/{key}": {"get": _look_up()}, "/health": {"get": _health()}},
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _post() -> dict[str, Any]:
    refusals = {
        "400": "A header is missing or malformed, or the digest is not that of the body. Not sent again.",
        "401": "The key is wrong. Tried again slowly; an administrator is told.",
        "409": "The key was used before. The service then asks `GET /reports/{key}`: the same content counts as taken.",
        "413": "Too large. Not sent again.",
        "415": "Not JSON. Not sent again.",
        "422": "The report breaks the contract, or cannot be taken for good. Not sent again; people are told.",
        "429": "Too many. Tried again after Retry-After.",
        "503": "Not now. Tried again after Retry-After.",
    }
    return {
        "operationId": "deliverReport",
        "summary": "Take one version of a report, once.",
        "parameters": [_KEY_HEADER, _DIGEST_HEADER],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _ref("ReportDocument"), "example": EXAMPLE}},
        },
        "responses": {
            "200": _json(
                "Taken before, with the same content: the first acknowledgement again.",
                "Acknowledgement",
                _ACKNOWLEDGED,
            ),
            "201": _json("Taken.", "Acknowledgement", _ACKNOWLEDGED),
            "202": _json(
                "Kept; the acknowledgement comes when asked again.",
                "Acknowledgement",
                {
                    name: value
                    for name, value in {**_ACKNOWLEDGED, "status": "pending"}.items()
                    if name != "acknowledgement_id"
                },
            ),
            **{status: _problem(text) for status, text in refusals.items()},
        },
    }


def _look_up() -> dict[str, Any]:
    return {
        "operationId": "lookUpReport",
        "summary": "What became of a report, by its idempotency key.",
        "parameters": [_KEY_IN_PATH],
        "responses": {
            "200": _json("Taken.", "Acknowledgement", _ACKNOWLEDGED),
            "202": _json("Kept, not acknowledged yet.", "Acknowledgement", None),
            "401": _problem("The key is wrong."),
            "404": _problem("Never received: problem code `unknown_key`."),
        },
    }


def _health() -> dict[str, Any]:
    example = {"status": "ok", "contracts": ["telecontrol.report/1"]}
    return {
        "operationId": "health",
        "summary": "Reachable, key accepted, contract versions spoken. Changes nothing.",
        "responses": {"200": _json("Well.", "Health", example), "401": _problem("The key is wrong.")},
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(description: str, schema: str, example: dict[str, Any] | None) -> dict[str, Any]:
    content = {"schema": _ref(schema)} | ({} if example is None else {"example": example})
    return {"description": description, "content": {"application/json": content}}


def _problem(description: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/problem+json": {"schema": _ref("Problem")}}}
