"""The curve of fine-tuning: a trained model, trained further on few real patients.

======================= =======================================================
path in the folder      what
======================= =======================================================
``zero_shot/``          scores of the checkpoint as it is
``arms/from_N/``        trained further on the real images of N patients
``arms/scratch_N/``     the same patients and steps from random weights
``run.json``            the checkpoint, the configuration, versions
``tables/metrics.csv``  long table of all, by ``start`` and ``train_patients``
``tables/curve.csv``    mean and interval over test patients, by source and structure
``curves/finetune.png`` the picture of it
======================= =======================================================
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from spinesynth.errors import ConfigError, InputError
from spinesynth.io.atomic import atomic_write
from spinesynth.io.discover import discover_cases
from spinesynth.io.tables import write_csv
from spinesynth.metrics import summarise
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.data_plan import plan_split, refuse_shared_content
from spinesynth.pipelines.evaluate import evaluate_cases
from spinesynth.pipelines.experiment import write_evaluation
from spinesynth.pipelines.predict import load_predictor
from spinesynth.pipelines.progress import StepProgress
from spinesynth.pipelines.pseudo_labels import refuse_pseudo
from spinesynth.pipelines.report_format import in_report_order
from spinesynth.pipelines.results import CURVES, METRICS_CSV, RUN_JSON, TABLES, read_results
from spinesynth.pipelines.run_lock import hold_folder
from spinesynth.pipelines.run_record import describe_run, write_json
from spinesynth.pipelines.split import Split
from spinesynth.pipelines.starting_point import StartingPoint, read_start, refuse_tested
from spinesynth.pipelines.study import Study, collect_arms, train_arms
from spinesynth.viz import draw_few_cases, encode_png

ZERO_SHOT = Path("zero_shot")
CURVE_CSV, CURVE_PNG = TABLES / "curve.csv", CURVES / "finetune.png"
#: What a training began with, in the tables and the picture.
CHECKPOINT, SCRATCH = "checkpoint", "random weights"
_KEYS = ["start", "train_patients", "source", "structure"]


def parse_counts(text: str) -> tuple[int, ...]:
    """Return the numbers of patients of a list with commas between, in rising order.

    Args:
        text: for example ``1,5,10``; each at least 1.

    Raises:
        ConfigError: if it is no such list.

    Example:
        >>> parse_counts("5, 1")
        (1, 5)
    """
    words = [word.strip() for word in text.split(",")]
    counts = sorted({int(word) for word in words if word.isascii() and word.isdigit()})
    if len(counts) < len(words) or counts[0] < 1:
        raise ConfigError(
            f"cases must be numbers of at least 1 with commas between, each once, as 1,5,10, "
            f"got {text!r}",
            code="E-CONF-033",
        )
    return tuple(counts)


def run_finetune(
    config: ExperimentConfig,
    checkpoint: Path,
    *,
    data: Path,
    folder: Path,
    counts: Sequence[int],
    scratch: bool,
    command: str,
) -> str:
    """Train a model further on few real patients, and draw Dice over their number.

    What is finished in the folder is not trained twice.

    Args:
        config: of the training on real images; model B of it is trained.
        checkpoint: to start from, of the same network and target.
        data: manifest CSV or folder of a data set.
        folder: where everything goes; made if missing.
        counts: numbers of patients; fewer are among more.
        scratch: train on the same patients from random weights too.
        command: the command that started it, for the records.

    Returns:
        The curve as plain text, and where it is.

    Raises:
        SpineSynthError: for data, configuration, checkpoint or an output that cannot be used.
    """
    if config.data.pseudo_labels is not None:
        raise refuse_pseudo(
            f"data.pseudo_labels is {config.data.pseudo_labels}, but the curve counts annotated "
            "patients; leave it out, or start from a checkpoint that pseudo-labels trained"
        )
    study = curve_study(config, checkpoint, counts=counts, scratch=scratch)
    started = next(iter(study.arms.values()))
    start = read_start(started)
    assert start is not None  # the first arm starts from it
    cases = discover_cases(data)
    split = plan_split(_with_all(started), cases)
    _check_counts(split, counts)
    for arm in study.arms.values():
        plan_split(arm, cases)  # refused now, if at all: few may not know what all do
    refuse_tested(started, split.test)
    refuse_shared_content(started, split)
    with hold_folder(folder):
        _score_start(start, split, folder, run=study.name, command=command)
        train_arms(study, data=data, folder=folder, command=command)
        told = {"command": command, "counts": [*counts], "started_from": start.record()}
        write_json(
            folder / RUN_JSON, {**describe_run(), **told, "config": config.model_dump(mode="json")}
        )
        return _write_curve(study, folder)


def _write_curve(study: Study, folder: Path) -> str:
    """Write what the trainings add up to, and return it as plain text with its places."""
    table = collect_curve(study, folder)
    (folder / TABLES).mkdir(exist_ok=True)
    (folder / CURVES).mkdir(exist_ok=True)
    write_csv(folder / METRICS_CSV, table)
    curve = summarise_curve(table)
    write_csv(folder / CURVE_CSV, curve)
    figure = draw_few_cases(curve, title=f"{study.name}: Dice over real patients")
    with atomic_write(folder / CURVE_PNG) as temporary:
        temporary.write_bytes(encode_png(figure))
    return f"{format_curve(curve)}\nTable: {folder / CURVE_CSV}\nPicture: {folder / CURVE_PNG}\n"


def curve_study(
    config: ExperimentConfig, checkpoint: Path, *, counts: Sequence[int], scratch: bool
) -> Study:
    """Return the trainings of a curve as the arms of a study.

    Args:
        config: of the training on real images.
        checkpoint: to start from.
        counts: numbers of patients.
        scratch: train from random weights too.
    """
    starts = {"from": str(checkpoint)} | ({"scratch": None} if scratch else {})
    arms = {}
    for word, path in starts.items():
        for count in counts:
            name = f"{word}_{count}"
            data = config.data.model_copy(update={"max_train_patients": count})
            training = config.training.model_copy(update={"start_from": path})
            arms[name] = config.model_copy(
                update={"name": name, "models": ("B",), "data": data, "training": training}
            )
    return Study(
        name=config.name, description=config.description, reference=next(iter(arms)), arms=arms
    )


def _with_all(config: ExperimentConfig) -> ExperimentConfig:
    data = config.data.model_copy(update={"max_train_patients": None})
    return config.model_copy(update={"data": data})


def _check_counts(split: Split, counts: Sequence[int]) -> None:
    there = len({case.patient_id for case in split.train})
    if max(counts) > there:
        raise ConfigError(
            f"cases must be at most the {there} training patients that the split leaves, "
            f"got {max(counts)}; hold out fewer, or ask for fewer",
            code="E-CONF-033",
        )
    if not split.test:
        raise InputError("no held-out patient has an image to test on", code="E-CASE-005")


def _score_start(
    start: StartingPoint, split: Split, folder: Path, *, run: str, command: str
) -> None:
    """Score the checkpoint as it is on the test cases, unless that is done."""
    place = folder / ZERO_SHOT
    asked: dict[str, Any] = {
        "started_from": start.record(), "cases": sorted(case.case_id for case in split.test),
    }  # fmt: skip
    try:
        before = json.loads((place / RUN_JSON).read_text(encoding="utf-8"))
        done = (
            before["started_from"]["sha256"] == start.sha256 and before["cases"] == asked["cases"]
        )
    except (OSError, ValueError, LookupError, TypeError):
        done = False
    if done:
        return
    predictor, _ = load_predictor(start.path)
    with StepProgress("testing the checkpoint", len(split.test)) as progress:
        scored = evaluate_cases(
            predictor, split.test, run=run, model=start.checkpoint.model,
            on_case=lambda _: progress.advance(),
        )  # fmt: skip
    write_evaluation(place, [scored], [])
    write_json(place / RUN_JSON, {**describe_run(), "command": command, **asked})


def collect_curve(study: Study, folder: Path) -> pd.DataFrame:
    """Return the long table of all scores, with ``start`` and ``train_patients``.

    Args:
        study: of :func:`curve_study`, trained.
        folder: of the curve.
    """
    zero = read_results(folder / ZERO_SHOT).metrics
    assert zero is not None  # it was just scored
    table = collect_arms(study, folder)
    started = {n: c.training.start_from is not None for n, c in study.arms.items()}
    patients = {n: c.data.max_train_patients for n, c in study.arms.items()}
    table = table.assign(
        start=table["model"].map(lambda name: CHECKPOINT if started[name] else SCRATCH),
        train_patients=table["model"].map(patients).astype(int),
    )
    zero = zero.assign(model=ZERO_SHOT.name, run=study.name, start=CHECKPOINT, train_patients=0)
    return pd.concat([zero, table], ignore_index=True)


def summarise_curve(table: pd.DataFrame) -> pd.DataFrame:
    """Return mean Dice and 95 % interval over test patients for each point of the curve.

    Args:
        table: of :func:`collect_curve`.

    Returns:
        Columns ``start, train_patients, source, structure, mean, low, high,
        n_patients, n_cases, n_excluded``.
    """
    summary = summarise(table[table["metric"] == "dice"], _KEYS).dropna(subset=["mean"])
    return in_report_order(summary, ["source", "structure", "start", "train_patients"])


def format_curve(curve: pd.DataFrame) -> str:
    """Return the curve as a Markdown table: a row for each source, structure and start."""
    counts = sorted(curve["train_patients"].unique())
    lines = [
        "Dice, mean over test patients, by number of real training patients.",
        "",
        "| source | structure | start | " + " | ".join(str(count) for count in counts) + " |",
        "| --- " * (3 + len(counts)) + "|",
    ]
    for (source, structure, start), rows in curve.groupby(
        ["source", "structure", "start"], sort=False
    ):
        means = rows.set_index("train_patients")["mean"].reindex(counts)
        shown = " | ".join("-" if pd.isna(mean) else f"{mean:.3f}" for mean in means)
        lines.append(f"| {source} | {structure} | {start} | {shown} |")
    return "\n".join(lines) + "\n"
