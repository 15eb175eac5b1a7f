"""Cases found together with everything wrong with the rest."""

from __future__ import annotations

from dataclasses import dataclass, field

from spinesynth.io.case import Case
from spinesynth.io.problems import InputFileError


@dataclass
class CaseScan:
    """Collect what a folder or table holds, so that all problems show at once.

    Args:
        cases: usable cases, in a stable order.
        problems: one error for everything else.
    """

    cases: list[Case] = field(default_factory=list)
    problems: list[InputFileError] = field(default_factory=list)

    def cases_or_raise(self) -> list[Case]:
        """Return the cases, raising the first problem if there is any."""
        if self.problems:
            raise self.problems[0]
        return self.cases
