"""Who looks: the value that every query takes, and the condition that keeps it to its own rows."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, false, true
from sqlalchemy.orm import InstrumentedAttribute

from telecontrol.accounts.access import ANY, Action, Kind, Relation, RowFilter, Who, allowed, row_filter
from telecontrol.accounts.models import ApiKey, InsuredLink, InsuredVisit, LinkPurpose, Role, StaffUser
from telecontrol.db.journal import Actor, ActorKind
from telecontrol.errors import Forbidden


class ViewerKind(StrEnum):
    STAFF = "staff"
    API = "api"
    INSURED = "insured"


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks. `organisation_id` empty means the operator's own desk for a handler, and no organisation for the others.

    `user_id` is the row behind the viewer: staff user, API key or insured.
    """

    kind: ViewerKind
    role: Who
    user_id: uuid.UUID
    organisation_id: uuid.UUID | None = None
    doctor_id: uuid.UUID | None = None
    insurer_id: uuid.UUID | None = None
    control_id: uuid.UUID | None = None
    """The one control that an insured's link opens."""
    appointment_id: uuid.UUID | None = None
    scopes: frozenset[str] = frozenset()
    """What an API key may do; empty for people."""
    may_act: bool = True
    """False for an insured who came by a link that only shows."""

    @property
    def actor(self) -> Actor:
        """The same as the journal names it."""
        kinds = {
            ViewerKind.STAFF: ActorKind.STAFF,
            ViewerKind.API: ActorKind.API,
            ViewerKind.INSURED: ActorKind.INSURED,
        }
        return Actor(kinds[self.kind], str(self.user_id), str(self.role))

    def may(self, action: Action, kind: Kind, field: str = ANY, *, relation: Relation = Relation.OWN) -> bool:
        """Whether the table allows it; a link that only shows allows reading alone.

        `relation` is *own* unless said: rows come through the row filter, so they are the viewer's.
        """
        return (self.may_act or action is Action.READ) and allowed(self.role, action, kind, field, relation)

    def require(self, action: Action, kind: Kind, field: str = ANY, *, relation: Relation = Relation.OWN) -> None:
        """Raises `Forbidden` when the table does not allow it."""
        if not self.may(action, kind, field, relation=relation):
            raise Forbidden(f"a {self.role} may not {action} {kind}", code="forbidden")

    def require_scope(self, scope: str) -> None:
        """Raises `Forbidden` when an API key lacks `scope`. People have no scopes and pass."""
        if self.kind is ViewerKind.API and scope not in self.scopes:
            raise Forbidden(f"this API key lacks the scope {scope}", code="scope_missing", scope=scope)


_ROLES = {Role.HANDLER: Who.HANDLER, Role.DOCTOR: Who.DOCTOR, Role.ADMINISTRATOR: Who.ADMINISTRATOR}


def staff_viewer(user: StaffUser, *, doctor_id: uuid.UUID | None = None) -> Viewer:
    """Somebody who signed in; `doctor_id` from `controls.doctors.doctor_of_user` for a doctor."""
    return Viewer(
        ViewerKind.STAFF, _ROLES[user.role], user.id, organisation_id=user.organisation_id, doctor_id=doctor_id
    )


def api_viewer(key: ApiKey) -> Viewer:
    return Viewer(ViewerKind.API, Who.API, key.id, organisation_id=key.organisation_id, scopes=frozenset(key.scopes))


def insured_viewer(visit: InsuredVisit, link: InsuredLink) -> Viewer:
    """Somebody who came by a link. Raises `Forbidden` until the visit is verified by the birth date."""
    if visit.verified_at is None:
        raise Forbidden("the birth date has not been given", code="not_verified")
    return Viewer(
        ViewerKind.INSURED,
        Who.INSURED,
        link.insured_id,
        control_id=link.control_id,
        appointment_id=link.appointment_id,
        may_act=link.purpose is LinkPurpose.ACT,
    )


def organisation_filter(viewer: Viewer, column: InstrumentedAttribute[Any]) -> ColumnElement[bool]:
    """The condition on a row's organisation. Only the operator's own desk meets them all; other roles meet none this way."""
    if row_filter(viewer.role) is not RowFilter.ORGANISATION:
        return false()
    if viewer.organisation_id is not None:
        return column == viewer.organisation_id
    return true() if viewer.role is Who.HANDLER else false()
