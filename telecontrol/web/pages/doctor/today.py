"""Today: who waits since when, who comes next, the day, what is left to conclude and to sign."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from telecontrol.reports.queries import to_sign
from telecontrol.scheduling.doctor_day import day_of, people_of
from telecontrol.web import paths
from telecontrol.web.dependencies import NowDep, ReadingDep
from telecontrol.web.pages.doctor.frame import doctor_page, person_of, report_counts, row_of
from telecontrol.web.staff_door import DoctorDep

pages = APIRouter()


@pages.get(paths.DOCTOR)
async def show(request: Request, staff: DoctorDep, session: ReadingDep, now: NowDep) -> Response:
    day = await day_of(session, staff.viewer, now=now)
    lines = await to_sign(session, staff.viewer, now=now)
    people = await people_of(session, [line.report.control_id for line in lines])
    upcoming = day.next_up(now=now)
    drafted = {line.report.appointment_id for line in lines}
    return doctor_page(
        request,
        "today.html",
        staff,
        now=now,
        place="today",
        counts=report_counts(lines),
        day=day.on,
        zone=day.doctor.zone,
        rows=[row_of(entry, day, now=now) for entry in day.entries],
        waiting=[row_of(entry, day, now=now) for entry in day.waiting],
        next_row=row_of(upcoming, day, now=now) if upcoming else None,
        # What only waits for a signature is in the other list.
        to_conclude=[row_of(entry, day, now=now) for entry in day.to_conclude if entry.appointment.id not in drafted],
        is_all_concluded=not drafted and not any(entry.is_to_conclude for entry in (*day.entries, *day.to_conclude)),
        to_sign=[
            {
                "href": paths.report(str(line.report.id)),
                "person": person_of(people[line.report.control_id]),
                "reference": line.reference,
                "kind": str(line.report.kind),
                "event_at": line.report.event_at,
                "due_at": line.report.due_at,
                "zone": day.doctor.zone,
            }
            for line in lines
        ],
    )
