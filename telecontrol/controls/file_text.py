"""The text of a file whose encoding nobody tells: by its mark, else UTF-8 where it is valid, else Windows-1252.

A file that is mostly UTF-8 with a stray byte would decode as Windows-1252 too, and every accent in it would be garbled, in the
names of people who then get legal letters. So a file that mixes the two is refused, naming the lines to look at.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from typing import Any

from telecontrol.errors import InvalidInput

_LINES_NAMED = 20
_HIGH = re.compile(
    # What European text in UTF-8 is made of: Latin letters with accents, combining accents, punctuation, signs, emoji.
    rb"(?P<meant>[\xc2-\xc5\xcc\xcd][\x80-\xbf]|\xe2[\x80-\xbf]{2}|\xf0[\x90-\xbf][\x80-\xbf]{2})"
    # Other valid UTF-8, which Windows-1252 makes by chance: a capital É, È or Ê before a closing quote or a hard space.
    rb"|(?P<either>[\xc6-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1\xe3-\xec\xee\xef][\x80-\xbf]{2}"
    rb"|\xed[\x80-\x9f][\x80-\xbf]|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})"
    rb"|(?P<stray>[\x80-\xff])"
)


def decode(data: bytes) -> tuple[str, str]:
    """The text of a file and the encoding it was found to be in. Raises `InvalidInput` (field `file`)."""
    if data.startswith(codecs.BOM_UTF8):
        return _utf8(data, "utf-8-sig"), "utf-8-sig"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _utf16(data), "utf-16"
    if b"\0" in data:
        raise unreadable("the file holds NUL bytes: it is no text", "file_not_text")
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return _windows(data), "cp1252"


def _utf8(data: bytes, encoding: str) -> str:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        stray = [found.start() for found in _HIGH.finditer(data) if found.lastgroup == "stray"]
        raise _mixed(data, stray) from error
    return _without_nul(text)


def _utf16(data: bytes) -> str:
    try:
        return _without_nul(data.decode("utf-16"))
    except UnicodeDecodeError as error:
        raise unreadable("the file is in no known encoding", "file_not_text") from error


def _windows(data: bytes) -> str:
    meant, stray = [], []
    for found in _HIGH.finditer(data):
        if found.lastgroup == "meant":
            meant.append(found.start())
        elif found.lastgroup == "stray":
            stray.append(found.start())
    if meant:
        # Whatever there is less of is what to look at.
        raise _mixed(data, stray if len(stray) <= len(meant) else meant)
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError as error:
        lines = _lines_of(data, [error.start])
        raise unreadable("a character is in no known encoding", "characters_unreadable", lines=lines) from error


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise unreadable("the file holds NUL bytes: it is no text", "file_not_text")
    return text


def _mixed(data: bytes, offsets: Sequence[int]) -> InvalidInput:
    lines = _lines_of(data, offsets)
    return unreadable("the file mixes UTF-8 and another encoding", "encodings_mixed", lines=lines)


def _lines_of(data: bytes, offsets: Sequence[int]) -> list[int]:
    """The lines, as an editor counts them, that these places (in order) lie on; the first ones where there are many."""
    lines: list[int] = []
    number, counted = 1, 0
    for offset in offsets:
        number += len(re.findall(rb"\r\n|\r|\n", data[counted:offset]))
        counted = offset
        if not lines or lines[-1] != number:
            lines.append(number)
        if len(lines) == _LINES_NAMED:
            break
    return lines


def unreadable(message: str, code: str, **details: Any) -> InvalidInput:
    """The refusal of a file as a whole."""
    return InvalidInput(message, field="file", code=code, **details)
