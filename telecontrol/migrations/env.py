"""How Alembic reaches the database: the asynchronous driver, both engines, the tables of every slice."""

from __future__ import annotations

import asyncio
import importlib
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection
from sqlalchemy.sql.schema import SchemaItem

import telecontrol
from telecontrol.db.base import Base, UtcDateTime
from telecontrol.db.session import Database

ONE_AT_A_TIME = 7_332_014_663  # any number that nothing else locks


def import_models() -> None:
    package = Path(telecontrol.__file__).parent
    importlib.import_module("telecontrol.db.journal")
    for path in sorted(package.glob("*/models.py")):
        importlib.import_module(f"telecontrol.{path.parent.name}.models")


def includes(_item: SchemaItem, name: str | None, kind: str, _reflected: bool, _compared: SchemaItem | None) -> bool:
    """What autogenerate looks at. Exclusion constraints are made by hand beside their triggers, indexes and all."""
    return not (kind == "index" and (name or "").startswith("ex_"))


def rendered(kind: str, item: Any, autogen_context: AutogenContext) -> str | Literal[False]:
    """How autogenerate writes our own types: instants by their name, closed lists of words as plain text with a CHECK."""
    if kind == "type" and isinstance(item, UtcDateTime):
        autogen_context.imports.add("from telecontrol.db.base import UtcDateTime")
        return "UtcDateTime()"
    if kind == "type" and isinstance(item, sa.Enum):
        return f"sa.String(length={item.length})"
    if kind == "type" and isinstance(item, sa.JSON):
        autogen_context.imports.add("from sqlalchemy.dialects import postgresql")
        return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
    return False


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_type=True,
        render_item=rendered,
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
        if database.is_sqlite:
            sa.event.listen(database.engine.sync_engine, "connect", without_foreign_keys)
        async with database.engine.connect() as connection:
            if not database.is_sqlite:
                # Two releases that start together migrate one after the other; the lock goes with the connection.
                await connection.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": ONE_AT_A_TIME})
                await connection.commit()
            await connection.run_sync(migrate)
            await connection.commit()
            if database.is_sqlite:
                await connection.run_sync(require_whole)
    finally:
        await database.dispose()


def without_foreign_keys(connection: Any, _record: Any) -> None:
    """SQLite alters a table by dropping the old one: the rows that point at it must not notice. Checked at the end."""
    connection.execute("PRAGMA foreign_keys=OFF").close()


def require_whole(connection: Connection) -> None:
    broken = connection.execute(sa.text("PRAGMA foreign_key_check")).all()
    if broken:
        raise RuntimeError(f"the migration left rows that point nowhere: {sorted({row[0] for row in broken})}")


attributes: dict[str, Any] = context.config.attributes
import_models()
asyncio.run(migrate_online(attributes["database_url"]))
