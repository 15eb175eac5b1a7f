"""Weights to hand on: a safetensors file and its model card."""

from __future__ import annotations

from pathlib import Path

from spinesynth.io.atomic import write_text
from spinesynth.io.checkpoint import load_checkpoint, refuse_checkpoint
from spinesynth.io.shipped_weights import add_weights
from spinesynth.io.weights_file import WEIGHTS_SUFFIX, save_weights
from spinesynth.pipelines.model_card import model_card
from spinesynth.pipelines.predict import load_predictor

_LINE = "{model} of {name}: {scheme}, {steps} steps, {mode}"


def export_weights(
    checkpoint: Path,
    output: Path,
    *,
    results: Path | None = None,
    about: str = "",
    index: bool = False,
) -> list[Path]:
    """Write what predicts of a checkpoint as safetensors, and a model card beside it.

    Args:
        checkpoint: that a training wrote.
        output: file to write, ``.safetensors``; the card is ``.md``.
        results: folder of a run whose tables of scores and failures the card shows.
        about: what they are, in a line; empty for what the file says of itself.
        index: whether they are entered in ``index.json`` beside them, as shipped ones.

    Returns:
        Files written.

    Raises:
        CheckpointError: if the checkpoint is refused, or the output is named otherwise.
        InputError: if the results have no scores.
        OutputError: if a file cannot be written.
    """
    if output.suffix.lower() != WEIGHTS_SUFFIX:
        raise refuse_checkpoint(output, f"weights are written as {WEIGHTS_SUFFIX}")
    found = load_checkpoint(checkpoint)
    predictor, _ = load_predictor(checkpoint)  # it builds the network: its parts fit together
    parameters = sum(value.numel() for value in predictor.network.parameters())
    card = model_card(found, name=output.stem, parameters=parameters, results=results)
    save_weights(output, found)
    written = [output, output.with_suffix(".md")]
    write_text(written[1], card)
    if index:
        line = about or _LINE.format(
            model=f"model {found.model}", name=found.config["name"], scheme=found.target_scheme,
            steps=found.step, mode=found.mode or "mode not written down",
        )  # fmt: skip
        add_weights(output, about=line)
    return written
