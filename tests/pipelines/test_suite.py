"""The suite scores models side by side, keeps what is finished, and adds it up."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from spinesynth.errors import InputError
from spinesynth.io.case import Case
from spinesynth.io.load_case import LoadedCase
from spinesynth.pipelines.conditions import CONDITIONS as ALL_CONDITIONS
from spinesynth.pipelines.evaluate import LONG_COLUMNS
from spinesynth.pipelines.score_store import Outcome, Score, ScoreStore
from spinesynth.pipelines.suite import LEVEL, SuiteResult, digest_case, evaluate_conditions
from spinesynth.pipelines.suite_models import CallableModel
from spinesynth.pipelines.suite_tables import summarise_suite, write_suite
from tests.pipelines.fabricated import make_case, make_loaded, read_codes, read_codes_shifted

CONDITIONS = ("noise", "rotation")
SEVERITIES = (1, 5)
TASKS = 1 + len(CONDITIONS) * len(SEVERITIES)


class _Stopped(BaseException):
    """Stand in for a signal: nothing may catch it."""


class _Counting:
    """A predictor that counts its calls, and stops the run at one of them."""

    def __init__(self, *, stop_at: int = 10**9) -> None:
        self.calls, self.stop_at = 0, stop_at

    def __call__(self, image: MetaTensor, /) -> Tensor:
        self.calls += 1
        if self.calls == self.stop_at:
            raise _Stopped
        return read_codes(image).clamp(0, 4)


def _run(
    folder: Path,
    *models: CallableModel,
    cases: Sequence[Case] = (make_case("a"), make_case("b")),
    conditions: Sequence[str] = CONDITIONS,
    seed: int = 0,
) -> SuiteResult:
    """Score models on boxes; the cases' files do not exist, so their digest is that of names."""
    return evaluate_conditions(
        models, cases, run="t", store=ScoreStore(folder), conditions=conditions,
        severities=SEVERITIES, seed=seed, loader=make_loaded,
    )  # fmt: skip


def test_the_untouched_scan_is_scored_once_and_each_condition_at_each_severity(
    tmp_path: Path,
) -> None:
    counting = _Counting()
    result = _run(tmp_path, CallableModel("A", counting, "1"))
    assert counting.calls == 2 * TASKS
    assert tuple(result.table.columns) == LONG_COLUMNS
    assert result.failures.empty
    dice = result.table[(result.table["metric"] == "dice") & (result.table["case_id"] == "a")]
    at = dice.groupby(["condition", "severity"], sort=False).size()
    assert list(at.index) == [
        ("original", 0.0), ("noise", 1.0), ("noise", 5.0), ("rotation", 1.0), ("rotation", 5.0),
    ]  # fmt: skip
    levels = result.table[result.table["metric"] == LEVEL].drop_duplicates(["condition", "value"])
    assert levels[["condition", "value"]].to_numpy().tolist() == [
        ["noise", 2.0], ["noise", 20.0], ["rotation", 5.0], ["rotation", 30.0],
    ]  # fmt: skip


def test_a_stopped_run_goes_on_and_makes_nothing_twice(tmp_path: Path) -> None:
    stopped = _Counting(stop_at=8)
    with pytest.raises(_Stopped):
        _run(tmp_path / "s", CallableModel("A", stopped, "1"))
    kept = sorted(path.name for path in (tmp_path / "s").iterdir())
    assert len(kept) == 7  # no partial file beside them
    going_on = _Counting()
    result = _run(tmp_path / "s", CallableModel("A", going_on, "1"))
    assert going_on.calls == 2 * TASKS - 7
    write_suite(tmp_path / "resumed", result)
    write_suite(tmp_path / "fresh", _run(tmp_path / "f", CallableModel("A", _Counting(), "1")))
    files = sorted((tmp_path / "fresh" / "tables").iterdir())
    assert len(files) == 7
    for file in files:
        assert (tmp_path / "resumed" / "tables" / file.name).read_bytes() == file.read_bytes()


def test_what_decides_a_score_makes_it_anew(tmp_path: Path) -> None:
    _run(tmp_path, CallableModel("A", _Counting(), "1"))

    def calls(version: str = "1", cases: Sequence[Case] | None = None, seed: int = 0) -> int:
        counting = _Counting()
        chosen = cases or (make_case("a"), make_case("b"))
        _run(tmp_path, CallableModel("other name", counting, version), cases=chosen, seed=seed)
        return counting.calls

    assert calls() == 0  # a name in a table decides nothing
    assert calls(version="2") == 2 * TASKS
    assert calls(seed=1) == 2 * TASKS
    assert calls(cases=[make_case("a", annotated=frozenset({"disc"}))]) == TASKS


