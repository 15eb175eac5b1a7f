"""Train one model: the same loop, steps and validation for A and B."""

from __future__ import annotations

import logging
import math
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
from torch import Tensor

from spinesynth.anatomy.label_schemes import get_scheme
from spinesynth.errors import ConfigError
from spinesynth.io.atomic import remove_partial
from spinesynth.io.case import Case
from spinesynth.io.checkpoint import Checkpoint
from spinesynth.io.tables import write_csv
from spinesynth.pipelines.checkpoint_shelf import CheckpointShelf
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.data_digest import digest_scans
from spinesynth.pipelines.datasets import NamedSamples, SampleKey, collate
from spinesynth.pipelines.final_choice import FinalChoice
from spinesynth.pipelines.follower import EpochPlan, TrainingTask
from spinesynth.pipelines.interrupt import SafeStops, Stopped, end_helpers
from spinesynth.pipelines.leak_guard import contents_of
from spinesynth.pipelines.learner import Learner
from spinesynth.pipelines.progress import StepProgress
from spinesynth.pipelines.pseudo_cases import contents_of_teacher, patients_of_teacher
from spinesynth.pipelines.ranks import current_ranks
from spinesynth.pipelines.results import MODELS, TABLES, choice_csv, training_csv
from spinesynth.pipelines.run_record import model_mode
from spinesynth.pipelines.starting_point import read_start
from spinesynth.pipelines.training_board import TrainingBoard, clear_board
from spinesynth.pipelines.training_data import (
    ModelName,
    contents_behind,
    digest_data,
    make_training_data,
    patients_behind,
)
from spinesynth.pipelines.training_state import Reached, TrainingState, share_learner, state_path
from spinesynth.pipelines.validation import score_samples

_LOG = logging.getLogger(__name__)
_VALIDATION_EPOCH = -1  # its samples have names of their own, never seen in training


