"""Headers on every answer, the Origin of every change, and the token of every form (PROMISES §4.4)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from urllib.parse import urlsplit

from fastapi import Request, Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from telecontrol.config import Settings
from telecontrol.errors import Forbidden

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
FORM_COOKIE = "tc_form"
FORM_FIELD = "csrf_token"
FORM_HEADER = "x-csrf-token"

# Programs sign their requests in another way; their answers are not read by a browser that holds our cookies.
_WITHOUT_ORIGIN = ("/api/", "/hooks/", "/local-insurer/")


def cookie_name(settings: Settings, name: str) -> str:
    """`__Host-` and Secure everywhere but on plain-http loopback (demo, tests)."""
    return f"__Host-{name}" if settings.is_secure else name


def set_cookie(response: Response, settings: Settings, name: str, value: str, *, max_age: int | None) -> None:
    """A cookie for this host only, out of reach of scripts. `max_age` in seconds; None for as long as the browser stays open."""
    response.set_cookie(
        cookie_name(settings, name),
        value,
        max_age=max_age,
        path="/",
        httponly=True,
        secure=settings.is_secure,
        samesite="lax",
    )


def delete_cookie(response: Response, settings: Settings, name: str) -> None:
    response.delete_cookie(
        cookie_name(settings, name), path="/", httponly=True, secure=settings.is_secure, samesite="lax"
    )


class SecurityHeaders:
    """ASGI middleware: policy headers on each answer, and no change from a page of another origin."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        public = urlsplit(settings.public_url)
        self._origin = f"{public.scheme}://{public.netloc}"
        socket = f"{'wss' if public.scheme == 'https' else 'ws'}://{public.netloc}"
        connect = f"'self' {socket}"
        if settings.livekit_url:
            live = urlsplit(settings.livekit_url)
            connect += (
                f" wss://{live.netloc} https://{live.netloc}"
                if live.scheme == "wss"
                else f" ws://{live.netloc} http://{live.netloc}"
            )
        self._always = {
            "Content-Security-Policy": (
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
                f"media-src 'self' blob: mediastream:; font-src 'self'; connect-src {connect}; worker-src 'self'; "
                "frame-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
            ),
            "Permissions-Policy": (
                "camera=(self), microphone=(self), autoplay=(self), fullscreen=(self), screen-wake-lock=(self), "
                "display-capture=(self), speaker-selection=(self), geolocation=(), payment=(), usb=()"
            ),
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
        }
        if settings.is_secure:
            self._always["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_page_change = scope["method"] not in SAFE_METHODS and not scope["path"].startswith(_WITHOUT_ORIGIN)
        if is_page_change and not self._same_origin(Headers(scope=scope)):
            refusal = Response("Forbidden: this form was sent from another site.", 403, media_type="text/plain")
            await refusal(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._always.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _same_origin(self, headers: Headers) -> bool:
        """Browsers send Origin with every POST; one without it must at least say that it is same-origin."""
        origin = headers.get("origin")
        if origin is not None:
            return origin == self._origin
        referer = headers.get("referer")
        if referer is not None:
            return referer.startswith(self._origin + "/")
        return headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")


def form_token(settings: Settings, browser: str, *, about: str = "") -> str:
    """The token that forms shown to this browser carry. `about` names what the page showed, for doors that compare it."""
    key = settings.secret.get_secret_value().encode()
    mac = hmac.new(key, f"form:{browser}:{about}".encode(), hashlib.sha256).hexdigest()
    return f"{about}.{mac}" if about else mac


def shown_by(token: str) -> str:
    """What the page showed whose form carries `token`; empty for a page that is about nothing in particular."""
    return token.rpartition(".")[0]


def browser_id(request: Request) -> str:
    """The random id of this browser's form cookie; a new one is made, and set by `remember_browser`, when it has none."""
    settings: Settings = request.app.state.runtime.settings
    known: str | None = getattr(request.state, "form_browser", None) or request.cookies.get(
        cookie_name(settings, FORM_COOKIE)
    )
    if known is None or len(known) < 20:
        known = secrets.token_urlsafe(24)
        request.state.form_browser_is_new = True
    request.state.form_browser = known
    return known


def remember_browser(request: Request, response: Response) -> None:
    """Set the form cookie when this answer shows the first form to a browser."""
    if getattr(request.state, "form_browser_is_new", False):
        set_cookie(response, request.app.state.runtime.settings, FORM_COOKIE, request.state.form_browser, max_age=None)


async def check_form(request: Request) -> None:
    """Dependency of every page router: a change needs the token of a form that we showed to this browser.

    Raises `Forbidden` (`stale_form`), whose page says to go back and try again.
    """
    if request.method in SAFE_METHODS:
        return
    given = request.headers.get(FORM_HEADER)
    if given is None:
        form = await request.form()
        field = form.get(FORM_FIELD)
        given = field if isinstance(field, str) else ""
    about = shown_by(given)
    expected = form_token(request.app.state.runtime.settings, browser_id(request), about=about)
    if not hmac.compare_digest(given.encode(), expected.encode()):
        raise Forbidden("this form is no longer valid", code="stale_form")
    request.state.shown = about
