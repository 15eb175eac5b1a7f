"""Several networks, or one at several scales, vote as one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from spinesynth.cli import run
from spinesynth.errors import ConfigError
from spinesynth.pipelines.ensemble import EnsemblePredictor, certainty, load_members
from spinesynth.pipelines.predict import VolumePredictor, load_predictor
from tests.fabricate import intensities, nib, write_nifti
from tests.pipelines.tiny_checkpoint import write_checkpoint

IMAGE = MetaTensor(torch.zeros(1, 2, 1, 1))


class Fixed:
    """A member that says what it was told to: probabilities of three classes at two voxels."""

    groups = frozenset({"disc"})

    def __init__(self, *voxels: tuple[float, float, float]) -> None:
        self.structures = torch.tensor([0, 3, 4], dtype=torch.uint8)
        self.said = torch.tensor(voxels).T.reshape(3, 2, 1, 1)

    def slabs(self, image: MetaTensor) -> Iterator[Tensor]:
        yield self.said

    def probabilities(self, image: MetaTensor) -> Tensor:
        return self.said

    def __call__(self, image: MetaTensor) -> Tensor:
        raise AssertionError("only probabilities are asked for")


def test_mean_counts_members_alike() -> None:
    both = EnsemblePredictor([Fixed((1, 0, 0), (0, 1, 0)), Fixed((0, 0.5, 0.5), (0, 0.2, 0.8))])
    expected = [[0.5, 0.25, 0.25], [0.0, 0.6, 0.4]]
    torch.testing.assert_close(both.probabilities(IMAGE)[..., 0, 0].T, torch.tensor(expected))
    assert both(IMAGE)[:, 0, 0].tolist() == [0, 3]


def test_certainty_leaves_the_word_to_those_who_know() -> None:
    """At the first voxel one member cannot tell (weight 1/1000), at the second none can."""
    third = 1 / 3
    members = [Fixed((0, 0, 1), (third,) * 3), Fixed((third,) * 3, (third,) * 3)]
    votes = EnsemblePredictor(members, weighting="certainty").probabilities(IMAGE)[..., 0, 0].T
    lost = 1e-3 * third / 1.001
    torch.testing.assert_close(votes[0], torch.tensor([lost, lost, 1 - 2 * lost]))
    torch.testing.assert_close(votes[1], torch.full((3,), third))


def test_certainty_falls_as_classes_come_closer() -> None:
    shares = torch.linspace(0.5, 1.0, 20)
    values = certainty(torch.stack([shares, 1 - shares]))
    assert (values.diff() > 0).all()
    assert values[-1] == 1


def test_order_of_members_does_not_matter_and_one_alone_is_itself() -> None:
    first, second = Fixed((0.2, 0.5, 0.3), (1, 0, 0)), Fixed((0.6, 0.1, 0.3), (0, 0.3, 0.7))
    for weighting in ("mean", "certainty"):
        one, other = (
            EnsemblePredictor(members, weighting=weighting).probabilities(IMAGE)
            for members in ((first, second), (second, first))
        )
        torch.testing.assert_close(one, other)
    torch.testing.assert_close(EnsemblePredictor([first]).probabilities(IMAGE), first.said)


def test_other_classes_are_refused(tmp_path: Path) -> None:
    paths = [
        write_checkpoint(tmp_path / f"{scheme}.pt", target_scheme=scheme)
        for scheme in ("spine6", "semantic4")
    ]
    with pytest.raises(ConfigError, match=r"E-CONF-031.*must have the same classes.*number 2"):
        load_members(paths)
    with pytest.raises(ConfigError, match=r"E-CONF-031.*at least one member"):
        load_members([])


@pytest.mark.parametrize("scales", [(), (0.4,), (1.0, float("nan"))])
def test_impossible_scales_are_refused(scales: tuple[float, ...], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"E-CONF-031.*scales must be .* within \[0\.5, 2\]"):
        load_members([write_checkpoint(tmp_path / "m.pt")], scales=scales)


def test_origin_names_all_and_forgets_patients_only_if_one_does(tmp_path: Path) -> None:
    told = [write_checkpoint(tmp_path / f"{n}.pt", seen_patients=(f"p{n}", "both")) for n in (1, 2)]
    _, origin = load_members(told)
    assert origin.seen_patients == ("both", "p1", "p2")
    assert origin.model == "A+A"
    silent = write_checkpoint(tmp_path / "silent.pt", seen_patients=())
    assert load_members([*told, silent])[1].seen_patients == ()


def test_scale_changes_what_the_network_sees_and_not_the_grid(tmp_path: Path) -> None:
    path = write_checkpoint(tmp_path / "m.pt")
    plain, _ = load_predictor(path)
    larger = plain.at_scale(2.0)
    assert larger.spacing_mm == tuple(step / 2 for step in plain.spacing_mm)
    assert plain.spacing_mm == load_predictor(path)[0].spacing_mm  # the other is untouched
    both, _ = load_members([path], scales=(1.0, 2.0))
    image = MetaTensor(torch.rand(1, 2, 24, 20, generator=torch.Generator().manual_seed(0)))
    expected = (plain.probabilities(image) + larger.probabilities(image)) / 2
    torch.testing.assert_close(both.probabilities(image), expected)
    single, _ = load_members([path])
    assert isinstance(single, VolumePredictor)


def test_command_lets_checkpoints_vote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = write_nifti(tmp_path / "scan.nii.gz", intensities())
    words = ["predict", "-i", str(image), "-o", str(tmp_path / "out"), "--weighting"]
    for n in (1, 2):
        words[1:1] = ["--checkpoint", str(write_checkpoint(tmp_path / f"{n}.pt"))]
    assert run([*words, "votes"], command="test") == 2
    assert "[E-CONF-031] weighting must be one of mean, certainty" in capsys.readouterr().err
    assert run([*words, "certainty", "--scale", "1", "--scale", "1.1"], command="test") == 0
    written = nib.load(tmp_path / "out" / "scan_seg.nii.gz")
    assert written.shape == nib.load(image).shape
