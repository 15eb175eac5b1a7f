"""Every record and report names what the label maps come from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from spinesynth.io.case import Case
from spinesynth.pipelines.config_reading import parse_config
from spinesynth.pipelines.experiment import train_models
from spinesynth.pipelines.report import build_report
from spinesynth.pipelines.results import RUN_JSON
from spinesynth.pipelines.run_record import model_mode, training_mode
from tests.pipelines.fabricated_run import write_scores
from tests.pipelines.many_patients import write_patients
from tests.pipelines.tiny_training import tiny_values


def case(scheme: str, *, source: str = "clinic", image: bool = False) -> Case:
    label = Path("a.nii.gz")
    scan = Path("b.nii.gz") if image else None
    return Case("a", "a", source, "", frozenset({"body"}), scheme, image=scan, label=label)


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
    cases = [case("spine6", source=source, image=True) for source in sources]
    assert training_mode(parse_config(values), cases) == mode
    assert training_mode(parse_config(values)) == mode  # the configuration says as much


@pytest.mark.parametrize(("real", "phantoms", "modes"), [
    # share of real images, of phantoms without files; modes of A and B
    (0.5, 0.0, ("phantom+real-images+pseudo-labels", "phantom+real-images+pseudo-labels")),
    (0.0, 0.5, ("phantom+pseudo-labels", "phantom+real-images+pseudo-labels")),
    (0.0, 1.0, ("phantom", "phantom+real-images+pseudo-labels")),  # A opens no label map
    (0.5, 1.0, ("phantom+real-images+pseudo-labels", "phantom+real-images+pseudo-labels")),
])  # fmt: skip
def test_scans_that_a_model_segmented_are_real_images_beside_phantoms(
    real: float, phantoms: float, modes: tuple[str, str]
) -> None:
    config = parse_config({
        "name": "x",
        "data": {"train_sources": ["phantom"], "pseudo_labels": "pseudo/cases.csv"},
        "synthesis": {"phantom_share": phantoms},
        "training": {"real_share": real},
    })  # fmt: skip
    cases = [
        case("spine6", source="phantom", image=True),
        case("pseudo", source="pseudo_scans", image=True),
    ]
    assert tuple(model_mode(config, model, cases) for model in ("A", "B")) == modes
    assert tuple(model_mode(config, model) for model in ("A", "B")) == modes


START = {
    "path": "models/model_A_best.pt", "sha256": "ab", "model": "A", "step": 30, "mode": "phantom",
}  # fmt: skip


@pytest.mark.parametrize(("told", "said"), [
    ({"mode": "phantom"}, "What training used: model A phantom."),  # an older record
    ({}, "What training used: not known."),
    ({"mode": None, "modes": {"B": "real-images"}}, "What training used: model B real-images."),
    ({"mode": "label-only", "modes": {"A": "label-only", "B": "real-images"}},
     "What training used: model A label-only; model B real-images."),
])  # fmt: skip
@pytest.mark.parametrize("start", [None, START, [START, START]])
def test_report_names_what_each_model_used_and_started_from(
    told: dict[str, object], said: str, start: object, tmp_path: Path
) -> None:
    folder = write_scores(tmp_path / "run")
    (folder / RUN_JSON).write_text(json.dumps({**told, "started_from": start}))
    for path in build_report(folder, folder / "report", command="test"):
        text = " ".join(path.read_text().replace("</p>", " ").split())
        assert said in text
        assert text.count("(model A, step 30), whose own training used phantom.") == bool(start)


def test_record_names_the_mode_of_model_b_alone(tmp_path: Path) -> None:
    data = write_patients(tmp_path / "data", {"home": 3})
    folder = tmp_path / "run"
    train_models(parse_config(tiny_values(models=["B"])), data=data, folder=folder, command="test")
    record = json.loads((folder / RUN_JSON).read_text())
    assert (record["mode"], record["modes"]) == (None, {"B": "real-images"})
    assert len(record["data_sha256"]) == 64
