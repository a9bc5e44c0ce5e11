"""Filling in any form of a page as a browser would: what stands in it is sent, ticks and choices included."""

from __future__ import annotations

from collections.abc import Sequence

from tests.support.crawling import forms_of
from tests.support.insured import Page, Visitor

Value = str | Sequence[str] | None
"""What is typed; several for boxes of one name; None for a box that is unticked."""


async def fill(visitor: Visitor, page: Page | str, action: str, **values: Value) -> Page:
    """Send the form of `page` (or of the page at an address) that posts to `action`, with `values` typed into it."""
    if isinstance(page, str):
        page = await visitor.get(page)
    return await visitor.post(action, filled(page, action, **values))


def filled(page: Page, action: str, **values: Value) -> dict[str, str]:
    """What `fill` would send."""
    form = next((each for each in forms_of(page.path, page.html) if each.action == action), None)
    assert form is not None, f"no form to {action} on {page.path}: {page.title}"
    given = {name: value for name, value in {**form.fields, **values}.items() if value is not None}
    unknown = set(values) - set(form.fields) - set(form.choices) - set(form.blanks)
    assert not unknown, f"no such fields: {unknown}"
    return given  # type: ignore[return-value]


def options(page: Page, action: str, name: str) -> list[str]:
    """What a list, or boxes, of a form offer."""
    return next(each.choices[name] for each in forms_of(page.path, page.html) if each.action == action)
