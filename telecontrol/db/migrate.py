"""Bringing a database to the schema of this release.

The migrations stand in `telecontrol/migrations`, beside the packages and outside the import contract: they know every
slice's tables, this module only where their folder is.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from telecontrol.db.session import Database

FOLDER = Path(__file__).parent.parent / "migrations"


def configuration(database_url: str) -> Config:
    """Alembic's settings for the database at `database_url`, made in code: no file names a machine."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.set_main_option("timezone", "UTC")
    config.attributes["database_url"] = database_url
    return config


def upgrade(database_url: str, *, to: str = "head") -> None:
    """Run every migration up to `to` that the database has not had yet; one that is up to date is left alone.

    Blocks until done. Callable where an event loop runs: Alembic gets a thread of its own.
    """
    with ThreadPoolExecutor(1) as aside:
        aside.submit(command.upgrade, configuration(database_url), to).result()


async def is_current(database: Database) -> bool:
    """Whether the database stands at this release's last migration."""
    async with database.reading() as session:
        connection = await session.connection()
        present = await connection.run_sync(_revisions)
    return present == set(ScriptDirectory(str(FOLDER)).get_heads())


def _revisions(connection: Connection) -> set[str]:
    return set(MigrationContext.configure(connection).get_current_heads())
