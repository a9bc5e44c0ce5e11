"""The migrations give exactly the schema that the models declare, on both engines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from telecontrol.db.base import Base
from telecontrol.db.migrate import is_current, upgrade
from telecontrol.db.session import Database
from tests.support import schema

_GUARDS = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": """
        SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype IN ('c', 'x') AND conrelid <> 0
        UNION ALL SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL SELECT extname, '' FROM pg_extension
        UNION ALL SELECT proname, prosrc FROM pg_proc
            WHERE pronamespace = 'public'::regnamespace AND NOT EXISTS
                (SELECT 1 FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')
        """,
}
needs_a_migration = pytest.mark.skipif(not schema.migrations(), reason="there is no migration yet")


def differences(connection: sa.Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, Base.metadata))


def described(connection: sa.Connection) -> dict[str, object]:
    """Everything that the schema holds, in a form that can be compared."""
    inspector = sa.inspect(connection)
    found: dict[str, object] = {}
    for table in set(inspector.get_table_names()) - {"alembic_version"}:
        for column in inspector.get_columns(table):
            found[f"{table}.{column['name']}"] = (str(column["type"]), column["nullable"], column["default"])
        found[f"{table}: key"] = inspector.get_pk_constraint(table)["constrained_columns"]
        for kind in ("foreign_keys", "unique_constraints", "check_constraints", "indexes"):
            for one in getattr(inspector, f"get_{kind}")(table):
                found[f"{table}: {kind} {one['name']}"] = plain(one)
    for name, definition in connection.execute(sa.text(_GUARDS[connection.dialect.name])):
        found[f"guard {name}"] = " ".join(definition.split())
    return found


def plain(value: Any) -> Any:
    """`value` with SQL expressions as text."""
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    return value if isinstance(value, list) else str(value)


async def inspected(url: str, look: Callable[[sa.Connection], Any]) -> Any:
    database = Database(url)
    try:
        async with database.engine.connect() as connection:
            return await connection.run_sync(look)
    finally:
        await database.dispose()


@needs_a_migration
async def test_migrating_an_empty_database_gives_the_models_schema(database_url: Callable[..., str]) -> None:
    migrated, modelled = database_url(empty=True), database_url(empty=True)
    schema.import_models()
    upgrade(migrated)
    await schema.create_models(modelled)

    assert await inspected(migrated, differences) == []
    assert await inspected(migrated, described) == await inspected(modelled, described)


@needs_a_migration
async def test_a_database_says_whether_it_is_current(database_url: Callable[..., str]) -> None:
    url = database_url(empty=True)
    database = Database(url)
    try:
        assert not await is_current(database)
        upgrade(url)
        assert await is_current(database)
        upgrade(url)
        assert await is_current(database)
    finally:
        await database.dispose()


@needs_a_migration
async def test_the_models_need_no_migration_that_is_not_written(sqlite_url: Callable[..., str]) -> None:
    """What `make migration` would write now is nothing."""
    assert await inspected(sqlite_url(), differences) == []
