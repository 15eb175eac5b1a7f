"""Predictions of other tools are scored as ours are, or refused with all that is wrong."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from spinesynth.anatomy.label_schemes import get_scheme
from spinesynth.cli import run
from spinesynth.errors import ConfigError, InputError
from spinesynth.io.discover import scan_cases
from spinesynth.io.volume import read_image
from spinesynth.pipelines.results import (
    DETECTION_CSV,
    FAILURES_CSV,
    INSTANCES_CSV,
    SPLIT_CSV,
)
from spinesynth.pipelines.tool_comparison import compare_tools
from spinesynth.pipelines.tool_predictions import FilePrediction, find_predictions
from tests.fabricate import (
    SPACING_MM,
    SPIDER_SERIES,
    intensities,
    metaimage_bytes,
    spider_codes,
    write_nifti,
    write_spider,
)
from tests.pipelines.many_patients import write_patients
from tests.pipelines.tool_cases import (
    TOTALSPINESEG,
    TPTBOX,
    compare,
    predict,
    recoded,
    table,
)

pytestmark = pytest.mark.usefixtures("no_report")


def test_tools_are_scored_side_by_side_on_what_both_know(tmp_path: Path) -> None:
    write_spider(tmp_path / "spider")
    first = predict(tmp_path / "first", recoded(TOTALSPINESEG))
    second = predict(tmp_path / "second", recoded(TPTBOX))
    out = compare(tmp_path, first, second, schemes=("totalspineseg", "tptbox"))
    scores = table(out)
    dice = scores[scores["metric"] == "dice"].set_index(["model", "structure"])["value"]
    known = {"first": {"vertebra", "disc", "canal"}, "second": {"vertebra", "disc"}}
    assert {name: set(dice[name].index) for name in known} == known
    assert set(dice) == {1.0}
    found = table(out, DETECTION_CSV).set_index(["model", "metric"])["value"]
    for name in known:
        assert set(found[name, "detection_rate"]) == {1.0}
        assert set(found[name, "identification_rate"]) == {1.0}
    centres = table(out, INSTANCES_CSV).query("metric == 'centre_error'")
    assert len(centres) == 2 * len(SPIDER_SERIES) * 6  # three vertebrae and three discs
    assert set(centres["value"]) == {0.0}
    assert table(out, FAILURES_CSV).empty


def test_shift_and_wrong_level_have_the_scores_that_geometry_says(tmp_path: Path) -> None:
    write_spider(tmp_path / "spider")
    # everything one voxel higher, and every vertebra called by the level below it
    lower = TOTALSPINESEG | {1: 46, 2: 45, 3: 44}
    folder = predict(tmp_path / "tool", np.roll(recoded(lower), 1, axis=2))
    out = compare(tmp_path, folder, schemes=("totalspineseg",))
    scores = table(out)
    of_vertebra = scores[scores["structure"] == "vertebra"].set_index("metric")["value"]
    # three blocks of 10 layers each lose one of them on either side
    assert set(of_vertebra["dice"]) == {0.9}
    assert set(of_vertebra["hd95"]) == {SPACING_MM[2]}
    found = table(out, DETECTION_CSV).set_index(["structure", "metric"])["value"]
    assert set(found["vertebra", "detection_rate"]) == {1.0}
    # L6, L5, L4 counted from the lowest are the same levels; their neighbours are not renamed
    assert set(found["vertebra", "identification_rate"]) == {1.0}
    missed = predict(tmp_path / "tool", recoded({2: 45, 3: 44}))
    found = table(compare(tmp_path, missed, schemes=("totalspineseg",)), DETECTION_CSV).set_index(
        ["structure", "metric"]
    )["value"]
    # two of three found, and both called by the level below
    # tables keep six digits
    assert set(found["vertebra", "detection_rate"]) == {0.666667}
    assert set(found["vertebra", "identification_rate"]) == {0.0}


def test_spineps_endplates_and_cuts_without_level_belong_to_no_instance(tmp_path: Path) -> None:
    write_spider(tmp_path / "spider")
    spider, volume = spider_codes(), recoded(TPTBOX)
    for vertebra in (1, 2, 3):
        layers = np.flatnonzero((spider == vertebra).any(axis=(0, 1)))
        for layer, beside in ((layers[0], TPTBOX[vertebra]), (layers[-1], TPTBOX[vertebra] - 1)):
            at = volume[:, :, layer]
            at[spider[:, :, layer] == vertebra] = 200 + beside
    volume[volume == 224] = 226  # the lowest endplate went to the sacrum
    volume[tuple(np.argwhere(volume == 124)[0])] = 126
    out = compare(tmp_path, predict(tmp_path / "tool", volume), schemes=("tptbox",))
    assert table(out, FAILURES_CSV).empty
    assert set(table(out).query("metric == 'dice'")["value"]) == {1.0}
    found = table(out, DETECTION_CSV).query("metric.str.endswith('_rate')")
    assert set(found["value"]) == {1.0}
    dice = table(out, INSTANCES_CSV).query("metric == 'dice' and structure == 'vertebra'")
    # of 10 layers 8 remain: 2 * 8 / (8 + 10), in six digits
    assert set(dice["value"]) == {0.888889}


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".mha"])
def test_neither_storage_nor_any_of_the_48_orientations_changes_a_prediction(
    tmp_path: Path, ending: str
) -> None:
    image = read_image(write_nifti(tmp_path / "image.nii.gz", intensities()))
    volume, scheme = recoded(TOTALSPINESEG), get_scheme("totalspineseg")
    expected = scheme.decode(torch.from_numpy(volume)).structure
    for order in itertools.permutations(("RL", "AP", "SI")):
        for axes in itertools.product(*order):
            path = tmp_path / f"{''.join(axes)}{ending}"
            if ending == ".mha":
                path.write_bytes(metaimage_bytes(volume, "".join(axes)))
            else:
                write_nifti(path, volume, "".join(axes))
            assert torch.equal(FilePrediction("c", path, scheme)(image), expected), path.name


def test_predictions_are_named_after_case_or_image_with_a_suffix(tmp_path: Path) -> None:
    data = write_patients(tmp_path, {"one": 2})
    volume = recoded({1: 49, 2: 49, 3: 49, 201: 100, 202: 100, 203: 100, 100: 61})
    predict(tmp_path / "by_id", volume, names=("one0", "one1"), end="_seg")
    predict(tmp_path / "by_image", volume, names=("one0_image", "one1_image"))
    (tmp_path / "by_id" / "one0_snapshot.nii.gz").write_bytes(b"of another kind")
    out = compare(
        tmp_path, tmp_path / "by_id", tmp_path / "by_image", schemes=("spineps", "spineps"),
        suffixes=("_seg", ""), names=("a", "b"), data=data,
    )  # fmt: skip
    scores = table(out).drop(columns="model")
    half = len(scores) // 2
    assert scores[:half].reset_index(drop=True).equals(scores[half:].reset_index(drop=True))
    assert table(out, INSTANCES_CSV).empty  # spineps names regions and counts nothing


def test_name_of_one_case_and_of_the_image_of_another_is_refused(tmp_path: Path) -> None:
    data = write_patients(tmp_path, {"one": 2})
    # case one0 keeps its image one0_image; the other case is now called so
    data.write_text(data.read_text().replace("\none1,", "\none0_image,"))
    names = ("one0", "one0_image")
    folder = predict(tmp_path / "tool", recoded({201: 100}), names=names)
    said = r"E-CMP-003.*one0_image\.nii\.gz: the prediction of case one0_image, or of one0, whose"
    with pytest.raises(InputError, match=said):
        compare(tmp_path, folder, schemes=("spineps",), data=data, allow_missing=True)


def test_cases_that_share_one_image_are_told_apart_by_id(tmp_path: Path) -> None:
    data = write_patients(tmp_path, {"one": 2})
    rows = data.read_text().replace("one1_image", "one0_image").replace("\none0,", "\none0_image,")
    data.write_text(rows)
    folder = predict(tmp_path / "tool", recoded({201: 100}), names=("one0_image",))
    files, problems = find_predictions(folder, scan_cases(data).cases)
    assert (list(files), problems) == (["one0_image"], [])


def bad_folder(root: Path) -> Path:
    folder = predict(root / "tool", recoded(TOTALSPINESEG), names=("1_t1", "nobody", "2_t2"))
    write_nifti(folder / "1_t2.nii.gz", recoded(TOTALSPINESEG)[:, :-1])
    write_nifti(folder / "2_t2.nii", recoded(TOTALSPINESEG | {100: 200}))
    (folder / "1_t1.nii.gz").write_bytes(b"torn")
    return folder


def test_all_that_is_wrong_is_listed_at_once_and_nothing_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_spider(tmp_path / "spider")
    folder = bad_folder(tmp_path)
    (folder / "2_t2.nii.gz").write_bytes((folder / "2_t2.nii").read_bytes())
    write_nifti(folder / "2_t2.nii.gz", recoded(TOTALSPINESEG | {100: 200}))
    words = ("compare", "--pred", str(folder), "--scheme", "totalspineseg", "--data", str(data))
    assert run([*words, "--save-dir", str(tmp_path / "out")], command="test") == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("spinesynth: [E-CMP-001] nothing was scored, 6 things are wrong: (1) ")
    for code, what in (
        ("E-CMP-002", "no prediction of 2_t2_SPACE (1 of 4 cases)"),
        ("E-CMP-003", "predictions of no case of the data: nobody.nii.gz"),
        ("E-CASE-004", "a second prediction of 2_t2 beside 2_t2.nii"),
        ("E-FMT-001", "1_t1.nii.gz"),
        ("E-GEOM-003", "shape (6, 39, 48) against (6, 40, 48)"),
        ("E-LAB-001", "got 200"),
    ):
        assert f"[{code}]" in line
        assert what in line
    assert not (tmp_path / "out").exists()


def test_bad_table_is_listed_with_bad_predictions(tmp_path: Path) -> None:
    data = write_patients(tmp_path, {"one": 3})
    lines = data.read_text().splitlines()
    twice = lines[1].replace("one0,one0,", "one0,one9,")
    data.write_text("\n".join([*lines, twice, lines[2].replace("parts", "nonsense")]))
    (tmp_path / "tool").mkdir()
    said = r"E-CMP-001.*3 things.*E-CASE-003.*line 6.*nonsense.*E-CASE-004.*one0.*E-CMP-002"
    with pytest.raises(InputError, match=said):
        compare(tmp_path, tmp_path / "tool", schemes=("spineps",), data=data)


def test_every_ragged_line_is_named(tmp_path: Path) -> None:
    data = write_patients(tmp_path, {"one": 3})
    lines = data.read_text().splitlines()
    data.write_text("\n".join([lines[0], lines[1] + ",x", lines[2], lines[3][:-1]]))
    (tmp_path / "tool").mkdir()
    said = "line 2 has 10 cells, line 4 has 8 cells, the header has 9"
    with pytest.raises(InputError, match=f"E-CSV-003.*{said}"):
        compare(tmp_path, tmp_path / "tool", schemes=("spineps",), data=data)


def test_missing_predictions_count_as_failures_if_allowed(tmp_path: Path) -> None:
    write_spider(tmp_path / "spider")
    folder = predict(tmp_path / "tool", recoded(TPTBOX), names=("1_t1", "2_t2"))
    with pytest.raises(InputError, match=r"E-CMP-002.*1_t2, 2_t2_SPACE \(2 of 4 cases\)"):
        compare(tmp_path, folder, schemes=("tptbox",))
    out = compare(tmp_path, folder, schemes=("tptbox",), allow_missing=True)
    failures = table(out, FAILURES_CSV)
    assert list(failures["case_id"]) == ["1_t2", "2_t2_SPACE"]
    assert set(failures["code"]) == {"E-CMP-002"}
    assert set(table(out)["case_id"]) == {"1_t1", "2_t2"}


def test_tools_are_scored_on_the_cases_that_all_have_predicted(tmp_path: Path) -> None:
    write_spider(tmp_path / "spider")
    perfect, shifted = recoded(TPTBOX), np.roll(recoded(TPTBOX), 1, axis=2)
    # the first is wrong where the second says nothing
    first = predict(tmp_path / "first", perfect, names=("1_t1", "1_t2"))
    predict(first, shifted, names=("2_t2", "2_t2_SPACE"))
    second = predict(tmp_path / "second", perfect, names=("1_t1", "1_t2"))
    text = compare_tools(
        (first, second), ("tptbox", "tptbox"), data=tmp_path / "spider",
        folder=tmp_path / "out", command="test", allow_missing=True,
    )  # fmt: skip
    assert "second: no prediction of 2 of 4 cases\nScores are those of the 2 cases" in text
    assert "first: no prediction" not in text
    scores = table(tmp_path / "out")
    for _, of_tool in scores.groupby("model"):
        assert set(of_tool["case_id"]) == {"1_t1", "1_t2"}
    assert set(scores.query("metric == 'dice'")["value"]) == {1.0}
    for name in (DETECTION_CSV, INSTANCES_CSV):
        assert set(table(tmp_path / "out", name)["case_id"]) == {"1_t1", "1_t2"}
    failures = table(tmp_path / "out", FAILURES_CSV)
    assert list(failures["case_id"]) == ["2_t2", "2_t2_SPACE"]
    assert set(failures["model"]) == {"second"}


def test_tools_without_any_case_in_common_are_refused(tmp_path: Path) -> None:
    write_spider(tmp_path / "spider")
    first = predict(tmp_path / "first", recoded(TPTBOX), names=("1_t1",))
    second = predict(tmp_path / "second", recoded(TPTBOX), names=("1_t2",))
    with pytest.raises(InputError, match=r"E-CMP-002.*every tool \(first, second\)"):
        compare(tmp_path, first, second, schemes=("tptbox", "tptbox"), allow_missing=True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"schemes": ("nonsense",)}, r"E-CONF-005.*totalspineseg.*got 'nonsense'"),
        ({"schemes": ("sct", "sct")}, r"E-CONF-080.*--scheme.*got 2 for 1"),
        ({"schemes": ("sct",), "names": ("a", "b")}, r"E-CONF-080.*--name.*got 2 for 1"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    tmp_path: Path, options: dict[str, Any], said: str
) -> None:
    write_spider(tmp_path / "spider")
    with pytest.raises(ConfigError, match=said):
        compare(tmp_path, predict(tmp_path / "tool", recoded(TPTBOX)), **options)


def test_two_tools_of_one_name_are_refused(tmp_path: Path) -> None:
    write_spider(tmp_path / "spider")
    folder = predict(tmp_path / "tool", recoded(TPTBOX))
    with pytest.raises(ConfigError, match=r"E-CONF-080.*two tools are called tool; give each"):
        compare(tmp_path, folder, folder, schemes=("tptbox", "tptbox"))


def test_folder_of_another_run_is_left_alone(tmp_path: Path) -> None:
    write_spider(tmp_path / "spider")
    folder = predict(tmp_path / "tool", recoded(TPTBOX))
    run_of = compare(tmp_path, folder, schemes=("tptbox",))
    compare(tmp_path, folder, schemes=("tptbox",))  # a comparison is made anew
    (run_of / "run.json").write_text('{"name": "trained"}')
    with pytest.raises(ConfigError, match=r"E-RUN-002.*holds the run 'trained'"):
        compare(tmp_path, folder, schemes=("tptbox",))


@pytest.mark.parametrize("of_comparison", [False, True])
def test_folder_with_files_of_another_command_is_left_alone(
    tmp_path: Path, *, of_comparison: bool
) -> None:
    write_spider(tmp_path / "spider")
    folder = predict(tmp_path / "tool", recoded(TPTBOX), names=("1_t1",))
    if of_comparison:
        compare(tmp_path, folder, schemes=("tptbox",), allow_missing=True)
    split = tmp_path / "out" / SPLIT_CSV
    split.parent.mkdir(parents=True, exist_ok=True)
    split.write_text("case_id,patient_id,source,contrast,split\n")
    with pytest.raises(ConfigError, match=r"E-RUN-002.*no comparison wrote: tables/split\.csv;"):
        compare(tmp_path, folder, schemes=("tptbox",), allow_missing=True)
    assert split.exists()


def test_what_a_tool_was_trained_on_is_not_scored(tmp_path: Path) -> None:
    data = write_patients(tmp_path / "test", {"one": 3})
    trained = write_patients(tmp_path / "train", {"other": 2})
    # one patient is named in the same source, and one more id in another source
    rows = trained.read_text().replace("other1,other1,other", "other1,one2,one")
    trained.write_text(rows.replace("other0,other0", "other0,one1"))
    names = ("one0", "one1", "one2")
    folder = predict(tmp_path / "tool", recoded({1: 49, 201: 100, 100: 61}), names=names)
    said = (
        r"E-SPLIT-002.*patient one2 \(one2\) is in the training; "
        r"the image of one0 is that of other0 in the training of tool; "
        r"the mask of one0 is that of other0 in the training of tool; "
        r"the image of one1 is that of other1"
    )
    with pytest.raises(InputError, match=said):
        compare(tmp_path, folder, schemes=("spineps",), data=data, trained_on=trained)
    assert not (tmp_path / "out").exists()
