"""Train one model: the same loop, steps and validation for A and B."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from spinesynth.anatomy.label_schemes import get_scheme
from spinesynth.errors import ConfigError
from spinesynth.io.case import Case
from spinesynth.io.checkpoint import Checkpoint, save_checkpoint
from spinesynth.io.tables import write_csv
from spinesynth.networks import group_logits
from spinesynth.pipelines.chains import augmentation_chain, synthesis_chain
from spinesynth.pipelines.compilation import compile_in_place, explaining_the_compiler
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.datasets import SampleKey, SliceDataset, TargetCoder, collate, make_loader
from spinesynth.pipelines.device import best_device
from spinesynth.pipelines.micro_batches import micro_batches
from spinesynth.pipelines.network_plan import build_loss, build_network
from spinesynth.pipelines.optimisers import make_optimiser
from spinesynth.pipelines.phantom_data import PHANTOM_SOURCE
from spinesynth.pipelines.precision import autocast, make_scaler
from spinesynth.pipelines.progress import StepProgress
from spinesynth.pipelines.results import MODELS, TABLES, training_csv
from spinesynth.pipelines.schedule import Schedule
from spinesynth.seeding import derive_seed

ModelName = Literal["A", "B"]
_VALIDATION_EPOCH = -1  # its samples have names of their own, never seen in training
_WHOLE = "vertebra"  # where body and posterior elements are known together, not apart


def checkpoint_path(folder: Path, model: str, name: Literal["best", "last"]) -> Path:
    """Return where a run keeps a model's checkpoint."""
    return folder / MODELS / f"model_{model}_{name}.pt"


