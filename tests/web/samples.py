"""Plain values that each page is rendered with, by the tests and by `scripts/preview.py`: one entry a page and state.

`PAGES` maps the entry's name to (template, context). The contexts say by example what the template's own first comment says
in words; a value that a page does not need is not here. All people and places are those of the demonstration.
"""

from __future__ import annotations

from typing import Any

from tests.web import (
    samples_development,
    samples_doctor,
    samples_doctor_papers,
    samples_frame,
    samples_insured,
    samples_staff,
)

Page = tuple[str, dict[str, Any]]

PAGES: dict[str, Page] = {
    "gallery": ("components/gallery.html", samples_frame.staff("handler", "desk", timebar=samples_frame.TIMEBAR)),
    **samples_insured.PAGES,
    **samples_staff.PAGES,
    **samples_doctor.PAGES,
    **samples_doctor_papers.PAGES,
    **samples_development.PAGES,
}
