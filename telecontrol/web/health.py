"""`/health/live`: the process answers. `/health/ready`: it can do its work, or says which part cannot and why.

Whoever carries the pictures is told of and does not count: without them people still wait, are admitted by telephone and
book, and no process would do better than this one.
"""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError

from telecontrol.db.migrate import is_current
from telecontrol.web.dependencies import RuntimeDep

health = APIRouter(prefix="/health", include_in_schema=False)


@health.get("/live")
async def live() -> dict[str, str]:
    return {"status": "ok"}


@health.get("/ready")
async def ready(request: Request, runtime: RuntimeDep) -> JSONResponse:
    parts: dict[str, dict[str, str]] = {}
    try:
        async with asyncio.timeout(5):
            await runtime.database.ping()
            parts["database"] = {"status": "ok"}
            current = await is_current(runtime.database)
            parts["migrations"] = (
                {"status": "ok"} if current else {"status": "failing", "reason": "run `telecontrol migrate`"}
            )
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        parts["database"] = {"status": "failing", "reason": type(error).__name__}
    for name, reason in runtime.faults().items():
        parts[name] = {"status": "ok"} if reason is None else {"status": "failing", "reason": reason}
    is_ready = all(part["status"] == "ok" for part in parts.values())
    video = await request.app.state.video.health()
    parts["video"] = {"status": "ok"} if video.is_well else {"status": "failing", "reason": video.reason}
    status = "failing" if not is_ready else "ok" if video.is_well else "degraded"
    return JSONResponse({"status": status, "parts": parts}, status_code=200 if is_ready else 503)
