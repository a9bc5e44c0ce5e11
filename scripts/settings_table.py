"""Write the table of settings in `docs/operations.md` from `telecontrol.config.Settings`.

python -m scripts.settings_table            write it
python -m scripts.settings_table --check    say whether it is up to date (exit 1 when it is not)
"""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from telecontrol.config import DEVELOPMENT_SECRET, Settings

PAGE = Path(__file__).parent.parent / "docs" / "operations.md"
BEGIN, END = "<!-- settings: begin -->", "<!-- settings: end -->"


def variable(field: str) -> str:
    """The environment variable that sets `field`."""
    return f"{Settings.model_config.get('env_prefix', '')}{field}".upper()


def shown_default(field: FieldInfo) -> str:
    """The default as one would write it in the environment; a development secret is named, not shown."""
    value: Any = field.default
    if isinstance(value, SecretStr):
        return "*development only*" if value.get_secret_value() == DEVELOPMENT_SECRET else "*none*"
    if isinstance(value, bool):
        value = str(value).lower()
    if isinstance(value, Enum):
        value = value.value
    return f"`{value}`" if str(value) else "*none*"


def table() -> str:
    """The settings as a Markdown table, in the order of the code."""
    rows = [
        f"| `{variable(name)}` | {shown_default(field)} | {(field.description or '').replace('|', chr(92) + '|')} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(["| variable | default | meaning |", "|---|---|---|", *rows])


def with_table(page: str) -> str:
    """`page` with the table of today between its two marks. Raises `ValueError` where a mark is missing."""
    before, _ = page.split(BEGIN)
    _, after = page.split(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main(arguments: list[str]) -> int:
    page = PAGE.read_text(encoding="utf-8")
    wanted = with_table(page)
    if "--check" in arguments:
        return 0 if page == wanted else 1
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