def test_a_changed_image_is_scored_anew(tmp_path: Path) -> None:
    file = tmp_path / "a.mha"
    case = make_case("a")
    case = Case(**{**case.__dict__, "image": file})
    for content, wanted in ((b"one", TASKS), (b"one", 0), (b"two", TASKS)):
        file.write_bytes(content)
        counting = _Counting()
        _run(tmp_path / "s", CallableModel("A", counting, "1"), cases=[case])
        assert counting.calls == wanted


def test_a_damaged_score_is_made_anew(tmp_path: Path) -> None:
    _run(tmp_path, CallableModel("A", _Counting(), "1"), cases=[make_case("a")])
    first, second, *_ = sorted(tmp_path.iterdir())
    first.write_text("{", encoding="utf-8")
    content = json.loads(second.read_text(encoding="utf-8"))
    content["key"]["severity"] = 3  # as if its name had collided
    second.write_text(json.dumps(content), encoding="utf-8")
    counting = _Counting()
    _run(tmp_path, CallableModel("A", counting, "1"), cases=[make_case("a")])
    assert counting.calls == 2


def test_a_flipped_digit_of_a_kept_score_is_made_anew(tmp_path: Path) -> None:
    store = ScoreStore(tmp_path)
    store.put(Outcome((Score("disc", "dice", 0.875, "1"),)), a=1)
    (file,) = tmp_path.iterdir()
    text = file.read_text(encoding="utf-8")
    assert text.count("0.875") == 1
    file.write_text(text.replace("0.875", "0.975"), encoding="utf-8")
    assert store.get(a=1) is None


def test_another_revision_of_a_condition_is_scored_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run(tmp_path, CallableModel("A", _Counting(), "1"), cases=[make_case("a")])
    revised = replace(ALL_CONDITIONS["noise"], revision=ALL_CONDITIONS["noise"].revision + 1)
    monkeypatch.setitem(ALL_CONDITIONS, "noise", revised)
    counting = _Counting()
    _run(tmp_path, CallableModel("A", counting, "1"), cases=[make_case("a")])
    assert counting.calls == len(SEVERITIES)  # of that condition alone


def test_how_a_reference_is_read_decides_its_scores(tmp_path: Path) -> None:
    case = make_case("a")
    counts = tmp_path / "counts.mha"
    counts.write_bytes(b"1")
    digests = {digest_case(case), digest_case(replace(case, resamples_label=True))}
    digests.add(digest_case(replace(case, instances=counts)))
    counts.write_bytes(b"2")
    digests.add(digest_case(replace(case, instances=counts)))
    assert len(digests) == 4


def test_the_store_keeps_undefined_scores_and_every_digit(tmp_path: Path) -> None:
    store = ScoreStore(tmp_path)
    outcome = Outcome(
        (Score("disc", "dice", math.nan, "1"), Score("disc", "hd95", 0.1 + 0.2, "mm"))
    )
    assert store.get(a=1) is None
    store.put(outcome, a=1)
    found = store.get(a=1)
    assert found is not None
    assert math.isnan(found.scores[0].value)
    assert found.scores[1] == outcome.scores[1]
    assert store.get(a=2) is None


def test_models_side_by_side_see_the_same_images(tmp_path: Path) -> None:
    seen: dict[str, list[Tensor]] = {"A": [], "B": []}

    def watcher(name: str) -> CallableModel:
        def predict(image: MetaTensor) -> Tensor:
            seen[name].append(image.as_tensor().clone())
            return torch.zeros(image.shape[1:], dtype=torch.uint8)

        return CallableModel(name, predict, name)

    result = _run(tmp_path, watcher("A"), watcher("B"), cases=[make_case("a")])
    assert all(torch.equal(*pair) for pair in zip(seen["A"], seen["B"], strict=True))
    assert result.table["model"].unique().tolist() == ["A", "B"]


