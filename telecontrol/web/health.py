"""`/health/live`: the process answers. `/health/ready`: it can do its work, or says which part cannot and why."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError

from telecontrol.db.migrate import is_current
from telecontrol.web.dependencies import RuntimeDep

health = APIRouter(prefix="/health", include_in_schema=False)


@health.get("/live")
async def live() -> dict[str, str]:
    return {"status": "ok"}


@health.get("/ready")
async def ready(runtime: RuntimeDep) -> JSONResponse:
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
    return JSONResponse(
        {"status": "ok" if is_ready else "failing", "parts": parts}, status_code=200 if is_ready else 503
    )
