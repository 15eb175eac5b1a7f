"""Every record and report names what the label maps come from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from spinesynth.io.case import Case
from spinesynth.pipelines.config import parse_config
from spinesynth.pipelines.report import build_report
from spinesynth.pipelines.results import RUN_JSON
from spinesynth.pipelines.run_record import training_mode
from tests.pipelines.fabricated_run import write_run


def case(scheme: str) -> Case:
    label = Path("a.nii.gz")
    return Case("a", "a", "clinic", "", frozenset({"body"}), scheme, image=None, label=label)


@pytest.mark.parametrize(
    ("sources", "share", "scheme", "mode"),
    [
        (["phantom"], 0.0, "spine6", "phantom"),
        (["clinic"], 1.0, "spine6", "phantom"),
        (["clinic"], 0.0, "spine6", "label-only"),
        (["clinic"], 0.4, "spine6", "label-only+phantom"),
        (["clinic", "phantom"], 0.0, "spine6", "label-only+phantom"),
        (["clinic"], 0.0, "em_clusters", "label+EM"),
        (["clinic"], 0.4, "em_clusters", "label+EM+phantom"),
    ],
)
def test_mode_follows_from_configuration_and_cases(
    sources: list[str], share: float, scheme: str, mode: str
) -> None:
    values: dict[str, Any] = {
        "name": "x",
        "data": {"train_sources": sources},
        "synthesis": {"phantom_share": share},
    }
    assert training_mode(parse_config(values), [case(scheme)]) == mode


@pytest.mark.parametrize(("choice", "scans", "mode"), [
    ("volumes", True, "label-only+real-choice"),
    ("volumes", False, "label-only"),
    ("samples", True, "label-only"),
])  # fmt: skip
def test_mode_names_real_scans_that_chose_the_weights(choice: str, scans: bool, mode: str) -> None:
    values: dict[str, Any] = {
        "name": "x",
        "data": {"train_sources": ["clinic"]},
        "training": {"final_choice": choice},
    }
    cases = [case("spine6")]
    assert training_mode(parse_config(values), cases, cases if scans else []) == mode


@pytest.mark.parametrize(
    ("models", "mode"),
    [(["A"], "label-only+pseudo-labels"), (["B"], "pseudo-labels"),
     (["A", "B"], "label-only+pseudo-labels")],
)  # fmt: skip
def test_mode_names_pseudo_labels_whichever_model_they_train(models: list[str], mode: str) -> None:
    config = parse_config({"name": "x", "models": models, "data": {"train_sources": ["clinic"]}})
    assert training_mode(config, [case("spine6"), case("pseudo")]) == mode


@pytest.mark.parametrize(("sources", "real", "phantoms", "mode"), [
    (["clinic"], 0.25, 0.0, "label-only+real-images"),
    (["clinic"], 0.25, 1.0, "phantom+real-images"),
    (["clinic"], 1.0, 0.5, "real-images"),
    (["phantom"], 0.25, 0.0, "phantom"),
])  # fmt: skip
def test_mode_names_real_images_among_the_samples(
    sources: list[str], real: float, phantoms: float, mode: str
) -> None:
    values: dict[str, Any] = {
        "name": "x",
        "data": {"train_sources": sources},
        "synthesis": {"phantom_share": phantoms},
        "training": {"real_share": real},
    }
    assert training_mode(parse_config(values), [case("spine6")]) == mode


@pytest.mark.parametrize("mode", ["phantom", None])
def test_report_names_the_mode(mode: str | None, tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    record = json.loads((folder / RUN_JSON).read_text())
    record.pop("mode", None)
    (folder / RUN_JSON).write_text(json.dumps({**record, **({"mode": mode} if mode else {})}))
    for path in build_report(folder, folder / "report", command="test"):
        assert f"are painted over: {mode or 'not known'}." in path.read_text()
