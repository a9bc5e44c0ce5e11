"""Reading every page that somebody can reach, and every form on them, as a patient visitor would."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin, urlsplit

from tests.support.insured import Visitor

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|(?<=/i/)[\w-]{22}")
_SIDES = 4
"""Different queries of one page that are read: calendars lead to the next week for ever."""


@dataclass(slots=True)
class Form:
    """A form that posts, as a browser would send it: fields as they stand, one way to fill in the others."""

    page: str
    action: str
    fields: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)
    """Radio buttons and lists, with their values."""
    ticks: dict[str, list[str]] = field(default_factory=dict)
    """Tick-boxes, with their values."""
    buttons: list[tuple[str, str]] = field(default_factory=list)
    blanks: list[str] = field(default_factory=list)
    """Fields to type in that stand empty."""
    typed: list[str] = field(default_factory=list)
    """Every field to type in."""

    @property
    def pattern(self) -> str:
        """The action without its ids: what tells one kind of form from another."""
        return pattern_of(self.action)


def pattern_of(path: str) -> str:
    return _ID.sub("{}", urlsplit(path).path)


class _Reader(HTMLParser):
    def __init__(self, page: str, text: str) -> None:
        super().__init__()
        self.page = page
        self.links: list[str] = []
        self.forms: list[Form] = []
        self._form: Form | None = None
        self._select = ""
        self._area = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        for name in ("href", "hx-get", "src"):
            if given.get(name) and tag != "link":
                self.links.append(given[name])
        if tag == "form" and given.get("method", "get").lower() == "post":
            self._form = Form(self.page, given.get("action") or self.page)
            self.forms.append(self._form)
        elif self._form is not None:
            self._field(self._form, tag, given)

    def _field(self, form: Form, tag: str, given: dict[str, str]) -> None:
        name = given.get("name", "")
        kind = given.get("type", "text")
        if tag == "button" and kind == "submit":
            form.buttons.append((name, given.get("value", "")))
        elif tag == "input" and name and "disabled" not in given:
            self._input(form, name, kind, given)
        elif tag == "select" and name:
            self._select = name
        elif tag == "option" and self._select:
            form.choices.setdefault(self._select, []).append(given.get("value", ""))
            if "selected" in given:
                form.fields[self._select] = given.get("value", "")
        elif tag == "textarea" and name:
            form.typed.append(name)
            form.fields[name] = ""
            self._area = name

    def _input(self, form: Form, name: str, kind: str, given: dict[str, str]) -> None:
        value = given.get("value", "")
        if kind in ("radio", "checkbox"):
            (form.choices if kind == "radio" else form.ticks).setdefault(name, []).append(value or "on")
            if "checked" in given:
                form.fields[name] = value or "on"
        elif kind == "file":
            form.blanks.append(name)
        else:
            form.fields[name] = value
            if kind not in ("hidden", "submit"):
                form.typed.append(name)
                if not value:
                    form.blanks.append(name)

    def handle_data(self, data: str) -> None:
        if self._area and self._form is not None:
            self._form.fields[self._area] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "select":
            # A browser sends the first option of a list that nobody touched.
            if self._form is not None and self._select not in self._form.fields:
                options = self._form.choices.get(self._select)
                if options:
                    self._form.fields[self._select] = options[0]
            self._select = ""
        elif tag == "textarea":
            self._area = ""


@dataclass(slots=True)
class Site:
    """What a visitor could read: the text of each address, and every form."""

    pages: dict[str, str] = field(default_factory=dict)
    forms: list[Form] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)


async def crawl(visitor: Visitor, *starts: str, under: Iterable[str] = ("/",), most: int = 400) -> Site:
    """Follow every link of the same origin below `under` by GET, from `starts`."""
    found = Site()
    sides: Counter[str] = Counter()
    waiting = list(starts)
    seen = set(waiting)
    while waiting and len(found.pages) < most:
        path = waiting.pop(0)
        answer = await visitor.http.get(path)
        found.pages[path] = answer.text
        found.statuses[path] = answer.status_code
        if "html" not in answer.headers.get("content-type", ""):
            continue
        read = _Reader(answer.url.path, answer.text)
        found.forms += read.forms
        for link in read.links:
            target = _local(str(answer.url), unescape(link))
            if not target or target in seen or not target.startswith(tuple(under)):
                continue
            sides[urlsplit(target).path] += 1
            if sides[urlsplit(target).path] <= _SIDES:
                seen.add(target)
                waiting.append(target)
    return found


def forms_of(page: str, html: str) -> list[Form]:
    return _Reader(page, html).forms


def _local(base: str, link: str) -> str:
    """The path and query of a link of the same origin; empty for another one, and for files."""
    whole = urlsplit(urldefrag(urljoin(base, link)).url)
    if whole.netloc != urlsplit(base).netloc or whole.path.startswith("/static/"):
        return ""
    return whole.path + (f"?{whole.query}" if whole.query else "")
