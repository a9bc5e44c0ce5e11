"""Bring the catalogues of `telecontrol/web/translations` up to date with what pages say.

python -m scripts.translations           adds what is new, drops what is gone, says what waits for a translation
python -m scripts.translations --check   changes nothing; exit code 1 when a sentence is missing, superfluous or broken
"""

from __future__ import annotations

import ast
import io
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

WEB = Path(__file__).resolve().parent.parent / "telecontrol" / "web"
TRANSLATIONS = WEB / "translations"
_KEYWORDS: dict[str, tuple[int, ...] | None] = {"t": None, "plain": None, "tn": (1, 2), "mark": None}
_METHODS = [("templates/**.html", "jinja2"), ("**.py", "python")]
_OPTIONS = {"templates/**.html": {"extensions": "jinja2.ext.do", "silent": "false"}}
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def sentences() -> Catalog:
    """Every sentence that templates and code hand to `t`, `tn`, `plain` or `mark`."""
    catalogue = Catalog(charset="utf-8")
    found = extract_from_dir(WEB, method_map=_METHODS, options_map=_OPTIONS, keywords=_KEYWORDS)
    for _, _, message, _, _ in found:
        catalogue.add(message)
    for path in sorted(WEB.rglob("*.py")):
        for text in _told_after(path.read_text("utf-8")):
            catalogue.add(text)
    return catalogue


def _told_after(source: str) -> Iterator[str]:
    """Sentences that `see_other(…, text="…")` tells on the next page; Babel reads no keyword arguments."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "see_other":
            for each in node.keywords:
                if each.arg == "text" and isinstance(each.value, ast.Constant) and isinstance(each.value.value, str):
                    yield each.value.value


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.stem)


def faults(wanted: Catalog, catalogue: Catalog) -> Iterator[str]:
    """What keeps a catalogue from being complete, one line each."""
    have = {message.id for message in catalogue if message.id}
    need = {message.id for message in wanted if message.id}
    yield from (f"missing: {each!r}" for each in sorted(need - have, key=str))
    yield from (f"superfluous: {each!r}" for each in sorted(have - need, key=str))
    for message in catalogue:
        if message.id and message.id in need:
            yield from _faults_of(message)


def _faults_of(message: Message) -> Iterator[str]:
    sources = _forms(message.id)
    targets = _forms(message.string)
    if message.fuzzy or not all(targets):
        yield f"untranslated: {message.id!r}"
        return
    wanted = {name for source in sources for name in _PLACEHOLDER.findall(source)}
    for target in targets:
        if not wanted - {"n"} <= set(_PLACEHOLDER.findall(target)) <= wanted | {"n"}:
            yield f"placeholders differ: {message.id!r} → {target!r}"


def _forms(text: str | Sequence[str] | None) -> list[str]:
    return [text] if isinstance(text, str) else list(text or [""])


def update(path: Path, wanted: Catalog) -> None:
    catalogue = read(path)
    catalogue.update(wanted, no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    text = io.BytesIO()
    write_po(text, catalogue, width=0, no_location=True, omit_header=True, sort_output=True)
    header = f'# What pages say, in this language.\nmsgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n"Language: {path.stem}\\n"\n"Plural-Forms: {catalogue.plural_forms}\\n"\n\n'
    path.write_text(header + text.getvalue().decode("utf-8").strip() + "\n", "utf-8")


def main() -> int:
    wanted = sentences()
    count = 0
    for path in sorted(TRANSLATIONS.glob("*.po")):
        if "--check" not in sys.argv:
            update(path, wanted)
        for fault in faults(wanted, read(path)):
            count += 1
            print(f"{path.name}: {fault}")
    return 1 if count else 0


if __name__ == "__main__":
    raise SystemExit(main())
