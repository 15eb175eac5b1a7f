"""The command line as its tests call it, and functions that stand in for the pipelines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from spinesynth import cli

Replace = Callable[[str, object], None]


def run_words(*words: str) -> int:
    return cli.run(words, command=f"spinesynth {' '.join(words)}")


def raising(error: BaseException) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> Any:  # noqa: ANN401 it returns nothing
        raise error

    return fail


class Recorder:
    """Remember the arguments of the last call and return a fixed result."""

    def __init__(self, result: object = "done") -> None:
        self.result = result
        self.words: tuple[Any, ...] = ()
        self.options: dict[str, Any] = {}

    def __call__(self, *words: object, **options: object) -> object:
        self.words, self.options = words, options
        return self.result
