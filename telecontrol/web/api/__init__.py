"""The JSON API, `/api/v1`: OpenAPI 3.1, problem+json, `Idempotency-Key`, keys limited to one organisation and to scopes."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse

from telecontrol import __version__
from telecontrol.web.api import appointments, controls, slots

PREFIX = "/api/v1"
_ABOUT = (
    "Controls of sick leave: ask for one, book it, follow it. Times are RFC 3339 with an offset; answers are in UTC beside "
    "the legal zone they are counted in. Errors are `application/problem+json` (RFC 9457) with a stable `code`. "
    "Send `Idempotency-Key` with every POST: the same key and body again get the same answer, for a week."
)


def api_application(app: FastAPI) -> None:
    """Mount the API and its description."""
    for router in (controls.routes, slots.routes, appointments.routes):
        app.include_router(router, prefix=PREFIX)

    @app.get(f"{PREFIX}/openapi.json", include_in_schema=False)
    async def description() -> JSONResponse:
        return JSONResponse(openapi_document())


def openapi_document() -> dict[str, Any]:
    """The API's OpenAPI 3.1 description."""
    app = FastAPI()
    for router in (controls.routes, slots.routes, appointments.routes):
        app.include_router(router, prefix=PREFIX)
    document: dict[str, Any] = get_openapi(
        title="Telecontrol", version=__version__, openapi_version="3.1.0", description=_ABOUT, routes=app.routes
    )
    for operations in document["paths"].values():
        for operation in operations.values():
            _refusals_are_problems(operation["responses"])
    return document


def _refusals_are_problems(responses: dict[str, Any]) -> None:
    """Refusals are `application/problem+json`; FastAPI describes every model as `application/json`."""
    for status, response in responses.items():
        if status.startswith(("4", "5")):
            response["content"] = {"application/problem+json": response["content"]["application/json"]}
