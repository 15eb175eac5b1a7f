"""A training for TensorBoard: its curves, and a validation sample with its prediction.

TensorBoard is an extra: ``pip install .[tensorboard]``. The tables are written anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from spinesynth.anatomy.label_schemes import get_scheme
from spinesynth.errors import ConfigError, OutputError
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.viz.style import STRUCTURE_COLOURS

_BOARDS, _FILES = "tensorboard", "events.out.tfevents.*"
_NO_CURVE = ("model", "epoch", "step")  # columns of the table of training
_OTHER = "#FFFFFF"  # a class without a colour of its own


class Writer(Protocol):
    """Describe what is used of ``torch.utils.tensorboard.SummaryWriter``."""

    def add_scalar(self, tag: str, scalar_value: float, global_step: int) -> None:
        """Add a point to a curve."""

    def add_image(self, tag: str, img_tensor: Tensor, global_step: int) -> None:
        """Add a picture ``(3, height, width)`` with values in [0, 1]."""

    def flush(self) -> None:
        """Write what was added."""

    def close(self) -> None:
        """Write what was added, and end."""


def make_writer(folder: Path, *, first_step: int) -> Writer:
    """Return a writer for TensorBoard.

    Args:
        folder: of its files; made if missing.
        first_step: what an earlier run wrote from this step on is hidden.

    Raises:
        ConfigError: if TensorBoard is not installed.
        OutputError: if the folder cannot be written to.
    """
    make = _find_writer()
    try:
        return make(str(folder), purge_step=first_step)
    except OSError as error:
        raise _refused(folder, error) from error


def check_board(config: ExperimentConfig) -> None:
    """Refuse a configuration that wants TensorBoard where it is not installed.

    Raises:
        ConfigError: with the command that installs it.
    """
    if config.training.tensorboard:
        _find_writer()


def _find_writer() -> Callable[..., Writer]:
    """Import the extra, or say how to install it."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ConfigError(
            f"training.tensorboard: TensorBoard cannot be imported ({error}); install it with "
            "\"pip install '.[tensorboard]'\" in the checkout, or set training.tensorboard: false",
            code="E-CONF-030",
        ) from error
    return SummaryWriter


def _refused(folder: Path, error: OSError) -> OutputError:
    return OutputError(
        f"{folder}: TensorBoard's files could not be written ({error.strerror or error}); check "
        "that the folder may be written to and has space left",
        code="E-OUT-001",
    )


def board_folder(folder: Path, model: str) -> Path:
    """Return where a run keeps a model's files for TensorBoard."""
    return folder / _BOARDS / model


def clear_board(folder: Path, model: str) -> None:
    """Remove what an earlier training of a model wrote for TensorBoard."""
    for path in board_folder(folder, model).glob(_FILES):
        path.unlink(missing_ok=True)


class TrainingBoard:
    """Curves and pictures of one training, or nothing where none are wanted.

    Args:
        config: the experiment.
        folder: of the run.
        model: ``A`` or ``B``.
        after: step that the training goes on from.

    Raises:
        ConfigError: if they are wanted and TensorBoard is not installed.
    """

    def __init__(self, config: ExperimentConfig, folder: Path, model: str, *, after: int) -> None:
        self.folder = board_folder(folder, model)
        self.class_names = get_scheme(config.target_scheme).class_names
        self._writer: Writer | None = None
        if config.training.tensorboard:
            self._writer = make_writer(self.folder, first_step=after + 1)

    def add(
        self,
        row: Mapping[str, Any],
        batch: Mapping[str, Any],
        logits_of: Callable[[Tensor], Tensor],
    ) -> None:
        """Add a validation.

        Args:
            row: of the table of training.
            batch: of validation samples, ``image`` and ``target``; the first is shown.
            logits_of: network, ``(B, channels, *patch)`` to logits ``(B, C, *patch)``.

        Raises:
            OutputError: if the disk refuses it.
        """
        if self._writer is None:
            return
        step = int(row["step"])
        with torch.inference_mode():
            predicted = logits_of(batch["image"][:1])[0].argmax(0).cpu()
        shown = _fullest_slice(batch["image"][0], batch["target"][0, 0], predicted)
        picture = draw_strip(*shown, class_names=self.class_names)
        try:
            for name in (name for name in row if name not in _NO_CURVE):
                self._writer.add_scalar(f"training/{name}", float(row[name]), step)
            self._writer.add_image("validation/image, target, prediction", picture, step)
            self._writer.flush()
        except OSError as error:
            raise _refused(self.folder, error) from error

    def close(self) -> None:
        """End the writing."""
        if self._writer is not None:
            self._writer.close()


def _fullest_slice(
    image: Tensor, target: Tensor, predicted: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return image, target and prediction of the slice that shows most of the target."""
    if target.ndim == 2:
        return image, target, predicted
    index = int((target > 0).sum((1, 2)).argmax())
    return image[:, index], target[index], predicted[index]


def draw_strip(
    image: Tensor, target: Tensor, predicted: Tensor, *, class_names: Sequence[str]
) -> Tensor:
    """Return a slice, its target and a prediction side by side, head up, anterior left.

    Args:
        image: ``(channels, J, K)``; of several slices the middle one is shown.
        target: classes ``(J, K)``.
        predicted: classes ``(J, K)``.
        class_names: of the classes, the background first.

    Returns:
        Float ``(3, K, 3 J)`` in [0, 1].

    Example:
        >>> picture = draw_strip(
        ...     torch.rand(1, 4, 5), torch.zeros(4, 5), torch.ones(4, 5), class_names=("", "disc")
        ... )
        >>> picture.shape, picture[:, 0, -1].tolist()
        (torch.Size([3, 5, 12]), [0.9411764740943909, 0.8941176533699036, 0.25882354378700256])
    """
    grey = image[len(image) // 2].float().cpu()
    grey = (grey - grey.min()) / (grey.max() - grey.min()).clamp(min=1e-6)
    colours = torch.tensor([[0.0] * 3, *(_colour(name) for name in class_names[1:])])
    panels = [grey[..., None].expand(-1, -1, 3), colours[target.long()], colours[predicted.long()]]
    return torch.cat([panel.flip(0, 1).permute(2, 1, 0) for panel in panels], dim=2)


def _colour(name: str) -> list[float]:
    """Return red, green and blue of a structure in [0, 1]."""
    return [value / 255 for value in bytes.fromhex(STRUCTURE_COLOURS.get(name, _OTHER)[1:])]
