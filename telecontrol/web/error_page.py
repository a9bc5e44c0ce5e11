"""The helpful page behind a refusal: what happened, that nothing was lost, what to do now."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from starlette.responses import Response

from telecontrol.web.rendering import operator_brand, page, public_brand
from telecontrol.worker import Runtime

_STAFF = ("/desk", "/doctor", "/admin", "/sign-in")


def error_page(request: Request, *, status: int, code: str, details: dict[str, Any]) -> Response:
    """A page for people; staff and public pages have their own frame. `details` may hold `retry_after`."""
    runtime: Runtime = request.app.state.runtime
    is_staff = request.url.path.startswith(_STAFF)
    context: dict[str, Any] = {
        "code": code,
        "retry_after": details.get("retry_after"),
        "operator": operator_brand(runtime),
        "organisation": public_brand(runtime),
    }
    template = "staff/error.html" if is_staff else "public/error.html"
    return page(request, template, now=runtime.clock.now(), status=status, **context)
