"""Weight soups: one network whose weights are the mean of several checkpoints'.

A soup predicts at the cost of one network. It serves checkpoints of one training, or of
trainings that began from the same weights; those that began elsewhere have the same
features in other channels, and their mean knows nothing.

Source:
    Wortsman et al. 2022, ICML, PMLR 162:23965-23998 (uniform and greedy soups).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from spinesynth.errors import ConfigError
from spinesynth.io.case import Case
from spinesynth.io.checkpoint import Checkpoint, save_checkpoint
from spinesynth.io.file_digest import digest_file
from spinesynth.io.tables import read_ids_csv, require_columns
from spinesynth.pipelines.evaluate import evaluate_cases
from spinesynth.pipelines.final_choice import patient_means, score_rows
from spinesynth.pipelines.leak_guard import contents_of
from spinesynth.pipelines.phantom_data import PHANTOM_SOURCE
from spinesynth.pipelines.predict import VolumePredictor, load_predictor
from spinesynth.pipelines.readable import refuse_unreadable
from spinesynth.pipelines.robustness_run import scorable_cases
from spinesynth.pipelines.run_record import REAL_SCANS, describe_run, join_modes, write_json
from spinesynth.pipelines.starting_point import learns_centres, mode_of

_LOG = logging.getLogger(__name__)
Method = Literal["uniform", "greedy"]
#: Statistics of batch normalisation are those of one network's activations, and no mean's.
_STATISTICS = "running_mean"
_NEEDED = 2


@dataclass(frozen=True)
class Ingredient:
    """A checkpoint that may go into a soup.

    Attributes:
        path: of the file.
        sha256: of its bytes, hexadecimal.
        checkpoint: what it holds.
    """

    path: Path
    sha256: str
    checkpoint: Checkpoint

    def describe(self) -> dict[str, Any]:
        """Return what the record says of it, as plain JSON types."""
        held = self.checkpoint
        return {
            "file": str(self.path), "sha256": self.sha256, "name": held.config["name"],
            "model": held.model, "step": held.step, "version": held.version,
        }  # fmt: skip


def mean_weights(states: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Return the mean of state dicts of one network; whole numbers are those of the first.

    Args:
        states: of equal names, shapes and types; one at least.

    Example:
        >>> mean_weights([{"w": torch.tensor([1.0])}, {"w": torch.tensor([2.0])}])
        {'w': tensor([1.5000])}
    """
    first = states[0]
    return {
        # double: the mean must not depend on the order of the ingredients
        name: torch.stack([state[name].double() for state in states]).mean(0).to(value.dtype)
        if value.is_floating_point()
        else value
        for name, value in first.items()
    }


def cook_soup(
    checkpoints: Sequence[Path],
    *,
    output: Path,
    command: str,
    method: Method = "uniform",
    data: Path | None = None,
    split: Path | None = None,
) -> str:
    """Average the weights of checkpoints and write them as one.

    ``uniform`` takes all. ``greedy`` starts from the best one and keeps each further
    one, in the order of their own Dice, that does not lower the Dice of the soup.

    Beside the file lies a record, ``<output>.json``: ingredients with their SHA-256,
    which were kept, and the Dice that decided. The soup counts as having seen the
    patients of all of them, and those of the scans that it was judged on.

    Args:
        checkpoints: files that this package wrote; two or more.
        output: checkpoint to write.
        command: the command that started it, for the record.
        method: ``uniform`` or ``greedy``.
        data: manifest CSV or folder of a data set, for ``greedy``: validation scans.
        split: table ``split.csv`` of a run; of ``data`` only its validation cases judge.

    Returns:
        What went in, and where the file is.

    Raises:
        CheckpointError: if a checkpoint is refused.
        ConfigError: if they do not fit together, scans are missing or not asked for, or the
            output is one of the ingredients.
        InputError: if a scan is refused, or none is there.
        OutputError: if the output cannot be written.
    """
    _refuse_wrong_use(checkpoints, output, method=method, data=data, split=split)
    loaded = [load_predictor(path) for path in checkpoints]
    ingredients = [
        Ingredient(path, digest_file(path), checkpoint)
        for path, (_, checkpoint) in zip(checkpoints, loaded, strict=True)
    ]
    _refuse_unfit(ingredients)
    scans = _judging_scans(data, split) if data is not None else []
    told: dict[str, Any] = {}
    kept = list(range(len(ingredients)))
    if method == "greedy":
        kept, told = _choose_greedily(loaded[0][0], ingredients, scans)
    soup = _mix([ingredients[n] for n in kept], scans)
    save_checkpoint(output, soup)
    record = {
        **describe_run(), "command": command, "method": method,
        "ingredients": [
            {**one.describe(), "kept": n in kept, **told.get(str(n), {})}
            for n, one in enumerate(ingredients)
        ],
        "scans": [case.case_id for case in scans],
        "sha256": digest_file(output),
    }  # fmt: skip
    write_json(output.with_name(f"{output.name}.json"), record)
    names = "".join(
        f"  {'kept' if n in kept else 'left out'}: {one.path}"
        + (f", Dice {told[str(n)]['dice']:.3f}" if told else "")
        + "\n"
        for n, one in enumerate(ingredients)
    )
    return f"{len(kept)} of {len(ingredients)} checkpoints, {method}:\n{names}Soup: {output}\n"


def _refuse(problem: str) -> ConfigError:
    return ConfigError(f"checkpoints cannot be averaged: {problem}", code="E-CONF-042")


