"""Filling in any form of a page as a browser would: what stands in it is sent, ticks and choices included."""

from __future__ import annotations

from collections.abc import Sequence
from html.parser import HTMLParser

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
    ticks = _Ticks(action, page.html)
    standing = {**form.fields, **ticks.several}
    given = {name: value for name, value in {**standing, **values}.items() if value is not None}
    unknown = set(values) - set(form.fields) - set(form.choices) - set(form.blanks) - ticks.names
    assert not unknown, f"no such fields: {unknown}"
    return given  # type: ignore[return-value]


def options(page: Page, action: str, name: str) -> list[str]:
    """What a list, or boxes, of a form offer."""
    return next(each.choices[name] for each in forms_of(page.path, page.html) if each.action == action)


class _Ticks(HTMLParser):
    """The boxes of one name that stand ticked together in a form."""

    def __init__(self, action: str, html: str) -> None:
        super().__init__()
        self._action, self._inside = action, False
        self._found: dict[str, list[str]] = {}
        self.names: set[str] = set()
        self.feed(html)

    @property
    def several(self) -> dict[str, list[str]]:
        return {name: values for name, values in self._found.items() if len(values) > 1}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self._inside = given.get("action") == self._action
        elif self._inside and given.get("type") == "checkbox":
            name = given.get("name") or ""
            self.names.add(name)
            if "checked" in given:
                self._found.setdefault(name, []).append(given.get("value") or "on")

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "form"