def test_the_prediction_is_scored_on_the_turned_reference(tmp_path: Path) -> None:
    def find_boxes(image: MetaTensor) -> Tensor:
        return (image.as_tensor()[0] > 0.5).to(torch.uint8) * 3

    def load_discs(case: Case) -> LoadedCase:
        loaded = make_loaded(case)
        assert loaded.image is not None
        assert loaded.structure is not None
        disc = (loaded.structure.as_tensor() > 0).to(torch.uint8)
        image = MetaTensor(disc.float(), affine=loaded.image.affine)
        return LoadedCase(case, image, MetaTensor(disc * 3, affine=loaded.image.affine), None)

    result = evaluate_conditions(
        [CallableModel("A", find_boxes, "1")], [make_case("a", annotated=frozenset({"disc"}))],
        run="t", store=ScoreStore(tmp_path), conditions=["rotation"], severities=[5],
        loader=load_discs,
    )  # fmt: skip
    dice = result.table[result.table["metric"] == "dice"].set_index("condition")["value"]
    assert dice["original"] == 1.0
    # half a voxel at the rims of boxes a few voxels wide; unturned they would overlap by half
    assert dice["rotation"] > 0.85


def test_failures_are_tried_again_and_stop_nothing(tmp_path: Path) -> None:
    calls = 0

    def fail_once(image: MetaTensor) -> Tensor:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise RuntimeError("out of memory")
        return read_codes(image).clamp(0, 4)

    model = CallableModel("A", fail_once, "1")
    first = _run(tmp_path, model, cases=[make_case("a")])
    assert first.failures[["condition", "severity", "message"]].to_numpy().tolist() == [
        ["noise", 1.0, "out of memory"]
    ]
    second = _run(tmp_path, model, cases=[make_case("a")])
    assert (calls, len(second.failures)) == (TASKS + 1, 0)


def test_a_case_whose_original_fails_stands_there_once(tmp_path: Path) -> None:
    def fail(image: MetaTensor) -> Tensor:
        raise RuntimeError("no")

    models = CallableModel("A", fail, "1"), CallableModel("B", _Counting(), "2")
    result = _run(tmp_path, *models, cases=[make_case("a")])
    assert len(result.failures) == 1
    assert set(result.table["model"]) == {"B"}


def test_a_case_that_is_no_longer_read_is_a_failure_and_not_the_end(tmp_path: Path) -> None:
    def run(loader: Callable[[Case], LoadedCase]) -> SuiteResult:
        return evaluate_conditions(
            [CallableModel("A", _Counting(), "1")], [make_case("a")], run="t",
            store=ScoreStore(tmp_path), conditions=["noise"], severities=[1], loader=loader,
        )  # fmt: skip

    run(make_loaded)
    for file in tmp_path.iterdir():  # the original alone stays kept
        if json.loads(file.read_text(encoding="utf-8"))["key"]["condition"] != "original":
            file.unlink()

    def gone(case: Case) -> LoadedCase:
        raise OSError("disk is gone")

    failures = run(gone).failures
    assert failures[["condition", "message"]].to_numpy().tolist() == [["noise", "disk is gone"]]


def test_what_does_not_apply_is_left_out_by_name(tmp_path: Path) -> None:
    result = _run(
        tmp_path, CallableModel("A", _Counting(), "1"), cases=[make_case("a")],
        conditions=["through_plane_resolution"],
    )  # fmt: skip
    row = result.left_out.iloc[0]
    assert (row["condition"], row["severity"]) == ("through_plane_resolution", 1.0)
    assert row["reason"] == "its slices lie 4.00 mm apart already"
    assert len(result.left_out) == 1


def test_cases_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="case_id must be unique"):
        _run(tmp_path, CallableModel("A", _Counting(), "1"), cases=[make_case("a")] * 2)


def test_a_better_model_has_the_better_scores(tmp_path: Path) -> None:
    models = (
        CallableModel("right", lambda image: read_codes(image).clamp(0, 4), "1"),
        CallableModel("aside", lambda image: read_codes_shifted(image).clamp(0, 4), "2"),
    )
    summary = summarise_suite(_run(tmp_path, *models).table).summary
    untouched = summary[(summary["severity"] == 0) & (summary["condition"] == "noise")]
    dice = untouched.set_index(["model", "structure"])["dice"]
    assert dice["right", "mean"] == 1.0
    assert dice["aside", "disc"] == pytest.approx(0.75)  # 3 of 4 voxels overlap
