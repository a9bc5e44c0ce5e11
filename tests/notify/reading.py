"""How tests read a letter: its HTML as a mail program would, its words one by one."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

from telecontrol.notify.messages import MESSAGES
from telecontrol.notify.rendering import Letter, render_letter
from tests.notify.samples import sample

LANGUAGES = ("fr", "en")


class Reader(HTMLParser):
    """Text, links and attributes of an HTML e-mail; a tag left open is noticed."""

    VOID = frozenset({"meta", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a":
            self.links.append(given.get("href") or "")
        self.sources += [value or "" for name, value in attrs if name in {"src", "background", "srcset"}]
        assert tag not in {"img", "script", "form", "iframe", "link", "object"}, tag
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, tag
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open and "title" not in self.open:
            self.text.append(data)


def parsed(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


def letter_of(kind: str, language: str, *, full: bool, **changes: Any) -> Letter:
    return render_letter(sample(kind, full=full, **changes), audience=MESSAGES[kind].audience, language=language)


def words(text: str) -> set[str]:
    return set(re.findall(r"[\w@./:+-]*\w", text))
