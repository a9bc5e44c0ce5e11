"""The only place that knows which HTTP status a domain error becomes: problem+json for programs, a helpful page for people."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from telecontrol import log
from telecontrol.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    SlotTaken,
    TelecontrolError,
    TooManyAttempts,
    Unauthorised,
    Unavailable,
)

logger = log.get("web")

_STATUS: tuple[tuple[type[TelecontrolError], int], ...] = (
    (InvalidInput, 422),
    (NotFound, 404),
    (Forbidden, 403),
    (Conflict, 409),
    (TooManyAttempts, 429),
    (Unavailable, 503),
    (Unauthorised, 401),
)

_NOT_JSON = ("not_json", "what was sent is not JSON")


def status_of(error: TelecontrolError) -> int:
    """The status of a domain error; 500 for one that should not have reached the door."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def problem(status: int, code: str, message: str, **members: Any) -> JSONResponse:
    """An RFC 9457 answer. `code` is stable; `members` are plain values."""
    body = {"type": f"urn:telecontrol:problem:{code}", "title": message, "status": status, "code": code, **members}
    headers = {"Retry-After": str(members["retry_after"])} if "retry_after" in members else {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(
        jsonable_encoder(body), status_code=status, media_type="application/problem+json", headers=headers
    )


def wants_json(request: Request) -> bool:
    """Whether a program asks: the API and the endpoints that scripts of our pages call."""
    path = request.url.path
    if path.startswith(("/api/", "/hooks/", "/health/", "/calls/", "/local-insurer/")):
        return True
    return "application/json" in request.headers.get("accept", "")


def install_error_handlers(app: FastAPI) -> None:
    """Give every family of errors its answer."""
    for kind, handler in _HANDLERS.items():
        app.add_exception_handler(kind, handler)


async def _on_domain_error(request: Request, error: TelecontrolError) -> Response:
    status = status_of(error)
    if status >= 500:
        logger.error("domain_error", code=error.code, path=_route(request), exc_info=error)
    members = dict(error.details)
    if isinstance(error, InvalidInput) and error.field:
        members["field"] = error.field
    if isinstance(error, TooManyAttempts):
        members["retry_after"] = error.retry_after
    if isinstance(error, SlotTaken) and hasattr(request.state, "fresh_slots"):
        members["slots"] = await request.state.fresh_slots()
    return _answer(request, status, error.code, error.message, members)


async def _on_bad_request(request: Request, error: RequestValidationError) -> Response:
    found = error.errors()
    if any(item["type"] == "json_invalid" for item in found):
        return _answer(request, 400, *_NOT_JSON, {})
    if request.url.path.startswith("/api/") and any(_is_whole_body(item) for item in found) and not _says_json(request):
        message = "the API takes JSON: send it with Content-Type: application/json"
        return _answer(request, 415, "unsupported_media_type", message, {})
    errors = [{"field": ".".join(str(part) for part in item["loc"][1:]), "message": item["msg"]} for item in found]
    return _answer(request, 422, "invalid_input", "the request is not valid", {"errors": errors})


def _is_whole_body(item: dict[str, Any]) -> bool:
    """Whether an error is about a body that was given and could not be taken as an object at all."""
    return tuple(item["loc"]) == ("body",) and item["type"] != "missing"


def _says_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


async def _on_http_error(request: Request, error: HTTPException) -> Response:
    if error.status_code == 303 and error.headers:
        return Response(status_code=303, headers=error.headers)
    if error.status_code == 400 and _says_json(request):
        # The framework gives up on some bodies (bytes that are no text, nested too deep) before it says where they are wrong.
        return _answer(request, 400, *_NOT_JSON, {})
    code = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}.get(error.status_code, "http_error")
    return _answer(request, error.status_code, code, str(error.detail), {})


async def _on_database_down(request: Request, error: Exception) -> Response:
    logger.error("database_unavailable", path=_route(request), reason=type(error).__name__)
    return _answer(
        request, 503, "unavailable", "the service is not available right now: nothing was lost", {"retry_after": 30}
    )


async def _on_database_error(request: Request, error: DBAPIError) -> Response:
    if error.connection_invalidated:
        return await _on_database_down(request, error)
    logger.error("database_error", path=_route(request), exc_info=error)
    return _answer(request, 500, "internal_error", "something went wrong on our side: nothing was recorded", {})


async def _on_defect(request: Request, error: Exception) -> Response:
    logger.error("defect", path=_route(request), exc_info=error)
    return _answer(request, 500, "internal_error", "something went wrong on our side: nothing was recorded", {})


_HANDLERS: dict[type[Exception], Any] = {
    TelecontrolError: _on_domain_error,
    RequestValidationError: _on_bad_request,
    HTTPException: _on_http_error,
    OperationalError: _on_database_down,
    PoolTimeout: _on_database_down,
    ConnectionError: _on_database_down,
    DBAPIError: _on_database_error,
    Exception: _on_defect,
}


def _answer(request: Request, status: int, code: str, message: str, members: dict[str, Any]) -> Response:
    if wants_json(request):
        return problem(status, code, message, **members)
    # Imported here: the page needs the templates, which programs and tests of the API do without.
    from telecontrol.web.error_page import error_page

    return error_page(request, status=status, code=code, details=members)


def _route(request: Request) -> str:
    """The route's pattern, never the path itself: a link's path is a secret."""
    route = request.scope.get("route")
    return getattr(route, "path", "unmatched")
