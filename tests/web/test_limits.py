"""Bodies that are not read, and requests without a key that are not looked at."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest_asyncio

from telecontrol.web.limits import LARGEST_BODY
from tests.support.service import Service, serving
from tests.support.world import NOW


@pytest_asyncio.fixture
async def service(sqlite_url: Callable[..., str], tmp_path: Path) -> AsyncIterator[Service]:
    async with serving(sqlite_url(), now=NOW, folder=tmp_path) as running:
        yield running


async def _endless(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 65_536 + 1):
        yield b" " * 65_536


async def test_a_body_that_is_too_large_is_refused_whether_its_length_is_said_or_not(service: Service) -> None:
    headers = {"Authorization": "Bearer tck_nobody", "Content-Type": "application/json"}
    said = await service.http.post("/api/v1/controls", content=b" " * (LARGEST_BODY + 1), headers=headers)
    assert (said.status_code, said.json()["code"]) == (413, "body_too_large")
    unsaid = await service.http.post("/api/v1/controls", content=_endless(LARGEST_BODY), headers=headers)
    assert (unsaid.status_code, unsaid.json()["code"]) == (413, "body_too_large")
    page = await service.http.post(
        "/sign-in", content=b"a" * (LARGEST_BODY + 1), headers={"Origin": service.url, "Accept": "text/html"}
    )
    assert page.status_code == 413


async def test_the_api_asks_for_the_key_before_it_reads(service: Service) -> None:
    for headers in ({}, {"Authorization": "Basic YTpi"}):
        answer = await service.http.post(
            "/api/v1/controls", content=b"{bad", headers={"Content-Type": "application/json", **headers}
        )
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorised")
        assert answer.headers["www-authenticate"] == "Bearer"
    assert (await service.http.get("/api/v1/openapi.json")).status_code == 200
