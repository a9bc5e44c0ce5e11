"""Answering with a page: the values that every layout needs, the language, the form token, what the last act did."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from telecontrol.accounts.models import Organisation
from telecontrol.config import Settings
from telecontrol.web import paths
from telecontrol.web.security import browser_id, cookie_name, form_token, remember_browser, set_cookie
from telecontrol.web.templating import Templates
from telecontrol.worker import Runtime

LANGUAGE_COOKIE = "tc_language"
_LANGUAGE_LASTS = 365 * 24 * 3600
NOTICE_COOKIE = "tc_notice"
THEMES = ("auto", "light", "dark")


def templates_of(request: Request) -> Templates:
    templates: Templates = request.app.state.templates
    return templates


def language_of(request: Request, *, preferred: str = "") -> str:
    """What was chosen on a page, else `preferred` (the person's own), else the browser's first that we have, else French."""
    known = templates_of(request).languages
    runtime: Runtime = request.app.state.runtime
    asked = [request.cookies.get(cookie_name(runtime.settings, LANGUAGE_COOKIE), ""), preferred]
    if not preferred:
        header = request.headers.get("accept-language", "")
        asked += [part.split(";")[0].strip()[:2].lower() for part in header.split(",")]
    return next((code for code in asked if code in known), known[0])


def remember_language(response: Response, settings: Settings, language: str) -> None:
    """Keep the language that somebody chose, or that their file says, for a year."""
    set_cookie(response, settings, LANGUAGE_COOKIE, language, max_age=_LANGUAGE_LASTS)


def page(
    request: Request,
    template: str,
    *,
    now: datetime,
    status: int = 200,
    language: str | None = None,
    **context: Any,
) -> HTMLResponse:
    """Render `template` with the values of its layout. `now` is the service's time; `context` is what it states at its top."""
    runtime: Runtime = request.app.state.runtime
    values = {
        "now": now,
        "status": status,
        "csrf_token": form_token(runtime.settings, browser_id(request)),
        "path": request.url.path,
        "theme": theme if (theme := request.cookies.get("theme", "auto")) in THEMES else "auto",
        "contact_email": runtime.settings.contact_email,
        "timebar": getattr(request.state, "timebar", None),
        "notices": _take_notices(request),
        **context,
    }
    html = templates_of(request).render(template, language=language or language_of(request), **values)
    response = HTMLResponse(html, status_code=status)
    remember_browser(request, response)
    if values["notices"]:
        response.delete_cookie(cookie_name(runtime.settings, NOTICE_COOKIE), path="/")
    return response


def operator_brand(runtime: Runtime) -> dict[str, Any]:
    """Who staff pages are from."""
    return {"name": runtime.settings.operator_name, "brand_href": None}


def public_brand(runtime: Runtime, organisation: Organisation | None = None) -> dict[str, Any]:
    """Who a public page is from: the asking organisation, or the operator where none is known."""
    if organisation is None:
        return {
            "name": runtime.settings.operator_name,
            "phone": runtime.settings.support_phone,
            "logo_href": None,
            "brand_href": None,
        }
    return {
        "name": organisation.name,
        "phone": organisation.phone or runtime.settings.support_phone,
        "logo_href": None,
        "brand_href": paths.brand(str(organisation.id)) if organisation.accent_colour else None,
    }


def see_other(request: Request, path: str, *, tone: str = "success", text: str = "", **values: Any) -> Response:
    """After a change: go and see (303). `text` is a French sentence of the catalogue, told on the next page."""
    response = RedirectResponse(path, status_code=303)
    if text:
        sentence = templates_of(request).translators[language_of(request)].plain(text, **values)
        packed = base64.urlsafe_b64encode(json.dumps([{"tone": tone, "text": sentence}]).encode()).decode()
        set_cookie(response, request.app.state.runtime.settings, NOTICE_COOKIE, packed, max_age=60)
    remember_browser(request, response)
    return response


def _take_notices(request: Request) -> list[dict[str, str]]:
    raw = request.cookies.get(cookie_name(request.app.state.runtime.settings, NOTICE_COOKIE), "")
    try:
        found = json.loads(base64.urlsafe_b64decode(raw.encode())) if raw else []
        return [{"tone": str(item["tone"])[:10], "text": str(item["text"])[:300]} for item in found][:3]
    except (ValueError, KeyError, TypeError):
        # Somebody's own cookie, altered: nothing to tell.
        return []


def local_path(candidate: str, *, otherwise: str) -> str:
    """`candidate` when it is an address on this site, so that a form cannot send people elsewhere."""
    is_ours = candidate.startswith("/") and not candidate.startswith(("//", "/\\")) and "\n" not in candidate
    return candidate if is_ours else otherwise
