"""What TensorBoard is given: the table's numbers, and a sample with its prediction."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from torch import Tensor

from spinesynth.errors import ConfigError, OutputError
from spinesynth.pipelines import training_board
from spinesynth.pipelines.experiment import train_models
from spinesynth.pipelines.results import training_csv
from spinesynth.pipelines.training_board import board_folder, draw_strip
from tests.pipelines.tiny_training import Make, differences, tiny_config

_SHORT = {"steps": 4, "validate_every": 2}


class Recorder:
    """Stand in for the writer of TensorBoard, and keep what it is given."""

    def __init__(self, folder: Path, *, first_step: int) -> None:
        self.folder, self.first_step, self.closed = folder, first_step, False
        self.scalars: dict[tuple[str, int], float] = {}
        self.images: dict[int, Tensor] = {}

    def add_scalar(self, tag: str, scalar_value: float, global_step: int) -> None:
        self.scalars[tag, global_step] = scalar_value

    def add_image(self, tag: str, img_tensor: Tensor, global_step: int) -> None:
        self.images[global_step] = img_tensor

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def writers(monkeypatch: pytest.MonkeyPatch) -> list[Recorder]:
    made: list[Recorder] = []

    def make_writer(folder: Path, *, first_step: int) -> Recorder:
        made.append(Recorder(folder, first_step=first_step))
        return made[-1]

    monkeypatch.setattr(training_board, "make_writer", make_writer)
    return made


def test_curves_are_the_table_and_nothing_else_changes(
    make: Make, tmp_path: Path, writers: list[Recorder]
) -> None:
    make(tmp_path / "without", tiny_config(**_SHORT)).run()
    assert writers == []
    make(tmp_path / "with", tiny_config(**_SHORT, tensorboard=True)).run()
    assert differences(tmp_path / "without", tmp_path / "with", exact=False) == []
    (writer,) = writers
    assert writer.folder == board_folder(tmp_path / "with", "A")
    assert (writer.first_step, writer.closed) == (1, True)
    table = pd.read_csv(tmp_path / "with" / training_csv("A")).set_index("step")
    for name in ("train_loss", "val_loss", "val_dice_mean", "learning_rate"):
        for step in (2, 4):
            # the table holds six digits
            assert writer.scalars[f"training/{name}", step] == pytest.approx(
                table.loc[step, name], rel=1e-5
            )
    assert {step: image.shape for step, image in writer.images.items()} == {
        2: (3, 32, 96), 4: (3, 32, 96),
    }  # fmt: skip


def test_board_goes_on_after_the_state(make: Make, tmp_path: Path, writers: list[Recorder]) -> None:
    config = tiny_config(**_SHORT, tensorboard=True)
    make(tmp_path, config).run()
    make(tmp_path, config).run(resume=True)
    assert [writer.first_step for writer in writers] == [1, 5]
    left = board_folder(tmp_path, "A") / "events.out.tfevents.1.host"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"of the run before")
    make(tmp_path, tiny_config(steps=1)).run()
    assert not left.exists()  # a new training, though without a board


def test_full_disk_is_told(
    make: Make, tmp_path: Path, writers: list[Recorder], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(writer: Recorder) -> None:
        raise OSError(28, "full")

    monkeypatch.setattr(Recorder, "flush", refuse)
    with pytest.raises(OutputError, match=r"E-OUT-001.*tensorboard.*\(full\).*space left"):
        make(tmp_path, tiny_config(**_SHORT, tensorboard=True)).run()
    assert writers[0].closed


def test_missing_tensorboard_is_told_before_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    said = r"E-CONF-030.*pip install '\.\[tensorboard\]'.*training\.tensorboard: false"
    with pytest.raises(ConfigError, match=said):
        train_models(
            tiny_config(tensorboard=True), data=tmp_path / "none", folder=tmp_path / "run",
            command="test",
        )  # fmt: skip
    assert not (tmp_path / "run").exists()


def test_strip_shows_the_head_above_and_the_front_to_the_left() -> None:
    """J runs to the front, K to the head; a disc has its colour, the background is black."""
    image, target, predicted = torch.zeros(3, 2, 4), torch.zeros(2, 4), torch.zeros(2, 4)
    image[1, 1, 3], target[1, 3], predicted[0, 0] = 1, 1, 1  # of three slices the middle one
    picture = draw_strip(image, target, predicted, class_names=("background", "disc"))
    disc = torch.tensor([0xF0, 0xE4, 0x42]) / 255
    expected = torch.zeros(3, 4, 6)
    expected[:, 0, 0] = 1
    expected[:, 0, 2] = disc
    expected[:, 3, 5] = disc
    assert torch.allclose(picture, expected, atol=1e-6)  # a division of floats


def test_tensorboard_reads_what_was_written(make: Make, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="TensorBoard is an extra")
    from tensorboard.backend.event_processing.event_accumulator import (  # type: ignore[import-not-found,import-untyped,unused-ignore]  # an extra
        EventAccumulator,
    )

    make(tmp_path, tiny_config(**_SHORT, tensorboard=True)).run()
    board: Any = EventAccumulator(str(board_folder(tmp_path, "A")))
    board.Reload()
    assert [point.step for point in board.Scalars("training/val_dice_mean")] == [2, 4]
    assert board.Images(board.Tags()["images"][0])[0].width == 96
