"""Signed callbacks of providers: checked against the configured public address, stored once, answered at once."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Header, Request
from starlette.responses import Response

from telecontrol.errors import Forbidden, InvalidInput
from telecontrol.notify.twilio_signature import check_signature
from telecontrol.outbox import receipts
from telecontrol.scheduling.returns import sms_status
from telecontrol.video.livekit import LivekitProvider
from telecontrol.video.livekit_hooks import MOST_BYTES
from telecontrol.web.dependencies import NowDep, RuntimeDep, SessionDep

hooks = APIRouter(prefix="/hooks", include_in_schema=False)


@hooks.post("/twilio/status/{intent_id}")
async def twilio_status(
    request: Request,
    runtime: RuntimeDep,
    session: SessionDep,
    now: NowDep,
    intent_id: str,
    x_twilio_signature: Annotated[str, Header()] = "",
) -> Response:
    """A message's status. Any order, any number of times, unknown ids: 204; a forged one: 403, whatever it asks about.

    Which status is final, and which wins, is told in `outbox/receipts.py`.
    """
    form = {key: str(value) for key, value in (await request.form()).items()}
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if not check_signature(runtime.settings, target, form, x_twilio_signature):
        raise Forbidden("the signature is not Twilio's", code="bad_signature")
    sid, status = form.get("MessageSid", ""), form.get("MessageStatus", "")
    code = form.get("ErrorCode", "")
    noted = await receipts.record(
        session,
        target="sms",
        event_key=f"{sid}:{status}",
        provider_id=sid,
        intent_id=_uuid(intent_id),
        status=status,
        code=code,
        now=now,
        detail={},
    )
    await sms_status(session, sealer=runtime.operator.messages, noted=noted, code=code, now=now)
    return Response(status_code=204)


@hooks.post("/livekit")
async def livekit(request: Request, authorization: Annotated[str, Header()] = "") -> Response:
    """An event of LiveKit's server. Any order, any number of times, of any kind: 200; unsigned: 401; forged: 403."""
    provider = request.app.state.video
    if not isinstance(provider, LivekitProvider):
        raise Forbidden("LiveKit holds no calls here", code="bad_signature")
    body = await request.body()
    if len(body) > MOST_BYTES:
        raise InvalidInput("no event is so long", code="too_long")
    await provider.hear(body, authorization)
    return Response(status_code=200)


def _uuid(text: str) -> uuid.UUID | None:
    """Our intent's id; None for what never was one. Read once the signature is known to be good."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