def _refuse_wrong_use(
    checkpoints: Sequence[Path], output: Path, *, method: Method, data: Path | None,
    split: Path | None,
) -> None:  # fmt: skip
    if len(checkpoints) < _NEEDED:
        raise _refuse(f"a soup needs two at least, got {len(checkpoints)}; repeat --checkpoint")
    if method == "greedy" and data is None:
        raise _refuse("greedy is judged on validation scans; name them with --data")
    if method == "uniform" and (data is not None or split is not None):
        raise _refuse("uniform is judged on no scans; leave --data and --split out, or use greedy")
    if output.resolve() in [path.resolve() for path in checkpoints]:
        raise ConfigError(
            f"{output} is one of the checkpoints; choose another --output", code="E-OUT-002"
        )


def _refuse_unfit(ingredients: Sequence[Ingredient]) -> None:
    """Raise unless all are weights of one architecture that sees images alike."""
    first, *others = ingredients
    for one in others:
        for what, mine, theirs in zip(
            _ALIKE, _architecture(one.checkpoint), _architecture(first.checkpoint), strict=True
        ):
            if mine != theirs:
                raise _refuse(f"{what} of {one.path} is {mine}, of {first.path} {theirs}")
        if one.checkpoint.config["seed"] != first.checkpoint.config["seed"]:
            _LOG.warning(
                "%s and %s began from other weights (seed %s and %s): their mean is hardly of use",
                *(one.path, first.path, one.checkpoint.config["seed"]),
                first.checkpoint.config["seed"],
            )
    twice = {one.sha256: one.path for one in ingredients}
    for one in ingredients:
        if twice[one.sha256] != one.path:
            raise _refuse(f"{one.path} and {twice[one.sha256]} are the same; give each once")
    if any(name.endswith(_STATISTICS) for name in first.checkpoint.weights):
        raise _refuse("they hold statistics of batch normalisation, which have no mean")


_ALIKE = (
    "the label scheme", "the network", "the voxel size in mm",
    "the heatmap of centres (training.centre_weight)",
)  # fmt: skip


def _architecture(checkpoint: Checkpoint) -> tuple[Any, ...]:
    """Return what must be equal, in the order of ``_ALIKE``.

    That the weights fit the network has been seen when they were loaded.
    """
    config, training = checkpoint.config, checkpoint.config["training"]
    head = "learnt" if learns_centres(checkpoint) else "not there"
    return checkpoint.target_scheme, config["network"], training["spacing_mm"], head


def _judging_scans(data: Path, split: Path | None) -> list[Case]:
    """Return the scans that a greedy soup is judged on, each readable."""
    cases = scorable_cases(data)
    if split is not None:
        table = read_ids_csv(split)
        require_columns(split, table, "case_id", "split")
        wanted = set(table.loc[table["split"] == "validation", "case_id"])
        cases = [case for case in cases if case.case_id in wanted]
        if not cases:
            raise _refuse(f"{data} holds none of the validation cases of {split} with an image")
    refuse_unreadable(((case, True) for case in cases), data=data)
    return cases


def _choose_greedily(
    predictor: VolumePredictor, ingredients: Sequence[Ingredient], scans: Sequence[Case]
) -> tuple[list[int], dict[str, Any]]:
    """Return the numbers of the ingredients that stay, and the Dice that decided on each."""
    rows: list[dict[str, Any]] = []

    def judge(members: Sequence[int]) -> int:
        """Score the mean of some ingredients; its rows get a number of their own."""
        number = 1 + max((row["step"] for row in rows), default=-1)
        states = [ingredients[n].checkpoint.weights for n in members]
        predictor.network.load_state_dict(mean_weights(states))
        scored = evaluate_cases(predictor, scans, run="soup", model="soup", metrics=("dice",))
        rows.extend({**row, "step": number} for row in score_rows(scored, scans))
        return number

    alone = [judge([n]) for n in range(len(ingredients))]
    dice = patient_means(rows)
    if not dice:
        raise _refuse(f"none of the scans could be scored: {rows[0]['note']}")
    order = sorted(range(len(ingredients)), key=lambda n: (-dice[alone[n]], n))
    kept, current = order[:1], alone[order[0]]
    told = {str(n): {"dice": dice[alone[n]]} for n in order}
    for n in order[1:]:
        tried = judge([*kept, n])
        dice = patient_means(rows)
        told[str(n)]["dice_of_soup_with_it"] = dice[tried]
        if dice[tried] >= dice[current]:
            kept, current = [*kept, n], tried
    return kept, told


def _mix(kept: Sequence[Ingredient], scans: Sequence[Case]) -> Checkpoint:
    """Return the checkpoint of the mean; its configuration is that of the first."""
    held = [one.checkpoint for one in kept]
    seen = {patient for one in held for patient in one.seen_patients}
    seen |= {case.patient_id for case in scans}
    told = all(one.seen_patients for one in held)
    contents = {content.as_text() for content in contents_of(scans, images=True)}
    contents |= {line for one in held for line in one.seen_content}
    judged = any(case.source != PHANTOM_SOURCE for case in scans)
    modes = [mode_of(one.path, one.checkpoint) for one in kept]
    return Checkpoint(
        config=held[0].config,
        target_scheme=held[0].target_scheme,
        model="+".join(sorted({one.model for one in held})),
        step=max(one.step for one in held),
        weights=mean_weights([one.weights for one in held]),
        seen_patients=tuple(sorted(seen)) if told else (),
        selection=REAL_SCANS if judged or any(one.selection for one in held) else "",
        ingredients=tuple(one.sha256 for one in kept),
        mode=join_modes(modes, chosen_on_real=judged),
        seen_content=tuple(contents),
    )
