"""What an import did, would do, or could not do: counted, and told line by line."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Self

from telecontrol.controls.csv_reading import Problem, Table
from telecontrol.controls.models import ImportKind


class ImportMode(StrEnum):
    ALL_OR_NOTHING = "all_or_nothing"
    GOOD_LINES = "good_lines"
    """The good lines are imported, the others listed."""


@dataclass(slots=True)
class ImportReport:
    """Counts are of lines. In a rehearsal, and when nothing was applied, `created` and `updated` say what would have been."""

    kind: ImportKind
    mode: ImportMode
    is_rehearsal: bool = False
    is_applied: bool = False
    total: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    """Already there, with the same data."""
    changed: int = 0
    """Already there with other data, which was left alone and is listed in `notices`."""
    rejected: int = 0
    errors: list[Problem] = field(default_factory=list)
    notices: list[Problem] = field(default_factory=list)
    """Worth knowing, and no reason to refuse."""
    file_problem: Problem | None = None
    """Why the file as a whole could not be read."""
    encoding: str = ""
    separator: str = ""
    ignored_columns: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def describe(self, table: Table) -> None:
        """Note how the file was read."""
        self.total, self.errors = len(table.lines), list(table.problems)
        self.encoding, self.separator, self.ignored_columns = table.encoding, table.separator, table.ignored

    def settle(self) -> None:
        """Order what is told by line, and count the lines that were refused."""
        self.errors.sort(key=lambda problem: problem.line)
        self.notices.sort(key=lambda problem: problem.line)
        self.rejected = len({problem.line for problem in self.errors})

    @property
    def is_good(self) -> bool:
        return not self.errors and self.file_problem is None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The report that `to_json` gave."""
        problem = values["file_problem"]
        return cls(
            **{
                **values,
                "kind": ImportKind(values["kind"]),
                "mode": ImportMode(values["mode"]),
                "errors": [Problem(**each) for each in values["errors"]],
                "notices": [Problem(**each) for each in values["notices"]],
                "file_problem": None if problem is None else Problem(**problem),
            }
        )
