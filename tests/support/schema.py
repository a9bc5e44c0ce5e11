"""The schema that tests run on: the migrations' once there is one, else the models' own."""

from __future__ import annotations

import asyncio
import importlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sqlalchemy import text

import telecontrol
from telecontrol.db.base import Base
from telecontrol.db.migrate import upgrade
from telecontrol.db.session import Database

PACKAGE = Path(telecontrol.__file__).parent


def import_models() -> None:
    """Import every module that declares tables, so that the metadata is whole."""
    importlib.import_module("telecontrol.db.journal")
    for path in sorted(PACKAGE.glob("*/models.py")):
        importlib.import_module(f"telecontrol.{path.parent.name}.models")


def migrations() -> list[Path]:
    return sorted((PACKAGE / "migrations" / "versions").glob("[!_]*.py"))


def create_schema(url: str) -> None:
    """Lay the schema in the empty database at `url`. Callable whether or not an event loop runs in this thread."""
    import_models()
    if migrations():
        upgrade(url)
    else:
        with ThreadPoolExecutor(1) as aside:
            aside.submit(asyncio.run, create_models(url)).result()


async def create_models(url: str) -> None:
    """The models' own schema, without migrations."""
    database = Database(url)
    try:
        async with database.engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
    finally:
        await database.dispose()


async def empty(database: Database) -> None:
    """Delete every row of every table of PostgreSQL, whatever guards stand on them."""
    names = ", ".join(f'"{table.name}"' for table in Base.metadata.sorted_tables)
    async with database.engine.begin() as connection:
        await connection.execute(text("SET LOCAL lock_timeout = '10s'"))
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        await connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
