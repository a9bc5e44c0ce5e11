"""A server that holds calls, a room in it, and people's pages."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from telecontrol.config import VideoProvider
from tests.browser.call.pages import CallServer, MakeContext, MakeSide, Room, Side, build
from tests.support.livekit_process import livekit_process


@pytest.fixture(scope="session")
def call_assets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("call"))


@pytest_asyncio.fixture(scope="module", params=list(VideoProvider), ids=str)
async def server(
    request: pytest.FixtureRequest, sqlite_template: Path, call_assets: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[CallServer]:
    """One server for the module and for each provider; whoever kills it starts it again."""
    folder = tmp_path_factory.mktemp("calls")
    shutil.copyfile(sqlite_template, folder / "calls.sqlite")
    made = CallServer(f"sqlite+aiosqlite:///{folder / 'calls.sqlite'}", call_assets, provider=request.param)
    with ExitStack() as running:
        if request.param is VideoProvider.LIVEKIT:
            livekit = running.enter_context(livekit_process(folder, hooks=f"{made.url}/hooks/livekit"))
            made.environment |= livekit.environment
        await made.start()
        yield made
        made.kill()
        await made.database.dispose()


@pytest_asyncio.fixture
async def room(server: CallServer) -> Room:
    return await server.room()


@pytest_asyncio.fixture
async def side(room: Room, context_factory: MakeContext) -> AsyncIterator[MakeSide]:
    """Makes a person's page in a browser of their own; no page may complain, of the content policy least of all."""
    made: list[Side] = []

    async def make(role: str, in_room: Room | None = None, **options: object) -> Side:
        found = await Side.prepare(await context_factory(**options), in_room or room, role)
        made.append(found)
        return found

    yield make
    for each in made:
        assert each.complaints == []


@pytest_asyncio.fixture
async def side_in(context_factory: MakeContext) -> AsyncIterator[MakeSide]:
    """As `side`, for tests that bring a room of a server of their own."""
    made: list[Side] = []

    async def make(role: str, in_room: Room | None = None, **options: object) -> Side:
        assert in_room is not None
        made.append(await Side.prepare(await context_factory(**options), in_room, role))
        return made[-1]

    yield make
    for each in made:
        assert each.complaints == []
