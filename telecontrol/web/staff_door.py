"""Who is at the staff door: the sign-in of a request, as a `Viewer`, for routes that name the role they are for."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, HTTPException, Request

from telecontrol.accounts.models import Organisation, Role, StaffUser
from telecontrol.accounts.sign_in import find_sign_in, is_due_to_be_seen, note_seen
from telecontrol.accounts.viewer import Viewer, staff_viewer
from telecontrol.controls.doctors import doctor_of_user
from telecontrol.db.journal import Actor
from telecontrol.errors import NotFound
from telecontrol.web import paths
from telecontrol.web.dependencies import NowDep, RuntimeDep
from telecontrol.web.security import SAFE_METHODS, cookie_name

STAFF_COOKIE = "tc_staff"
HOME = {Role.HANDLER: paths.DESK, Role.DOCTOR: paths.DOCTOR, Role.ADMINISTRATOR: paths.ADMIN_ORGANISATIONS}


@dataclass(frozen=True, slots=True)
class Staff:
    """Somebody who signed in. `viewer` goes into queries, `actor` into the journal."""

    user: StaffUser
    viewer: Viewer
    organisation_name: str
    doctor_id: uuid.UUID | None

    @property
    def actor(self) -> Actor:
        return self.viewer.actor

    def for_layout(self) -> dict[str, Any]:
        return {"name": self.user.display_name, "role": str(self.user.role), "organisation": self.organisation_name}


def staff(*roles: Role) -> Callable[..., Awaitable[Staff]]:
    """A dependency that lets these roles in. Others meet what is not there (404); nobody signed in is sent to sign in."""

    async def door(request: Request, runtime: RuntimeDep, now: NowDep) -> Staff:
        found = await find_staff(request, runtime, now)
        if found is None:
            # After a form, the page behind it is unknown: begin again at the start.
            back = request.url.path if request.method in SAFE_METHODS else "/"
            raise HTTPException(303, headers={"Location": f"{paths.SIGN_IN}?next={quote(back)}"})
        if found.user.role not in roles:
            raise NotFound("no such page")
        return found

    return door


async def find_staff(request: Request, runtime: RuntimeDep, now: NowDep) -> Staff | None:
    """Who is signed in in this browser. Its own short transactions, over before the route's begins."""
    token = request.cookies.get(cookie_name(runtime.settings, STAFF_COOKIE))
    if not token:
        return None
    async with runtime.database.reading() as session:
        row = await find_sign_in(session, token, now=now)
        if row is None:
            return None
        signed_in, user = row
        doctor = await doctor_of_user(session, user.id) if user.role is Role.DOCTOR else None
        organisation = await session.get(Organisation, user.organisation_id) if user.organisation_id else None
    if is_due_to_be_seen(signed_in, now=now):
        async with runtime.database.transaction() as session:
            await note_seen(session, signed_in.id, now=now)
    doctor_id = doctor.id if doctor else None
    viewer = staff_viewer(user, doctor_id=doctor_id)
    return Staff(user, viewer, organisation.name if organisation else "", doctor_id)


HandlerDep = Annotated[Staff, Depends(staff(Role.HANDLER))]
DoctorDep = Annotated[Staff, Depends(staff(Role.DOCTOR))]
AdministratorDep = Annotated[Staff, Depends(staff(Role.ADMINISTRATOR))]
AnyStaffDep = Annotated[Staff, Depends(staff(*Role))]
