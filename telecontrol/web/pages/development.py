"""Development and demonstration only: the mailbox and the phone that local messages reach, the local insurer, the clock."""

from __future__ import annotations

import json
import re
import uuid
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup, escape
from starlette.responses import Response

from telecontrol.clock import VirtualClock
from telecontrol.config import Environment
from telecontrol.demo.clock import STRIDE, Due, clock_facts, keep_present, next_due, walk
from telecontrol.errors import NotFound
from telecontrol.notify.models import LocalMessage
from telecontrol.notify.queries import local_boxes, local_message, local_messages
from telecontrol.reports import insurer_inbox
from telecontrol.reports.models import InboxMode
from telecontrol.web import paths
from telecontrol.web.dependencies import NowDep, ReadingDep, RuntimeDep, SessionDep
from telecontrol.web.i18n import mark
from telecontrol.web.rendering import language_of, local_path, page, public_brand, see_other, templates_of

DUE_WORDS = {
    "message": mark("un message part"),
    "hold_ends": mark("un créneau refusé se libère"),
    "room_opens": mark("une salle d'attente ouvre"),
    "appointment_starts": mark("un rendez-vous commence"),
    "waiting_over": mark("la fin de l'attente est atteinte"),
    "retry": mark("un message est tenté de nouveau"),
    "appointment_over": mark("un rendez-vous se termine"),
    "reminder": mark("la fenêtre des rappels change"),
    "notice_at_risk": mark("une convocation est en danger"),
    "notice_limit": mark("la limite d'une convocation arrive"),
    "report_alert": mark("une alerte de rapport est due"),
    "report_due": mark("un rapport de 48 heures est dû"),
}
STOPPED_ON_THE_WAY = mark(
    "L'horloge s'est arrêtée en chemin : il se passe beaucoup de choses. Appuyez de nouveau pour continuer."
)
_LINK = re.compile(r"https?://[^\s<>\"]+")


def pages(*, is_demo: bool) -> APIRouter:
    """The routes of this installation: the clock exists in the demonstration alone."""
    router = APIRouter()
    router.include_router(_mailbox)
    router.include_router(_insurer)
    if is_demo:
        router.include_router(_clock)
    return router


_mailbox = APIRouter()
_insurer = APIRouter()
_clock = APIRouter()


@_mailbox.get(paths.OUTBOX)
async def outbox(request: Request, runtime: RuntimeDep, session: ReadingDep, now: NowDep, to: str = "") -> Response:
    boxes = await local_boxes(session)
    if not to and boxes:
        to = boxes[0].recipient
    return page(
        request,
        "development/outbox.html",
        now=now,
        organisation=public_brand(runtime),
        boxes=boxes,
        recipient=to,
        messages=await local_messages(session, recipient=to, limit=100) if to else [],
        zone="Europe/Paris",
    )


@_mailbox.get(paths.outbox_message("{message_id}"))
async def message(
    request: Request, runtime: RuntimeDep, session: ReadingDep, now: NowDep, message_id: uuid.UUID
) -> Response:
    found = await local_message(session, message_id)
    return page(
        request,
        "development/message.html",
        now=now,
        organisation=public_brand(runtime),
        message=found,
        body=_linked(found),
        zone="Europe/Paris",
    )


@_mailbox.get(paths.outbox_message("{message_id}", "html"))
async def message_html(session: ReadingDep, message_id: uuid.UUID) -> Response:
    """The HTML part alone, in a frame without scripts or forms, as a mail client shows it."""
    found = await local_message(session, message_id)
    if not found.html:
        raise NotFound("this message has no HTML part")
    html = found.html.replace("<head>", '<head><base target="_blank">', 1)
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
    return HTMLResponse(html, headers={"Content-Security-Policy": policy, "X-Frame-Options": "SAMEORIGIN"})


@_insurer.get(paths.LOCAL_INSURER)
async def insurer(request: Request, runtime: RuntimeDep, session: ReadingDep, now: NowDep) -> Response:
    found = await insurer_inbox.received(session)
    return page(
        request,
        "development/insurer.html",
        now=now,
        organisation=public_brand(runtime),
        mode=str(await insurer_inbox.mode_of(session)),
        reports=[{"row": row, "document": json.dumps(row.document, indent=2, ensure_ascii=False)} for row in found],
        zone="Europe/Paris",
    )


@_insurer.post(paths.LOCAL_INSURER + "/mode")
async def choose_mode(
    request: Request,
    session: SessionDep,
    mode: Annotated[InboxMode, Form()],
    times: Annotated[int, Form(ge=0, le=100)] = 0,
) -> Response:
    await insurer_inbox.set_mode(session, mode, times=times or None)
    return see_other(request, paths.LOCAL_INSURER, text="L'assureur local a reçu la consigne.")


@_clock.post(paths.DEMO_CLOCK)
async def move_clock(
    request: Request,
    runtime: RuntimeDep,
    step: Annotated[Literal["hour", "day", "next"], Form()],
    next: Annotated[str, Form(max_length=500)] = "/",  # noqa: A002
) -> Response:
    """Forward by an hour, a day, or to the next thing due; everything due on the way happens, in order."""
    clock = runtime.clock
    assert isinstance(clock, VirtualClock)
    now = clock.now()
    until = now + {"hour": timedelta(hours=1), "day": timedelta(days=1), "next": timedelta(0)}[step]
    if step == "next":
        async with runtime.database.reading() as session:
            due = await next_due(session, now=now)
        # A second after, so that what begins at that instant has begun.
        until = now if due is None else due.at + timedelta(seconds=1)
    walked = await walk(runtime, until=until, stride=STRIDE)
    async with runtime.database.transaction() as session:
        await keep_present(session, before=now, after=clock.now())
    _remember(request, clock.now())
    return see_other(request, local_path(next, otherwise="/"), text="" if walked.has_arrived else STOPPED_ON_THE_WAY)


async def timebar(request: Request, runtime: RuntimeDep, now: NowDep) -> None:
    """Dependency of every page in the demonstration: what the time bar shows."""
    if request.method != "GET" or runtime.settings.environment is not Environment.DEMO:
        return
    async with runtime.database.reading() as session:
        due = await next_due(session, now=now)
    request.state.timebar = _bar(request, now, due)


TimebarDep = Depends(timebar)


def _bar(request: Request, now: datetime, due: Due | None) -> dict[str, Any]:
    translator = templates_of(request).translators[language_of(request)]
    text = "" if due is None else translator.plain(DUE_WORDS[due.what])
    return {"now": now, "next_at": due.at if due else None, "next_text": text}


def _remember(request: Request, now: datetime) -> None:
    """Write the clock down, so that `demo --keep` goes on from it."""
    memory = getattr(request.app.state, "demo_memory", None)
    if memory is None:
        return
    facts = json.loads(memory.read_text("utf-8"))
    memory.write_text(json.dumps({**facts, **clock_facts(now)}, indent=2, ensure_ascii=False) + "\n", "utf-8")


def _linked(found: LocalMessage) -> Markup:
    """The text with its addresses made into links, as a phone does."""
    parts: list[Markup] = []
    last = 0
    for match in _LINK.finditer(found.text):
        address = match.group().rstrip(".,;)")
        parts.append(escape(found.text[last : match.start()]))
        parts.append(Markup('<a href="{0}" target="_blank" rel="noopener">{0}</a>').format(address))
        last = match.start() + len(address)
    parts.append(escape(found.text[last:]))
    return Markup("").join(parts)
