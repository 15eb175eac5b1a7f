"""Finished scores of a long evaluation, one small file each, so that none is made twice.

A file lies under the digest of everything its scores follow from. Where any of that changes
the key is another one, and the scores are made anew.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from spinesynth import __version__
from spinesynth.io.atomic import write_text

#: Rises whenever what is kept, or how it is made, changes its meaning.
_FORMAT = 2


class Score(NamedTuple):
    """Hold one number: of which structure, which metric, and its unit."""

    structure: str
    metric: str
    value: float
    unit: str


class Outcome(NamedTuple):
    """Hold what came of one task: scores, or the reason why there are none to make."""

    scores: tuple[Score, ...] = ()
    left_out: str = ""


class ScoreStore:
    """Keep outcomes in a folder.

    Args:
        folder: made when the first outcome is kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, **decides: object) -> Outcome | None:
        """Return the outcome kept under a key, None where there is none that can be read.

        Args:
            **decides: plain JSON types, all that the outcome follows from.
        """
        key = _key(decides)
        try:
            content = json.loads(self._path(key).read_text(encoding="utf-8"))
            if content["key"] != key or content["sha256"] != _seal(content):
                return None
            scores = [Score(s, m, math.nan if v is None else float(v), u) for s, m, v, u in
                      content["scores"]]  # fmt: skip
            return Outcome(tuple(scores), str(content["left_out"]))
        except (OSError, ValueError, LookupError, TypeError):
            return None  # never written, or damaged: it is made anew

    def put(self, outcome: Outcome, **decides: object) -> None:
        """Keep an outcome in one piece: a run that is killed leaves it whole or not at all.

        Raises:
            OutputError: if it cannot be written.
        """
        key = _key(decides)
        rows = [[*s[:2], None if math.isnan(s.value) else s.value, s.unit] for s in outcome.scores]
        content: dict[str, Any] = {"key": key, "scores": rows, "left_out": outcome.left_out}
        content["sha256"] = _seal(content)
        self.folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(content, sort_keys=True, allow_nan=False)
        write_text(self._path(key), text + "\n")

    def _path(self, key: Mapping[str, Any]) -> Path:
        text = json.dumps(key, sort_keys=True)
        return self.folder / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.json"


def _seal(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what is kept, in one way of writing it."""
    kept = [content["key"], content["scores"], content["left_out"]]
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def _key(decides: Mapping[str, object]) -> dict[str, Any]:
    told = {**decides, "format": _FORMAT, "spinesynth": __version__}
    key: dict[str, Any] = json.loads(json.dumps(told))
    return key
