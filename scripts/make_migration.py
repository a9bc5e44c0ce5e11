"""Write the next migration: what the models have and the last migration has not.

    python -m scripts.make_migration "add the doctor's phone"

Works on a throw-away SQLite file brought to the last migration. Autogenerate sees tables, columns, keys and indexes; it does
not see triggers, exclusion constraints, extensions or changed CHECKs: read what it wrote, add those by hand, and run
`tests/tooling/test_migrations.py`, which compares all of them on both engines. Migrations first expand and a later release
contracts, so that the old release can still run beside the new one.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from alembic import command
from alembic.script import Script

from telecontrol.db.migrate import FOLDER, configuration, upgrade


def make_migration(message: str) -> Path:
    """Write the migration and return its file."""
    (FOLDER / "versions").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite+aiosqlite:///{folder}/scratch.sqlite"
        upgrade(url)
        written = command.revision(
            configuration(url), message, autogenerate=True, rev_id=datetime.now(UTC).strftime("%Y%m%d%H%M")
        )
    assert isinstance(written, Script)
    path = Path(written.path)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.strip().startswith("# ###")), encoding="utf-8")
    ruff = Path(sys.executable).with_name("ruff")
    subprocess.run([ruff, "check", "--quiet", "--fix", "--unsafe-fixes", path], check=True)
    subprocess.run([ruff, "format", "--quiet", path], check=True)
    return path


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1].strip():
        sys.exit('what does the migration do? make migration m="add the doctor\'s phone"')
    print(make_migration(sys.argv[1]))
