"""The best and the last checkpoints stay, each once on the disk, and survive a stop."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinesynth.errors import CheckpointError, OutputError
from spinesynth.io import atomic
from spinesynth.io.checkpoint import load_checkpoint, load_training_state
from spinesynth.pipelines.checkpoint_shelf import CheckpointShelf, checkpoint_path, choose_kept
from spinesynth.pipelines.config import TrainingConfig
from spinesynth.pipelines.training_state import state_path
from tests.pipelines.tiny_training import (
    Make,
    Snapshots,
    differences,
    kept_steps,
    set_scores,
    tiny_config,
)

#: The best are the fourth, then the second: the third is equal, but later.
_DICE = [0.1, 0.5, 0.5, 0.6, 0.2, 0.3]
_SHORT = {"steps": 6, "validate_every": 1}


@given(
    st.dictionaries(st.integers(1, 99), st.sampled_from([0.0, 0.2, 0.5]), min_size=1),
    st.integers(1, 4),
    st.integers(1, 4),
)
def test_the_best_and_the_last_stay(dice: dict[int, float], best: int, last: int) -> None:
    kept = choose_kept(dice, best=best, last=last)
    assert kept.items() <= dice.items()
    assert len(kept) <= best + last
    assert max(dice) in kept
    gone = [dice[step] for step in dice if step not in kept]
    better = sorted(kept.values(), reverse=True)[:best]
    assert not gone or min(better) >= max(gone)


@pytest.mark.parametrize(("best", "last", "kept"), [(1, 1, [4, 6]), (2, 2, [2, 4, 5, 6])])
def test_training_keeps_as_many_as_it_is_told(
    make: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    best: int,
    last: int,
    kept: list[int],
) -> None:
    trainer = make(tmp_path, tiny_config(**_SHORT, keep_best=best, keep_last=last))
    set_scores(monkeypatch, trainer, _DICE)
    trainer.run()
    assert kept_steps(tmp_path) == kept
    for name, step in (("best", 4), ("last", 6)):
        path = checkpoint_path(tmp_path, "A", name)  # type: ignore[arg-type]  # one of the two
        assert load_checkpoint(path).step == step
        assert path.samefile(trainer.shelf.path(step))  # written once


def test_kept_checkpoints_survive_a_stop_anywhere(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is there beyond the state goes, what is missing in the end comes again."""
    config = tiny_config(**_SHORT, keep_best=2, keep_last=2)
    with monkeypatch.context() as patch:
        snapshots = Snapshots(tmp_path / "at", patch)
        trainer = make(tmp_path / "whole", config)
        set_scores(patch, trainer, _DICE)
        trainer.run()
    assert len(snapshots.folders) == 7  # before all steps, and after each validation
    for folder in snapshots.folders:
        trainer = make(folder, config)
        trainer.shelf.path(99).write_bytes(b"of a later step than the state")
        set_scores(monkeypatch, trainer, _DICE)
        trainer.run(resume=True)
        assert differences(tmp_path / "whole", folder) == []


def test_training_anew_forgets_what_was_kept(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another model's checkpoints stay, and files that are called otherwise."""
    others = [tmp_path / "models" / f"model_{n}.pt" for n in ("B_step000002", "A_step2_mine")]
    others[0].parent.mkdir()
    for path in others:
        path.write_bytes(b"mine")
    for steps in (6, 1):
        trainer = make(tmp_path, tiny_config(**_SHORT | {"steps": steps}, keep_last=3))
        set_scores(monkeypatch, trainer, _DICE)
        trainer.run()
    assert [path.read_bytes() for path in others] == [b"mine"] * 2
    others[1].unlink()
    assert kept_steps(tmp_path) == [1]


@pytest.mark.parametrize("file", ["model_A_step000003", "model_A_state"])
def test_full_disk_leaves_checkpoints_that_load(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    """It is full at the third checkpoint, or at the state that should follow it."""
    config = tiny_config(**_SHORT, keep_best=2, keep_last=2)
    with monkeypatch.context() as patch:
        trainer = make(tmp_path / "whole", config)
        set_scores(patch, trainer, _DICE)
        trainer.run()
    sync = atomic._sync

    def full(path: Path) -> None:
        if file in path.name and trainer.reached.step == 3:
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
            raise OSError(28, "No space left on device")
        sync(path)

    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        trainer = make(run, config)
        set_scores(patch, trainer, _DICE)
        patch.setattr(atomic, "_sync", full)
        with pytest.raises(OutputError, match=rf"E-OUT-001.*{file}"):
            trainer.run()
    assert load_training_state(state_path(run, "A")).step == 2
    assert load_checkpoint(checkpoint_path(run, "A", "best")).step == 2
    assert load_checkpoint(checkpoint_path(run, "A", "last")).step in (2, 3)
    assert [1, 2] == kept_steps(run)[:2]
    assert list(run.rglob(".partial-*")) == []
    trainer = make(run, config)
    set_scores(monkeypatch, trainer, _DICE)
    trainer.run(resume=True)
    assert differences(tmp_path / "whole", run) == []


@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
def test_second_name_replaces_what_had_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    if not links:  # as file systems of memory sticks do
        monkeypatch.setattr(os, "link", refuse)
    one, name = tmp_path / "one", tmp_path / "name"
    one.write_bytes(b"1")
    name.write_bytes(b"old")
    for _ in range(2):  # the second time both are one file
        atomic.link_file(one, name)
        assert name.read_bytes() == b"1"
        assert name.samefile(one) == links
    assert sorted(path.name for path in tmp_path.iterdir()) == ["name", "one"]


def test_second_name_of_nothing_leaves_the_first(tmp_path: Path) -> None:
    name = tmp_path / "name"
    name.write_bytes(b"old")
    with pytest.raises(OutputError, match=r"name: could not be written \(No such file"):
        atomic.link_file(tmp_path / "none", name)
    assert name.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [name]


def test_missing_checkpoints_are_left_out_unless_all_are(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shelf = CheckpointShelf(tmp_path, "A", TrainingConfig())
    shelf.path(10).parent.mkdir()
    shelf.path(10).touch()
    assert shelf.still_there({10: 0.5, 20: 0.6}) == {10: 0.5}
    assert "model_A_step000020.pt is missing" in caplog.text
    assert shelf.still_there({}) == {}
    with pytest.raises(
        CheckpointError, match=r"E-CKPT-002.*step000020\.pt .* all others .* missing"
    ):
        shelf.still_there({20: 0.6})
