"""How Alembic reaches the database: the asynchronous driver, both engines, the tables of every slice."""

from __future__ import annotations

import asyncio
import importlib
from pathlib import Path
from typing import Any

from alembic import context
from sqlalchemy import Connection
from sqlalchemy.sql.schema import SchemaItem

import telecontrol
from telecontrol.db.base import Base
from telecontrol.db.session import Database


def import_models() -> None:
    package = Path(telecontrol.__file__).parent
    importlib.import_module("telecontrol.db.journal")
    for path in sorted(package.glob("*/models.py")):
        importlib.import_module(f"telecontrol.{path.parent.name}.models")


def includes(_item: SchemaItem, name: str | None, kind: str, _reflected: bool, _compared: SchemaItem | None) -> bool:
    """What autogenerate looks at. Exclusion constraints are made by hand beside their triggers, indexes and all."""
    return not (kind == "index" and (name or "").startswith("ex_"))


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_type=True,
        include_object=includes,
        # SQLite alters a table by copying it.
        render_as_batch=connection.dialect.name == "sqlite",
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def migrate_online(url: str) -> None:
    database = Database(url)
    try:
        async with database.engine.connect() as connection:
            await connection.run_sync(migrate)
            await connection.commit()
    finally:
        await database.dispose()


attributes: dict[str, Any] = context.config.attributes
import_models()
asyncio.run(migrate_online(attributes["database_url"]))
