"""What several tests of the pipelines do without."""

from __future__ import annotations

from pathlib import Path

import pytest

from spinesynth.pipelines import report


@pytest.fixture
def no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave figures and pages out: they take longer than all the rest."""
    monkeypatch.setattr(
        report, "build_report", lambda *_, **__: (Path("report.md"), Path("report.html"))
    )
