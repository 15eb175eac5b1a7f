"""Hold doubt against the truth on scans with references: is it right, and what is flagged?

Nothing is learnt here. Predicted and true Dice are compared by patient; scans that are
spoilt on purpose show whether flags are raised where they should be.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import torch
from monai.data.meta_tensor import MetaTensor

from spinesynth.anatomy.annotation import report_groups
from spinesynth.io.case import Case
from spinesynth.io.load_case import LoadedCase, load_case
from spinesynth.io.tables import write_csv
from spinesynth.io.weights_digest import digest_weights
from spinesynth.pipelines.doubt import Doubt, judge
from spinesynth.pipelines.doubt_agreement import compare_by_patient
from spinesynth.pipelines.ensemble import Predictor
from spinesynth.pipelines.evaluate import CASE_ERRORS, FAILURE_COLUMNS, failure_row
from spinesynth.pipelines.predict import load_predictor
from spinesynth.pipelines.progress import StepProgress
from spinesynth.pipelines.quality_model import (
    QualityModel,
    quality_path,
    read_quality,
)
from spinesynth.pipelines.quality_phantoms import spoil
from spinesynth.pipelines.results import FAILURES_CSV
from spinesynth.pipelines.robustness_run import choose_cases, scorable_cases
from spinesynth.pipelines.scored_prediction import ScoredPrediction, score_prediction
from spinesynth.seeding import make_generator

DOUBT_CSV = Path("tables") / "doubt.csv"
DOUBT_FLAGS_CSV = Path("tables") / "doubt_flags.csv"
DOUBT_AGREEMENT_CSV = Path("tables") / "doubt_agreement.csv"
#: What is done to scans on purpose, beside none.
SPOILT = ("negative", "upside_down", "turned", "noise_alone")
_METRICS = ("dice", "dice_in_extent")
_NAMES = ("case_id", "patient_id", "source", "contrast", "condition")
_COLUMNS = (*_NAMES, "structure", "predicted_dice", *_METRICS)
_FLAG_COLUMNS = (*_NAMES, "flags", "lowest_quality")


@dataclass(frozen=True, kw_only=True)
class DoubtTest:
    """What is asked of the scans.

    Args:
        sources: only these; None for all.
        max_cases: the first so many of each source; None for all.
        slices: of each scan, evenly across it; 0 for all.
        spoilt: so many scans of each source are also predicted upside down, turned, as
            their negative and with noise in their place.
        seed: of the noise.
    """

    sources: Sequence[str] | None = None
    max_cases: int | None = None
    slices: int = 0
    spoilt: int = 0
    seed: int = 0


def run_doubt_test(
    checkpoint: Path,
    *,
    data: Path,
    folder: Path,
    quality: Path | None = None,
    asked: DoubtTest | None = None,
) -> pd.DataFrame:
    """Compare predicted with true Dice, and count flags, on scans that the network has not seen.

    Args:
        checkpoint: weights of the network.
        data: manifest or folder of a data set.
        folder: where the tables go.
        quality: quality model; None for the one beside the weights.
        asked: which scans, and what of them; None for all as they are.

    Returns:
        What ``tables/doubt_agreement.csv`` holds.

    Raises:
        CheckpointError: if checkpoint or quality model is refused, or there is none.
        InputError: if there is no scan to score.
        OutputError: if a table cannot be written.
    """
    asked = asked or DoubtTest()
    predictor, loaded = load_predictor(checkpoint)
    digest = digest_weights(loaded.weights)
    model = read_quality(quality or quality_path(checkpoint), weights_digest=digest)
    cases, _, _ = choose_cases(scorable_cases(data, asked.sources), loaded, include_seen=False)
    cases = _first_of_each(cases, asked.max_cases)
    marked = {case.case_id for case in _first_of_each(cases, asked.spoilt)}
    tables = _Tables(predictor, model, asked)
    with StepProgress("scans", len(cases)) as progress:
        for case in cases:
            try:
                tables.add(case, also_spoilt=case.case_id in marked)
            except CASE_ERRORS as error:
                tables.fail(case, error, run=folder.name, model=loaded.model)
            progress.advance()
    return tables.write(folder)


class _Tables:
    """Judge one scan after another, and keep what is to be written.

    Args:
        predictor: whose predictions are judged.
        model: what is known of them.
        asked: which scans, and what of them.
    """

    def __init__(self, predictor: Predictor, model: QualityModel, asked: DoubtTest) -> None:
        self.predictor, self.model, self.asked = predictor, model, asked
        self.rows: list[dict[str, object]] = []
        self.flags: list[dict[str, object]] = []
        self.failures: list[dict[str, object]] = []

    def add(self, case: Case, *, also_spoilt: bool) -> None:
        """Judge a scan as it is, and spoilt."""
        scan = _thin(load_case(case), self.asked.slices)
        for condition, shown in _shown(scan, self.asked.seed, also_spoilt=also_spoilt):
            scored, doubt = _judge(self.predictor, shown, self.model)
            self.rows += _rows(case, condition, scored, doubt)
            self.flags.append({**_named(case, condition), **_flagged(doubt)})

    def fail(self, case: Case, error: Exception, *, run: str, model: str) -> None:
        """Keep why a scan could not be judged."""
        labels = {"run": run, "model": model, "condition": "standard", "severity": 1.0}
        self.failures.append(failure_row(case, labels, error))

    def write(self, folder: Path) -> pd.DataFrame:
        """Write all tables, and return how predicted and true Dice agree."""
        table = pd.DataFrame(self.rows, columns=list(_COLUMNS))
        agreement = compare_by_patient(table)
        (folder / DOUBT_CSV).parent.mkdir(parents=True, exist_ok=True)
        write_csv(folder / DOUBT_CSV, table)
        write_csv(folder / DOUBT_FLAGS_CSV, pd.DataFrame(self.flags, columns=list(_FLAG_COLUMNS)))
        write_csv(folder / DOUBT_AGREEMENT_CSV, agreement)
        failures = pd.DataFrame(self.failures, columns=list(FAILURE_COLUMNS))
        write_csv(folder / FAILURES_CSV, failures)
        return agreement


def _first_of_each(cases: Sequence[Case], count: int | None) -> list[Case]:
    """Return the first so many cases of each source."""
    seen: dict[str, int] = {}
    kept = []
    for case in cases:
        seen[case.source] = seen.get(case.source, 0) + 1
        if count is None or seen[case.source] <= count:
            kept.append(case)
    return kept


def _thin(loaded: LoadedCase, slices: int) -> LoadedCase:
    """Return a case with every so manieth sagittal slice, from about the middle of the first."""
    assert loaded.image is not None  # load_case has read it
    count = loaded.image.shape[1]
    step = math.ceil(count / slices) if slices else 1
    if step == 1:
        return loaded

    def few(volume: MetaTensor | None) -> MetaTensor | None:
        if volume is None:
            return None
        affine = volume.affine.clone()
        affine[:3, 3] += affine[:3, 0] * (step // 2)
        affine[:3, 0] *= step
        meta = {key: value for key, value in volume.meta.items() if key != "affine"}
        return MetaTensor(volume.as_tensor()[:, step // 2 :: step], affine=affine, meta=meta)

    return replace(
        loaded, image=few(loaded.image), structure=few(loaded.structure), instance=None
    )  # fmt: skip


def _shown(scan: LoadedCase, seed: int, *, also_spoilt: bool) -> Iterator[tuple[str, LoadedCase]]:
    """Yield a scan as it is, and spoilt without its reference."""
    yield "standard", scan
    image = scan.image
    assert image is not None  # load_case has read it
    for name in SPOILT if also_spoilt else ():
        generator = make_generator(seed, "spoil", scan.case.case_id, name)
        spoilt = spoil(image, name, generator=generator)
        yield name, replace(scan, image=spoilt, structure=None)


def _judge(
    predictor: Predictor, scan: LoadedCase, model: QualityModel
) -> tuple[ScoredPrediction, Doubt]:
    groups = [
        name for name in report_groups(scan.case.annotated) if name in predictor.groups
    ]  # fmt: skip
    with torch.inference_mode():
        scored = score_prediction(predictor, scan, groups, metrics=_METRICS)
    return scored, judge(scored.features, model)


def _named(case: Case, condition: str) -> dict[str, object]:
    """Return the columns that say which scan it was."""
    return {
        "case_id": case.case_id, "patient_id": case.patient_id, "source": case.source,
        "contrast": case.contrast, "condition": condition,
    }  # fmt: skip


def _rows(
    case: Case, condition: str, scored: ScoredPrediction, doubt: Doubt
) -> Iterator[dict[str, object]]:
    """Yield predicted beside true scores of each structure that is annotated."""
    for structure in scored.dice:
        truth = {metric: scored.scores[metric][structure] for metric in _METRICS}
        predicted = doubt.quality.get(structure, math.nan)
        named = _named(case, condition)
        yield {**named, "structure": structure, "predicted_dice": predicted, **truth}


def _flagged(doubt: Doubt) -> dict[str, object]:
    return {
        "flags": " ".join(flag.name for flag in doubt.flags),
        "lowest_quality": doubt.lowest_quality,
    }
