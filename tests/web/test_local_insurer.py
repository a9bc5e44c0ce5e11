"""The local insurer over HTTP, told to lose its reply: the report is taken, the sender reads nothing, and nobody is alarmed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from telecontrol.config import Environment
from telecontrol.reports import contract, insurer_inbox, published
from telecontrol.reports.canonical import canonical
from telecontrol.reports.models import InboxMode
from telecontrol.web.local_insurer import bearer, gateway_url
from tests.support.service import serving

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


async def test_a_reply_that_is_lost_on_purpose_is_no_defect(
    database_url: Callable[..., str],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    body = canonical(published.EXAMPLE)
    async with serving(database_url(), now=NOW, folder=tmp_path, environment=Environment.DEVELOPMENT) as service:
        async with service.runtime.database.transaction() as session:
            await insurer_inbox.set_mode(session, InboxMode.LOSE_REPLY, times=1)
        headers = {
            "authorization": f"Bearer {bearer(service.settings)}",
            "content-type": "application/json",
            "content-digest": contract.digest_of(body),
            "idempotency-key": contract.key_of(published.EXAMPLE["report_id"], 1),
        }
        caplog.set_level(logging.WARNING)
        with pytest.raises(httpx2.TransportError):
            await service.http.post(f"{gateway_url(service.settings)}/reports", content=body, headers=headers)
        again = await service.http.post(f"{gateway_url(service.settings)}/reports", content=body, headers=headers)
        async with service.runtime.database.reading() as session:
            (taken,) = await insurer_inbox.received(session)

    assert (again.status_code, taken.times_received) == (200, 2)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert "Traceback" not in capfd.readouterr().err
