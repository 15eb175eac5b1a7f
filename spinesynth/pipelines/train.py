"""Train one model: the same loop, steps and validation for A and B."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from spinesynth.anatomy.label_schemes import get_scheme
from spinesynth.io.case import Case
from spinesynth.io.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from spinesynth.io.tables import write_csv
from spinesynth.networks import PartialLabelDiceCELoss, group_logits
from spinesynth.pipelines.chains import augmentation_chain, synthesis_chain
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.datasets import SampleKey, SliceDataset, TargetCoder, collate, make_loader
from spinesynth.pipelines.device import best_device
from spinesynth.pipelines.predict import build_network
from spinesynth.pipelines.progress import StepProgress
from spinesynth.pipelines.results import MODELS, TABLES, training_csv
from spinesynth.seeding import derive_seed

ModelName = Literal["A", "B"]
_VALIDATION_EPOCH = -1  # its samples have names of their own, never seen in training


@dataclass(frozen=True)
class TrainedModel:
    """What a training leaves: the network at its best validation, its file, the time taken."""

    network: nn.Module
    checkpoint: Path
    seconds: float


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
    return SliceDataset(
        cases,
        synthesis_chain(config) if synthetic else augmentation_chain(config),
        run_seed=config.seed,
        with_image=not synthetic,
        coder=TargetCoder(config.target_scheme),
        phantom_seeds=[
            derive_seed(config.seed, part, "phantom", number)
            for number in range(count if part == "train" else max(1, count // 4))
        ],
        phantom_share=config.synthesis.phantom_share if synthetic else 0.0,
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
        self.device = best_device()
        with torch.random.fork_rng(devices=[]):
            # torch initialises weights from the global generator only
            torch.manual_seed(derive_seed(config.seed, "weights"))
            self.network = build_network(config).to(self.device)
        self.data = make_dataset(train, config, model=model)
        self.validation = self._fixed_samples(
            make_dataset(validation, config, model=model, part="validation")
        )
        self.loss = PartialLabelDiceCELoss()
        self.optimiser = torch.optim.Adam(
            self.network.parameters(), lr=config.training.learning_rate
        )
        self.schedule = ReduceLROnPlateau(
            self.optimiser,
            mode="max",
            factor=config.training.plateau_factor,
            patience=config.training.plateau_patience,
            threshold=config.training.plateau_threshold,
            threshold_mode="abs",
        )
        self.rows: list[dict[str, Any]] = []
        self.best_dice = -1.0

    def _fixed_samples(self, data: SliceDataset) -> list[dict[str, Any]]:
        """Draw the validation samples once; they are the same at every validation."""
        count, size = self.config.training.val_samples, self.config.training.batch_size
        samples = [data[SampleKey(_VALIDATION_EPOCH, n % len(data), n)] for n in range(count)]
        return [collate(samples[n : n + size]) for n in range(0, count, size)]

    def _logits(self, image: Tensor) -> Tensor:
        enabled = self.config.training.precision == "bfloat16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=enabled):
            logits: Tensor = self.network(image.to(self.device))
        return logits.float()

    def _step(self, batch: dict[str, Any]) -> float:
        loss = self.loss(
            self._logits(batch["image"]), batch["target"].to(self.device), batch["groups"]
        )
        if not bool(torch.isfinite(loss)):
            raise FloatingPointError(
                f"loss of model {self.model} is not finite; lower training.learning_rate"
            )
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), self.config.training.gradient_clip)
        self.optimiser.step()
        return float(loss.detach())

    def validate(self) -> dict[str, float]:
        """Return the Dice of each class pooled over the validation samples, and the loss."""
        names = get_scheme(self.config.target_scheme).class_names
        overlap = torch.zeros(len(names), 2)
        losses = []
        self.network.eval()
        with torch.inference_mode():
            for batch in self.validation:
                logits, targets = self._logits(batch["image"]), batch["target"].to(self.device)
                losses.append(float(self.loss(logits, targets, batch["groups"])))
                for sample, target, groups in zip(logits, targets, batch["groups"], strict=True):
                    overlap += _group_overlap(sample[None], target[None], groups)
        self.network.train()
        scored = {
            f"val_dice_{name}": float(2 * both / total)
            for name, (both, total) in zip(names[1:], overlap[1:], strict=True)
            if total > 0
        }
        mean = sum(scored.values()) / max(len(scored), 1)
        return {"val_loss": sum(losses) / len(losses), "val_dice_mean": mean, **scored}

    def _save(self, name: Literal["best", "last"], step: int) -> None:
        path = checkpoint_path(self.folder, self.model, name)
        save_checkpoint(
            path,
            Checkpoint(
                config=self.config.model_dump(mode="json"),
                target_scheme=self.config.target_scheme,
                model=self.model,
                step=step,
                weights=self.network.state_dict(),
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
        self.schedule.step(scores["val_dice_mean"])
        self._save("last", step)
        if scores["val_dice_mean"] > self.best_dice:
            self.best_dice = scores["val_dice_mean"]
            self._save("best", step)
        return f"loss {self.rows[-1]['train_loss']:.3f}, val Dice {scores['val_dice_mean']:.3f}"

    def run(self) -> TrainedModel:
        """Train for the configured steps and return the network at its best validation."""
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
        best = checkpoint_path(self.folder, self.model, "best")
        self.network.load_state_dict(load_checkpoint(best).weights)
        return TrainedModel(self.network, best, time.monotonic() - started)


def _group_overlap(logits: Tensor, target: Tensor, groups: tuple[int, ...]) -> Tensor:
    """Return (intersection, sum of sizes) of each class that the groups tell apart."""
    predicted = group_logits(logits, groups).argmax(1)
    reference = torch.tensor(groups, device=target.device)[target[:, 0].long()]
    result = torch.zeros(len(groups), 2)
    for number, group in enumerate(groups):
        if group == 0 or groups.index(group) != number:
            continue
        mine, theirs = predicted == group, reference == group
        result[number] = torch.tensor([(mine & theirs).sum(), mine.sum() + theirs.sum()])
    return result
