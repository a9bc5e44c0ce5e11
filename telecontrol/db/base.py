"""What every table shares: constraint names, client-made ids, UTC instants, closed lists of words."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, DateTime, Dialect, Enum, MetaData, String, TypeDecorator
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from telecontrol.clock import as_utc


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: aware in Python, UTC in the database.

    SQLite keeps text of one width, so that it sorts as time does. A naive value raises `ValueError`.
    """

    impl = DateTime
    cache_ok = True
    _TEXT = "%Y-%m-%dT%H:%M:%S.%fZ"

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.TIMESTAMP(timezone=True))
        return dialect.type_descriptor(String(27))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        utc = as_utc(value)
        return utc if dialect.name == "postgresql" else utc.strftime(self._TEXT)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if isinstance(value, str):
            return datetime.fromisoformat(value)  # the Z makes it aware, in UTC
        return as_utc(value)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012  (SQLAlchemy reads it from the class)
        datetime: UtcDateTime,
        dict[str, Any]: JSON().with_variant(postgresql.JSONB(), "postgresql"),
        list[Any]: JSON().with_variant(postgresql.JSONB(), "postgresql"),
        list[str]: JSON().with_variant(postgresql.JSONB(), "postgresql"),
    }


class HasId:
    """A row named by a random UUID that the client makes: known before the commit, so a lost COMMIT can be read back."""

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)


def words(kind: type[StrEnum]) -> Enum:
    """A column type that holds the values of `kind` as text. Pair it with `only` for the CHECK."""
    return Enum(
        kind,
        native_enum=False,
        create_constraint=False,
        validate_strings=True,
        length=40,
        values_callable=lambda k: [m.value for m in k],
    )


def only(column: str, kind: type[StrEnum], name: str | None = None) -> CheckConstraint:
    """The CHECK that keeps `column` within `kind`."""
    listed = ", ".join(f"'{member.value}'" for member in kind)
    return CheckConstraint(f"{column} IN ({listed})", name=name or f"{column}_known")
