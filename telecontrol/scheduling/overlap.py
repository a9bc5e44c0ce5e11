"""The database's own guard against double booking (PROMISES P11).

PostgreSQL: exclusion constraints on `tstzrange(starts_at, busy_until, '[)')` for the doctor, the insured and the room, over
blocking states. SQLite: two triggers (insert, update) per guard that raise the constraint's name. `db.integrity` turns both
into the same domain error. A migration runs the same statements as `create_all`.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import DDL, FromClause, Table, event
from sqlalchemy.sql.ddl import ExecutableDDLElement

GUARDS = {"doctor": "doctor_id", "insured": "insured_id", "room": "room_id"}


def postgresql_statements(blocking: Sequence[str]) -> list[str]:
    """The exclusion constraints. Needs the `btree_gist` extension, which the first statement creates."""
    states = ", ".join(f"'{state}'" for state in blocking)
    return ["CREATE EXTENSION IF NOT EXISTS btree_gist"] + [
        f"ALTER TABLE appointment ADD CONSTRAINT ex_appointment_{name} EXCLUDE USING gist "
        f"({column} WITH =, tstzrange(starts_at, busy_until, '[)') WITH &&) "
        f"WHERE ({column} IS NOT NULL AND state IN ({states}))"
        for name, column in GUARDS.items()
    ]


def sqlite_statements(blocking: Sequence[str]) -> list[str]:
    """The triggers. UTC instants are stored as text of one width, so text comparison is time comparison."""
    states = ", ".join(f"'{state}'" for state in blocking)
    return [
        f"CREATE TRIGGER ex_appointment_{name}_{moment.lower()} BEFORE {moment} ON appointment "
        f"WHEN NEW.{column} IS NOT NULL AND NEW.state IN ({states}) BEGIN "
        f"SELECT RAISE(ABORT, 'ex_appointment_{name}') WHERE EXISTS (SELECT 1 FROM appointment AS other "
        f"WHERE other.id <> NEW.id AND other.{column} = NEW.{column} AND other.state IN ({states}) "
        "AND other.starts_at < NEW.busy_until AND NEW.starts_at < other.busy_until); END"
        for name, column in GUARDS.items()
        for moment in ("INSERT", "UPDATE")
    ]


def attach_overlap_guards(table: FromClause, *, blocking: Sequence[str]) -> None:
    """Have `create_all` make the guards after the table."""
    assert isinstance(table, Table)
    for dialect, statements in (
        ("postgresql", postgresql_statements(blocking)),
        ("sqlite", sqlite_statements(blocking)),
    ):
        for statement in statements:
            ddl: ExecutableDDLElement = DDL(statement)  # type: ignore[no-untyped-call]
            event.listen(table, "after_create", ddl.execute_if(dialect=dialect))
