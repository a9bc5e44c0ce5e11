"""Every page renders in every state and language, keeps to the Content-Security-Policy, and works without script."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import jinja2
import pytest

from telecontrol.web import wording
from telecontrol.web.templating import TEMPLATES, WEB, Assets, Templates, load_templates
from tests.web.samples import PAGES

ICONS = WEB / "assets" / "icons.txt"
FRAGMENTS = {"layouts", "components"}
DRAWN_FROM_ROWS = ("staff/desk/", "staff/admin/")


@pytest.fixture(scope="module")
def templates() -> Templates:
    return load_templates()


class Page(HTMLParser):
    """What the rules below look at: attributes, ids, forms and their fields."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.attributes: list[tuple[str, str, str]] = []
        self.forms: list[dict[str, object]] = []
        self.inside: dict[str, object] | None = None
        self.void_text: dict[str, str] = {}
        self.last = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.last = tag
        self.attributes += [(tag, name, value) for name, value in given.items()]
        if tag == "form":
            self.inside = {
                "method": given.get("method", "get").lower(),
                "action": given.get("action", ""),
                "fields": set(),
                "buttons": 0,
            }
            self.forms.append(self.inside)
        elif self.inside is not None and isinstance(fields := self.inside["fields"], set):
            fields.add(given.get("name", ""))
            if tag == "button" and given.get("type", "submit") == "submit":
                self.inside["buttons"] = int(str(self.inside["buttons"])) + 1

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = None

    def handle_data(self, data: str) -> None:
        if self.last in ("script", "style"):
            self.void_text[self.last] = self.void_text.get(self.last, "") + data.strip()
            self.last = ""

    def values(self, name: str) -> list[str]:
        return [value for _, attribute, value in self.attributes if attribute == name]


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("name", PAGES)
def test_page(name: str, language: str, templates: Templates) -> None:
    template, context = PAGES[name]
    text = templates.render(template, language=language, **context)
    page = Page(text)
    if "/_" not in name:  # a part of a page, fetched alone
        assert f'<html lang="{language}"' in text

    # Nothing inline: the policy has no 'unsafe-inline', and htmx must evaluate nothing.
    assert not any(page.void_text.values()), f"inline {page.void_text}"
    assert not page.values("style")
    handlers = [attribute for _, attribute, _ in page.attributes if attribute.startswith(("on", "hx-on"))]
    assert not handlers
    assert not [value for value in page.values("href") if value.startswith("javascript:")]
    assert not [
        value for name_ in ("src", "href", "action") for value in page.values(name_) if re.match(r"(https?:)?//", value)
    ]

    for form in page.forms:
        fields = form["fields"]
        assert isinstance(fields, set)
        if form["method"] == "post":
            assert "csrf_token" in fields, f"no token in {form['action']}"
            assert form["buttons"], f"no button in {form['action']}: it would need script"
        else:
            assert "csrf_token" not in fields, "a token in a GET form ends in the address"

    ids = page.values("id")
    assert len(ids) == len(set(ids)), f"twice: {sorted(each for each in ids if ids.count(each) > 1)}"
    named = set(ids)
    for attribute in ("for", "aria-describedby", "aria-labelledby"):
        missing = {each for value in page.values(attribute) for each in value.split()} - named - {"dialog-title"}
        assert not missing, f"{attribute} names nothing: {missing}"


def test_every_page_has_a_sample() -> None:
    """Desk and administration are drawn from rows: tests/browser/pages/test_running_pages.py looks at them in the demonstration."""
    pages = {
        str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.html") if path.parent.name not in FRAGMENTS
    }
    kept = {page for page in pages if not Path(page).name.startswith("_") and not page.startswith(DRAWN_FROM_ROWS)}
    assert kept <= {template for template, _ in PAGES.values()}


@pytest.mark.parametrize("path", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_template_states_what_it_needs(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.startswith("{#"), "a comment at the top says what the template is and needs"


def test_missing_value_fails(templates: Templates) -> None:
    template, context = PAGES["insured/gate"]
    incomplete = {name: value for name, value in context.items() if name != "appointment"}
    with pytest.raises(jinja2.UndefinedError):
        templates.render(template, language="fr", **incomplete)


def test_values_are_escaped(templates: Templates) -> None:
    template, context = PAGES["insured/before"]
    text = templates.render(template, language="fr", **{**context, "person": "<img src=x>", "mandate": "a & b"})
    assert "<img" not in text
    assert "&lt;img src=x&gt;" in text
    assert "a &amp; b" in text


def test_list_of_icons_and_pages_agree() -> None:
    listed = {line for line in ICONS.read_text("utf-8").split("\n") if line and not line.startswith("#")}
    text = "".join(path.read_text("utf-8") for path in [*TEMPLATES.rglob("*.html"), *WEB.rglob("*.py")])
    quoted = set(re.findall(r'"([a-z0-9-]+)"', text))
    assert listed <= quoted, f"drawn for nothing: {listed - quoted}"
    assert listed == set(Assets.read().icons), "build again"


def test_every_icon_of_the_wording_is_listed() -> None:
    icons = Assets.read().icons
    for name, table in wording.TABLES.items():
        for code, entry in table.items():
            assert entry.icon in icons, f"{name} {code}"
            assert entry.tone in {"neutral", "info", "success", "warning", "danger", "accent"}
