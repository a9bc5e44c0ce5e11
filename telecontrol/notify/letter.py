"""One body, two dresses: a letter written once as blocks, told as plain text and laid out as HTML.

A body template renders to a small XML vocabulary (`lead`, `p`, `h`, `ul`/`li`, `facts`/`fact`, `button`, `note`, and inside
them `a` and `strong`); Jinja escapes every value on the way, so nothing that a context holds can become markup. The two
forms carry the same facts because they come from the same blocks.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass

from telecontrol.notify.wording import french_spaces, without_scheme

_PROSE = frozenset({"lead", "p", "h", "li", "fact", "note"})
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of text; with `href` a link, with `is_strong` stressed."""

    text: str
    href: str = ""
    is_strong: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, heading, list item, fact or button. `language` is set where it is not the letter's."""

    kind: str
    runs: tuple[Run, ...] = ()
    label: str = ""
    href: str = ""
    language: str = ""
    items: tuple[Block, ...] = ()

    @property
    def text(self) -> str:
        return "".join(run.text for run in self.runs)


def blocks_of(source: str, *, language: str) -> tuple[Block, ...]:
    """Read a rendered body. Raises `ValueError` for a tag outside the vocabulary: a template's fault."""
    # The source is our own template with every value escaped: it holds no document type, so no entity to expand.
    root = ET.fromstring(f"<letter>{source}</letter>")  # noqa: S314
    return tuple(_block(element, language) for element in root)


def _block(element: ET.Element, language: str) -> Block:
    language_here = element.get(_XML_LANG, language)
    foreign = "" if language_here == language else language_here
    if element.tag in {"ul", "facts"}:
        return Block(element.tag, items=tuple(_block(child, language) for child in element))
    if element.tag == "button":
        return Block("button", label=_tidy(element.text or "", language_here).strip(), href=element.attrib["href"])
    if element.tag not in _PROSE:
        raise ValueError(f"a letter has no <{element.tag}>")
    label = _tidy(element.get("label", ""), language_here)
    return Block(element.tag, runs=_runs(element, language_here), label=label, language=foreign)


def _runs(element: ET.Element, language: str) -> tuple[Run, ...]:
    runs = [Run(_tidy(element.text or "", language))]
    for child in element:
        if child.tag not in {"a", "strong"}:
            raise ValueError(f"a paragraph has no <{child.tag}>")
        text = _tidy(child.text or "", language)
        runs.append(Run(text, href=child.get("href", ""), is_strong=child.tag == "strong"))
        runs.append(Run(_tidy(child.tail or "", language)))
    kept = [run for run in runs if run.text]
    if kept:
        kept[0] = Run(kept[0].text.lstrip(" "), kept[0].href, kept[0].is_strong)
        kept[-1] = Run(kept[-1].text.rstrip(" "), kept[-1].href, kept[-1].is_strong)
    return tuple(run for run in kept if run.text)


def _tidy(text: str, language: str) -> str:
    spaced = re.sub(r"[ \n\t]+", " ", text)
    return french_spaces(spaced) if language == "fr" else spaced


def as_text(blocks: tuple[Block, ...], *, language: str) -> str:
    """The letter as plain text: no line is cut, so that a phone wraps it itself; every address stands in full."""
    parts = [_text_of(block, language) for block in blocks]
    return "\n\n".join(part for part in parts if part) + "\n"


def _text_of(block: Block, language: str) -> str:
    colon = "\u00a0:" if language == "fr" else ":"
    match block.kind:
        case "ul":
            return "\n".join(f"- {_spoken(item)}" for item in block.items)
        case "facts":
            return "\n".join(f"{item.label}{colon} {_spoken(item)}" for item in block.items)
        case "button":
            return f"{block.label}{colon}\n{block.href}"
        case "h":
            return f"{block.text}\n{'-' * len(block.text)}"
        case _:
            return _spoken(block)


def _spoken(block: Block) -> str:
    return "".join(_spoken_run(run) for run in block.runs)


def _spoken_run(run: Run) -> str:
    """A link is followed by its address unless its words are the address."""
    shown = run.href.removeprefix("mailto:").removeprefix("tel:")
    if not run.href or run.href.startswith("tel:") or run.text in {shown, without_scheme(shown)}:
        return run.text
    return f"{run.text} ({shown})"