class Trainer:
    """One training run of one model.

    Args:
        config: the experiment.
        model: ``A`` (synthetic images from label maps) or ``B`` (real images).
        train: training cases; of A only the label maps are opened, unless
            ``training.real_share`` asks for images too.
        validation: cases of other patients, seen as the model sees its training
            cases: A synthetic images of their label maps, B their images, and A with
            a share of real images both.
        folder: of the run; checkpoints and the table of training go there.
        scans: real scans of the validation patients, for the final choice alone, and
            opened only if ``training.final_choice`` asks for it.
    """

    def __init__(
        self,
        config: ExperimentConfig,
        model: ModelName,
        *,
        train: Sequence[Case],
        validation: Sequence[Case],
        folder: Path,
        scans: Sequence[Case] = (),
    ) -> None:
        self.config, self.model, self.folder = config, model, folder
        self.shelf = CheckpointShelf(folder, model, config.training)
        self.choice = FinalChoice(config, model, self.shelf, scans)
        seen = patients_behind(config, model, (*train, *validation))
        seen |= patients_of_teacher(config, model)
        start = read_start(config)
        if start is not None:
            seen |= set(start.checkpoint.seen_patients)
            if start.loses_centres:
                _LOG.warning("%s: its heatmap of centres is left out", start.path)
        contents = contents_behind(config, model, (*train, *validation))
        contents += contents_of(self.choice.scans, images=True)
        known = contents_of_teacher(config, model)
        known |= set(start.checkpoint.seen_content if start else ())
        self.seen_content = tuple({*known, *(content.as_text() for content in contents)})
        self.mode = model_mode(
            config, model, train, self.choice.scans, before=start.mode if start else ""
        )
        chosen_on = {case.patient_id for case in self.choice.scans}
        self.seen_patients = tuple(sorted(seen | chosen_on))
        self.learner = Learner(config)
        self.network, self.average = self.learner.network, self.learner.average
        self.train, self.ranks = tuple(train), current_ranks()
        self.data = make_training_data(train, config, model=model)
        held_out = make_training_data(validation, config, model=model, part="validation")
        self.validation = self._fixed_samples(held_out)
        cases = {**digest_data(self.data, "training"), **digest_data(held_out, "validation")}
        if start is not None:
            cases["starting"] = [[start.path.name, start.sha256]]
        if self.choice.scans:
            cases["final choice"] = digest_scans(self.choice.scans)
        self.reached, self._seconds_before, self._started = Reached(), 0.0, time.monotonic()
        self.state = TrainingState(
            state_path(folder, model), config, model, cases, self.seen_patients
        )

    def _fixed_samples(self, data: NamedSamples) -> list[dict[str, Any]]:
        """Draw the validation samples once; they are the same at every validation."""
        count, size = self.config.training.val_samples, self.config.training.batch_size
        samples = [data[SampleKey(_VALIDATION_EPOCH, n % len(data), n)] for n in range(count)]
        return [collate(samples[n : n + size]) for n in range(0, count, size)]

    def take_step(self, batch: dict[str, Any]) -> float:
        """Return the loss of the next step.

        Args:
            batch: of the loader: ``image``, ``target`` and ``groups``.

        Raises:
            ConfigError: if the loss is not finite.
        """
        loss = self.learner.take_step(batch, self.reached.step)
        if not math.isfinite(loss):
            raise ConfigError(
                f"the loss of model {self.model} is not finite: the training diverges; lower "
                "training.learning_rate (--lr), "
                f"got {self.config.training.learning_rate:g}",
                code="E-TRAIN-001",
            )
        return loss

    def _averaged_logits(self, image: Tensor) -> Tensor:
        return self.learner.logits(self.average, image)

    def validate(self) -> dict[str, float]:
        """Return the loss, and the Dice of the averaged weights over the validation samples.

        Returns:
            What :func:`~spinesynth.pipelines.validation.score_samples` returns.
        """
        self.average.eval()
        return score_samples(
            self._averaged_logits,
            self.validation,
            loss=self.learner.loss,
            class_names=get_scheme(self.config.target_scheme).class_names,
        )

    def _checkpoint(self) -> Checkpoint:
        return Checkpoint(
            config=self.config.model_dump(mode="json"),
            target_scheme=self.config.target_scheme,
            model=self.model,
            step=self.reached.step,
            weights=self.average.module.state_dict(),
            seen_patients=self.seen_patients,
            seen_content=self.seen_content,
            mode=self.mode,
        )

    def _finish_epoch(self, scores: dict[str, float]) -> str:
        """Write a validation down, in the table and the checkpoints, and say what came out."""
        reached, dice = self.reached, scores["val_dice_mean"]
        reached.rows.append(
            {
                "model": self.model,
                "epoch": len(reached.rows) + 1,
                "step": reached.step,
                "train_loss": sum(reached.losses) / len(reached.losses),
                **scores,
                "learning_rate": self.learner.optimiser.param_groups[0]["lr"],
                "seconds": self._seconds(),
            }
        )
        reached.losses = []
        self._write_table()
        self.learner.schedule.after_validation(dice)
        self.shelf.add(self._checkpoint(), best=dice > reached.best_dice)
        reached.stale += 1
        if dice > reached.best_dice:
            reached.best_dice, reached.stale = dice, 0
        self.board.add(reached.rows[-1], self.validation[0], self._averaged_logits)
        reached.kept = self.shelf.choose({**reached.kept, reached.step: dice})
        self._save_state()  # before the others go
        self.shelf.keep_only(reached.kept)
        return f"loss {reached.rows[-1]['train_loss']:.3f}, val Dice {dice:.3f}"

    def _write_table(self) -> None:
        write_csv(self.folder / training_csv(self.model), pd.DataFrame(self.reached.rows))

    def _seconds(self) -> float:
        """Return the seconds taken, those before the training was stopped included."""
        return self._seconds_before + time.monotonic() - self._started

    def _save_state(self) -> None:
        self.reached.seconds = self._seconds()
        self.state.save(self.learner, self.reached)

    def _begin(self, *, resume: bool) -> None:
        """Go on from what an earlier run saved, or from the start."""
        for place in (TABLES, MODELS):
            (self.folder / place).mkdir(parents=True, exist_ok=True)
            remove_partial(self.folder / place)
        if resume and self.state.path.exists():
            self._go_on()
        else:
            for table in (training_csv(self.model), choice_csv(self.model)):
                (self.folder / table).unlink(missing_ok=True)
            clear_board(self.folder, self.model)
            self._save_state()  # there is always one, of this training
        self.shelf.keep_only(self.reached.kept)
        self.board = TrainingBoard(self.config, self.folder, self.model, after=self.reached.step)

    def _go_on(self) -> None:
        """Restore the state, and tables to it, which may be ahead."""
        reached = self.reached = self.state.restore(self.learner)
        self._seconds_before = reached.seconds
        if reached.rows:
            self._write_table()
        if reached.chosen is not None:
            self.choice.write_table(reached)
        elif self.choice.wanted:
            reached.kept = self.shelf.still_there(reached.kept)
            reached.choice = [row for row in reached.choice if row["step"] in reached.kept]

    @property
    def _ended(self) -> bool:
        settings, reached = self.config.training, self.reached
        patience = settings.early_stopping_patience
        if reached.losses:  # steps that no validation followed yet
            return False
        return reached.step >= settings.steps or (
            patience is not None and reached.stale >= patience
        )

    def run(self, *, resume: bool = False) -> float:
        """Train for the configured steps and leave the checkpoints.

        SIGTERM and SIGINT let it save where it is and end the program with the
        status 143 or 130.

        Args:
            resume: go on from the state in the folder, if there is one, to the
                weights, tables and checkpoints that one uninterrupted run leaves.

        Returns:
            Seconds taken, those of the runs before included.

        Raises:
            ConfigError: if the training diverges, or the state is of another run.
            CheckpointError: if the state is refused.
            OutputError: if a file cannot be written.
        """
        self._started = time.monotonic()
        self._begin(resume=resume)
        steps, done = self.config.training.steps, self.reached.step
        try:
            with (
                SafeStops(for_good=self.ranks.size > 1) as stops,
                StepProgress(f"model {self.model}", steps, done=done) as progress,
                closing(self.board),
            ):
                if not self._ended:
                    self._learn(stops, progress)
                if self.reached.step < steps:
                    progress.note(f"ended early, {self.reached.stale} validations after the best")
                if self.choice.wanted:
                    self._choose(stops, progress)
                stops.check()  # it may have come in the last step, and means the whole run
        except Stopped as stopped:
            self._save_state()
            end_helpers()
            sys.stderr.write(
                f"model {self.model}: stopped by {stopped.name} after step {self.reached.step} of "
                f"{steps}; the same command with --resume goes on\n"
            )
            raise stopped.as_exit() from None
        return self._seconds()

    def _learn(self, stops: SafeStops, progress: StepProgress) -> None:
        """Train to the end; other ranks follow (:mod:`spinesynth.pipelines.follower`)."""
        self.ranks.announce()
        task = TrainingTask(self.config, self.model, self.train, self.state.cases)
        self.ranks.hand_out(task)
        stops.check_together(self.ranks.agree)
        share_learner(self.learner, self.reached, self.ranks)
        while not self._ended:
            self._run_epoch(stops, progress)
        self.ranks.hand_out(None)

    def _run_epoch(self, stops: SafeStops, progress: StepProgress) -> None:
        """Take the steps that are left to the next validation, and validate."""
        settings, reached = self.config.training, self.reached
        epoch, done = len(reached.rows), len(reached.losses)
        count = min(settings.validate_every, settings.steps - epoch * settings.validate_every)
        plan = EpochPlan(epoch, count, done, reached.step)
        self.ranks.hand_out(plan)
        if done < count:
            loader = plan.make_loader(self.data, self.config, self.ranks)
            for batch in stops.each(loader, agree=self.ranks.agree):
                reached.losses.append(self.take_step(batch))
                reached.step += 1
                progress.advance()
                every = settings.checkpoint_every
                if every is not None and reached.step % every == 0:
                    self._save_state()
        with stops.allowed():
            scores = self.validate()
        self.ranks.hand_out(scores["val_dice_mean"])
        progress.note(self._finish_epoch(scores))

    def _choose(self, stops: SafeStops, progress: StepProgress) -> None:
        """Make the best of the kept checkpoints ``best``; each score is saved."""
        reached = self.reached
        for step in self.choice.candidates(reached):
            with stops.allowed():
                scored = self.choice.score(step)
            reached.choice += scored
            self._save_state()
            progress.note(f"scored the checkpoint of step {step}")
        if reached.chosen is None:
            progress.note(self.choice.conclude(reached))
            self._save_state()
