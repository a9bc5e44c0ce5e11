"""The one map from a violated constraint's name to the domain error that says it."""

from __future__ import annotations

from sqlalchemy.exc import IntegrityError

from telecontrol.errors import Conflict, SlotTaken, TelecontrolError

# On SQLite the overlap triggers raise the constraint's name as their message.
_BY_NAME: dict[str, tuple[type[TelecontrolError], str, str]] = {
    "ex_appointment_doctor": (SlotTaken, "doctor_taken", "the doctor already has an appointment at that time"),
    "ex_appointment_insured": (SlotTaken, "insured_taken", "the insured already has an appointment at that time"),
    "ex_appointment_room": (SlotTaken, "room_taken", "the consulting room is already taken at that time"),
}


def as_domain_error(error: IntegrityError) -> TelecontrolError | IntegrityError:
    """The domain error for a violated constraint; one that the domain does not know stays what it is (a defect)."""
    said = str(error.orig)
    for name, (kind, code, message) in _BY_NAME.items():
        if name in said:
            return kind(message, code=code)
    if "uq_control_organisation_id_external_reference" in said or (
        "UNIQUE" in said and "control.external_reference" in said
    ):
        return Conflict("a control with this external reference exists already", code="control_exists")
    return error
