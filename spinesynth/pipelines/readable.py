"""Read every case once before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from spinesynth.errors import InputError
from spinesynth.io.case import Case
from spinesynth.io.load_case import LoadedCase, load_case


def refuse_unreadable(
    cases: Iterable[tuple[Case, bool]],
    *,
    data: Path,
    check: Callable[[LoadedCase], None] | None = None,
) -> None:
    """Raise if a file of any case is refused; nothing is kept in memory.

    A scan that cannot be read is better refused now than after an hour of work.

    Args:
        cases: each with whether its image is read too.
        data: where the cases come from, for the remedy.
        check: refuses what can be read but not used, by an InputError.

    Raises:
        InputError: for the first file that is refused, with the number of others.
    """
    problems: list[InputError] = []
    for case, need_image in cases:
        try:
            loaded = load_case(case, need_image=need_image)
            if check is not None:
                check(loaded)
        except InputError as error:
            problems.append(error)
    if len(problems) > 1:
        first = problems[0]
        raise InputError(
            f"{str(first).removeprefix(f'[{first.code}] ')}; {len(problems) - 1} more cases are "
            f"refused, 'spinesynth check {data}' lists them",
            code=first.code,
        )
    if problems:
        raise problems[0]