def make_dataset(
    cases: Sequence[Case],
    config: ExperimentConfig,
    *,
    model: ModelName,
    part: Literal["train", "validation"] = "train",
) -> SliceDataset:
    """Return the slices that a model learns from, or is validated on.

    Model A gets label maps only: its data set never opens an image file. The
    phantoms beside them, if any, are others in validation than in training.
    """
    synthetic = model == "A"
    count = config.synthesis.phantoms
    share = config.synthesis.phantom_share if synthetic else 0.0
    return SliceDataset(
        # phantoms alone need no label map either: none is opened
        cases if share < 1 else (),
        synthesis_chain(config) if synthetic else augmentation_chain(config),
        run_seed=config.seed,
        with_image=not synthetic,
        coder=TargetCoder(config.target_scheme),
        phantom_seeds=[
            derive_seed(config.seed, part, "phantom", number)
            for number in range(count if part == "train" else max(1, count // 4))
        ],
        phantom_share=share,
        phantoms_without=config.synthesis.phantoms_without,
    )


class Trainer:
    """One training run of one model.

    Args:
        config: the experiment.
        model: ``A`` (synthetic images from label maps) or ``B`` (real images).
        train: training cases; of A only the label maps are opened.
        validation: cases of other patients, seen as the model sees its training
            cases: A synthetic images of their label maps, B their images.
        folder: of the run; checkpoints and the table of training go there.
    """

    def __init__(
        self,
        config: ExperimentConfig,
        model: ModelName,
        *,
        train: Sequence[Case],
        validation: Sequence[Case],
        folder: Path,
    ) -> None:
        self.config, self.model, self.folder = config, model, folder
        self.seen_patients = tuple(sorted({case.patient_id for case in (*train, *validation)}))
        if model == "A" and config.synthesis.phantom_share == 1:
            self.seen_patients = (PHANTOM_SOURCE,)  # it saw no patient, not even a label map
        self.device = best_device()
        self.scaler = make_scaler(config.training, self.device)
        self.layout = (
            torch.channels_last if config.training.channels_last else torch.preserve_format
        )
        with torch.random.fork_rng(devices=[]):
            # torch initialises weights from the global generator only
            torch.manual_seed(derive_seed(config.seed, "weights"))
            network = build_network(config).to(self.device)
        # not in the stub of Module.to
        self.network = network.to(memory_format=self.layout)  # type: ignore[call-overload]
        # validated and saved; a running mean is steadier than the last step's weights
        self.average = AveragedModel(self.network, avg_fn=self._blend)
        self.data = make_dataset(train, config, model=model)
        self.validation = self._fixed_samples(
            make_dataset(validation, config, model=model, part="validation")
        )
        compile_in_place(self.network, config.training)
        self.loss = build_loss(config)
        self.optimiser = make_optimiser(self.network.parameters(), config.training)
        self.schedule = Schedule(self.optimiser, config.training)
        self.rows: list[dict[str, Any]] = []
        self.best_dice = -1.0

    def _fixed_samples(self, data: SliceDataset) -> list[dict[str, Any]]:
        """Draw the validation samples once; they are the same at every validation."""
        count, size = self.config.training.val_samples, self.config.training.batch_size
        samples = [data[SampleKey(_VALIDATION_EPOCH, n % len(data), n)] for n in range(count)]
        return [collate(samples[n : n + size]) for n in range(0, count, size)]

    def _blend(self, average: Tensor, latest: Tensor, count: Tensor | int) -> Tensor:
        """Return the exponential moving average, which forgets its start early on."""
        decay = min(self.config.training.ema_decay, (1 + int(count)) / (10 + int(count)))
        return average.lerp(latest, 1 - decay)

    def _logits(self, network: nn.Module, image: Tensor) -> Tensor:
        with autocast(self.config.training, self.device):
            logits: Tensor = network(image.to(self.device, memory_format=self.layout))
        return logits.float()

    def _loss_of(self, batch: dict[str, Any]) -> Tensor:
        """Return the loss of a batch, or raise where it is not finite."""
        loss: Tensor = self.loss(
            self._logits(self.network, batch["image"]),
            batch["target"].to(self.device),
            batch["groups"],
        )
        if not bool(torch.isfinite(loss)):
            raise ConfigError(
                f"the loss of model {self.model} is not finite: the training diverges; lower "
                "training.learning_rate (--lr), "
                f"got {self.config.training.learning_rate:g}",
                code="E-TRAIN-001",
            )
        return loss

    def _step(self, batch: dict[str, Any]) -> float:
        settings, total = self.config.training, 0.0
        self.optimiser.zero_grad(set_to_none=True)
        with explaining_the_compiler(settings):
            for part, share in micro_batches(batch, settings.accumulate_steps):
                loss = self._loss_of(part) * share
                torch.autograd.backward(self.scaler.scale(loss))
                total += float(loss.detach())
        self.scaler.unscale_(self.optimiser)
        nn.utils.clip_grad_norm_(self.network.parameters(), settings.gradient_clip)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.schedule.after_step()
        self.average.update_parameters(self.network)
        return total

    def validate(self) -> dict[str, float]:
        """Return the loss, and the Dice of the averaged weights pooled over the validation samples.

        Returns:
            ``val_loss``; ``val_dice_<name>`` for each structure by the name under
            which it was known, so that whole vertebrae (``vertebra``) stand apart
            from vertebral bodies; ``val_dice_mean``, the mean over classes, where
            whole vertebrae count in the class of the bodies.
        """
        names = get_scheme(self.config.target_scheme).class_names
        known: dict[tuple[int, str], Tensor] = {}
        losses = []
        self.average.eval()
        with torch.inference_mode():
            for batch in self.validation:
                logits = self._logits(self.average, batch["image"])
                targets = batch["target"].to(self.device)
                losses.append(float(self.loss(logits, targets, batch["groups"])))
                for sample, target, groups in zip(logits, targets, batch["groups"], strict=True):
                    overlap = _group_overlap(sample[None], target[None], groups)
                    for number in _first_classes(groups):
                        folded = groups.count(groups[number]) > 1
                        key = (number, _WHOLE if folded else names[number])
                        known[key] = known.get(key, torch.zeros(2)) + overlap[number]
        classes = torch.zeros(len(names), 2)
        for (number, _), pair in known.items():
            classes[number] += pair
        dice = [_dice(pair) for pair in classes if pair[1] > 0]
        return {
            "val_loss": sum(losses) / len(losses),
            "val_dice_mean": sum(dice) / max(len(dice), 1),
            **{f"val_dice_{key[1]}": _dice(known[key]) for key in sorted(known) if known[key][1]},
        }

    def _save(self, name: Literal["best", "last"], step: int) -> None:
        path = checkpoint_path(self.folder, self.model, name)
        save_checkpoint(
            path,
            Checkpoint(
                config=self.config.model_dump(mode="json"),
                target_scheme=self.config.target_scheme,
                model=self.model,
                step=step,
                weights=self.average.module.state_dict(),
                seen_patients=self.seen_patients,
            ),
        )

    def _finish_epoch(self, step: int, losses: list[float], seconds: float) -> str:
        scores = self.validate()
        self.rows.append(
            {
                "model": self.model,
                "epoch": len(self.rows) + 1,
                "step": step,
                "train_loss": sum(losses) / len(losses),
                **scores,
                "learning_rate": self.optimiser.param_groups[0]["lr"],
                "seconds": seconds,
            }
        )
        write_csv(self.folder / training_csv(self.model), pd.DataFrame(self.rows))
        self.schedule.after_validation(scores["val_dice_mean"])
        self._save("last", step)
        if scores["val_dice_mean"] > self.best_dice:
            self.best_dice = scores["val_dice_mean"]
            self._save("best", step)
        return f"loss {self.rows[-1]['train_loss']:.3f}, val Dice {scores['val_dice_mean']:.3f}"

    def run(self) -> float:
        """Train for the configured steps and leave the checkpoints.

        Returns:
            Seconds taken.

        Raises:
            ConfigError: if the training diverges.
        """
        settings = self.config.training
        started, step = time.monotonic(), 0
        for place in (TABLES, MODELS):
            (self.folder / place).mkdir(parents=True, exist_ok=True)
        with StepProgress(f"model {self.model}", settings.steps) as progress:
            while step < settings.steps:
                count = min(settings.validate_every, settings.steps - step)
                loader = make_loader(
                    self.data,
                    samples=count * settings.batch_size,
                    epoch=len(self.rows),
                    config=self.config,
                )
                losses = []
                for batch in loader:
                    losses.append(self._step(batch))
                    progress.advance()
                step += count
                progress.note(self._finish_epoch(step, losses, time.monotonic() - started))
        return time.monotonic() - started


def _dice(overlap: Tensor) -> float:
    """Return the Dice of (intersection, sum of sizes)."""
    return float(2 * overlap[0] / overlap[1])


def _first_classes(groups: tuple[int, ...]) -> list[int]:
    """Return the first class of each group but that of the background."""
    return [n for n, group in enumerate(groups) if group != 0 and groups.index(group) == n]


def _group_overlap(logits: Tensor, target: Tensor, groups: tuple[int, ...]) -> Tensor:
    """Return (intersection, sum of sizes) of each class that the groups tell apart."""
    predicted = group_logits(logits, groups).argmax(1)
    reference = torch.tensor(groups, device=target.device)[target[:, 0].long()]
    result = torch.zeros(len(groups), 2)
    for number in _first_classes(groups):
        mine, theirs = predicted == groups[number], reference == groups[number]
        result[number] = torch.tensor([(mine & theirs).sum(), mine.sum() + theirs.sum()])
    return result
