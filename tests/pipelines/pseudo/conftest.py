"""Label maps that a pretended model makes of scans of new patients."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spinesynth.pipelines import pseudo_labels as home
from spinesynth.pipelines.ensemble import Origin
from spinesynth.pipelines.pseudo_labels import (
    write_pseudo_labels,
)
from tests.pipelines.pseudo.teacher import Teacher, scans
from tests.pipelines.tiny_checkpoint import write_checkpoint


@pytest.fixture
def teacher(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Let every checkpoint be the teacher; what it has seen may be changed."""
    told: dict[str, Any] = {"seen_patients": ("p2",)}

    def load(paths: list[Path]) -> tuple[Teacher, Origin]:
        return Teacher(), Origin("t", "A", "semantic4", (1,), told["seen_patients"])

    monkeypatch.setattr(home, "load_members", load)
    return told


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return write_checkpoint(tmp_path / "teacher.pt")


@pytest.fixture
def manifest(tmp_path: Path, teacher: dict[str, Any], checkpoint: Path) -> Path:
    """Pseudo-labels of two new patients and of one whose annotated scan is tested."""
    source = scans(tmp_path / "scans", "n1", "n2", "p1")
    written, refused = write_pseudo_labels([checkpoint], source, output=tmp_path / "pseudo")
    assert refused == []
    return written
