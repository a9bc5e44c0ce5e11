"""Write docs/states.md from the table that enforces the states: `python -m scripts.draw_states`."""

from __future__ import annotations

from pathlib import Path

from telecontrol.controls.results import CONSEQUENCES
from telecontrol.controls.states import as_mermaid

PAGE = Path(__file__).parent.parent / "docs/states.md"


def main() -> None:
    rows = "\n".join(
        f"| `{result}` | {consequence.act} | {consequence.report or '–'}"
        f"{' (from the second time)' if consequence.report_from_second_time else ''} |"
        for result, consequence in CONSEQUENCES.items()
    )
    PAGE.write_text(
        "# States of a control\n\nGenerated from `telecontrol/controls/states.py` and `results.py`; a test keeps it true.\n\n"
        f"```mermaid\n{as_mermaid()}```\n\n"
        f"## What each result leads to\n\n| result | act | report |\n|---|---|---|\n{rows}\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
