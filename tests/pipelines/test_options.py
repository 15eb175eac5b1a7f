from __future__ import annotations

from pathlib import Path

import pytest

from spinesynth.errors import ConfigError, InputError
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.options import configure, parse_factors, scheme_of

MANIFEST = """case_id,patient_id,source,contrast,annotated,scheme,image,label
a,p1,clinic,T1,vertebra disc,semantic4,a.nii.gz,a_label.nii.gz
b,p2,atlas,T2,vertebra,semantic4,,b_label.nii.gz
"""


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    for name in ("a.nii.gz", "a_label.nii.gz", "b_label.nii.gz"):
        (tmp_path / name).touch()
    (tmp_path / "cases.csv").write_text(MANIFEST)
    return tmp_path / "cases.csv"


def test_without_options_the_defaults_hold() -> None:
    assert configure(None) == ExperimentConfig(name="run")


def test_options_override_the_file_and_leave_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("name: own\nseed: 5\ntraining: {validate_every: 10, batch_size: 3}\n")
    config = configure(file, epochs=4, learning_rate=0.01, model="both")
    assert (config.name, config.seed, config.models) == ("own", 5, ("A", "B"))
    assert (config.training.steps, config.training.batch_size) == (40, 3)
    assert config.training.learning_rate == 0.01


def test_without_a_file_every_complete_source_trains(manifest: Path) -> None:
    # `atlas` holds label maps alone: nothing could be tested on it
    assert configure(None, data=manifest).data.train_sources == ("clinic",)


def test_label_maps_alone_train_model_a(manifest: Path) -> None:
    assert configure(None, data=manifest, model="A").data.train_sources == ("atlas", "clinic")


PARTIAL = """case_id,patient_id,source,contrast,annotated,scheme,image,label
a,p1,clinic,T1,vertebra disc,semantic4,a.nii.gz,a_label.nii.gz
c,p3,bodies,T2,body,parts,c.nii.gz,c_label.nii.gz
d,p4,discs,T2,disc,parts,d.nii.gz,d_label.nii.gz
"""


@pytest.mark.parametrize(
    ("classes", "sources"),
    [(6, ("bodies", "clinic", "discs")), (4, ("clinic", "discs")), (2, ("clinic",))],
)
def test_without_a_file_sources_that_teach_the_target_nothing_are_left_out(
    classes: int, sources: tuple[str, ...], manifest: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("c", "c_label", "d", "d_label"):
        (manifest.parent / f"{name}.nii.gz").touch()
    manifest.write_text(PARTIAL)
    assert configure(None, data=manifest, num_classes=classes).data.train_sources == sources
    left_out = ", ".join(sorted({"bodies", "discs"} - set(sources)))
    assert (f"what they annotate: {left_out}" in caplog.text) == (classes < 6)


def test_missing_data_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        configure(None, data=tmp_path / "missing.csv")


@pytest.mark.parametrize(
    ("classes", "scheme"), [(6, "spine6"), (4, "semantic4"), (2, "binary_vertebra")]
)
def test_number_of_classes_chooses_the_scheme(classes: int, scheme: str) -> None:
    assert configure(None, num_classes=classes).target_scheme == scheme


def test_other_numbers_of_classes_are_refused_with_the_choice() -> None:
    with pytest.raises(ConfigError, match=r"2 \(binary_vertebra\), 4 .*, 6 .*, got 14; train on"):
        scheme_of(14)


def test_wrong_option_names_the_setting() -> None:
    with pytest.raises(ConfigError, match=r"options given.*training\.learning_rate.*got -1"):
        configure(None, learning_rate=-1.0)


@pytest.mark.parametrize("text", ["", "1,,2", "one", "0.5", "nan", "inf,1"])
def test_unusable_factors_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="resolution_factors must be numbers of at least 1"):
        parse_factors(text)
