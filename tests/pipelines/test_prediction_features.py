"""What a prediction tells of itself, slab by slab."""

from __future__ import annotations

import pytest
import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from spinesynth.anatomy.structures import Structure
from spinesynth.pipelines.prediction_features import DoubtGatherer, Features
from spinesynth.pipelines.uncertainty_map import UncertaintyMap

CODES = torch.arange(6, dtype=torch.uint8)
GROUPS = frozenset({"vertebra", "body", "posterior", "disc", "canal", "sacrum"})
BODY, DISC, CANAL, SACRUM = (
    int(Structure[name]) for name in ("VERTEBRAL_BODY", "DISC", "CANAL", "SACRUM")
)


def features_of(
    probabilities: Tensor, spacing_mm: tuple[float, float, float], slab: int = 100
) -> Features:
    affine = torch.diag(torch.tensor([*spacing_mm, 1.0], dtype=torch.float64))
    noise = torch.rand((1, *probabilities.shape[1:]), generator=torch.manual_seed(1))
    gatherer = DoubtGatherer(CODES, MetaTensor(noise, affine=affine), groups=GROUPS)
    for start in range(0, probabilities.shape[1], slab):
        gatherer(start, probabilities[:, start : start + slab])
    return gatherer.features()


def certain(labels: Tensor) -> Tensor:
    return torch.nn.functional.one_hot(labels, len(CODES)).movedim(-1, 0).float()


def column(flip: bool = False) -> Tensor:
    """Return labels (3, 40, 60): bodies and discs in front of a canal, above a sacrum."""
    labels = torch.zeros(3, 40, 60, dtype=torch.long)
    labels[:, 20:30, 20:50] = BODY
    labels[:, 20:30, 34:36] = DISC
    labels[:, 8:12, 20:50] = CANAL
    labels[:, 20:30, 5:15] = SACRUM
    return labels.flip(1, 2) if flip else labels


def undecided(slices: int = 7) -> Tensor:
    logits = torch.randn((6, slices, 8, 9), generator=torch.manual_seed(0))
    smooth = torch.nn.functional.interpolate(logits, size=(32, 36), mode="bilinear")
    return (3 * smooth).softmax(0)


@pytest.mark.parametrize("slab", [1, 2, 5])
def test_slabs_do_not_matter(slab: int) -> None:
    whole, parts = (features_of(undecided(), (4.0, 1.0, 1.0), n) for n in (100, slab))
    for name, known in whole.structures.items():
        # float32 sums within a slab, in another order
        assert parts.structures[name] == pytest.approx(known, rel=1e-5)
    assert parts.scan == pytest.approx(whole.scan, rel=1e-5)


def test_a_certain_square_is_counted_by_hand() -> None:
    labels = torch.zeros(2, 20, 20, dtype=torch.long)
    labels[0, 5:15, 5:15] = DISC
    labels[0, 0:2, 0:2] = DISC
    known = features_of(certain(labels), (4.0, 1.0, 1.0)).structures
    disc = known["disc"]
    assert set(known) == {"disc"}
    assert disc["volume_ml"] == pytest.approx(104 * 4 / 1000)
    # a band of one voxel on either side: 12^2 - 8^2 of the square, 3^2 - 0 in the corner, where
    # the image ends and the square of two by two has a voxel left that touches no border
    assert disc["border_share"] == pytest.approx((12**2 - 8**2 + 3**2 - 1) / 104)
    assert (disc["soft_dice"], disc["entropy_inside"], disc["certainty_inside"]) == (1, 0, 1)
    assert disc["pieces"] == 2
    assert disc["stray_share"] == pytest.approx(4 / 104)
    assert disc["length_mm"] == 15


def test_soft_dice_is_that_of_the_probabilities_with_their_own_mask() -> None:
    probabilities = torch.zeros(6, 1, 2, 2)
    probabilities[DISC, 0] = torch.tensor([[0.9, 0.7], [0.2, 0.0]])
    probabilities[0, 0] = 1 - probabilities[DISC, 0]
    disc = features_of(probabilities, (4.0, 1.0, 1.0)).structures["disc"]
    # float32 probabilities
    assert disc["soft_dice"] == pytest.approx(2 * 1.6 / (1.8 + 2), rel=1e-6)
    assert disc["certainty_inside"] == pytest.approx(0.8, rel=1e-6)


def test_finer_pixels_count_alike() -> None:
    coarse = certain(column())
    fine = coarse.repeat_interleave(2, -1).repeat_interleave(2, -2)
    a, b = features_of(coarse, (4.0, 1.0, 1.0)), features_of(fine, (4.0, 0.5, 0.5))
    for name, known in a.structures.items():
        assert b.structures[name] == pytest.approx(known)


def test_places_tell_the_right_way_up() -> None:
    upright = features_of(certain(column()), (4.0, 1.0, 1.0)).scan
    turned = features_of(certain(column(flip=True)), (4.0, 1.0, 1.0)).scan
    assert upright["canal_behind_share"] == 1
    assert turned["canal_behind_share"] == 0
    # bodies from 20 to 49 with a disc in their middle, sacrum from 5 to 14
    assert upright["sacrum_below_share"] == pytest.approx((34.5 - 9.5) / 30)
    assert turned["sacrum_below_share"] == pytest.approx(-upright["sacrum_below_share"])
    assert upright["disc_per_bone"] == pytest.approx(2 / 28)
    assert upright["canal_per_bone"] == pytest.approx(4 * 30 / (10 * 28))


def test_places_are_those_of_the_image_whatever_a_slab_shows() -> None:
    labels = column(flip=True)
    labels[0, :20] = 0  # the first slice shows the canal alone
    labels[1:, 20:] = 0  # the others all but the canal
    scan = features_of(certain(labels), (4.0, 1.0, 1.0), slab=1).scan
    assert scan["canal_behind_share"] == 0


def test_nothing_found_is_told_as_nothing() -> None:
    nothing = features_of(certain(torch.zeros(2, 8, 8, dtype=torch.long)), (4.0, 1.0, 1.0))
    assert nothing.structures == {}
    assert nothing.scan["found_ml"] == 0
    assert "entropy" not in nothing.scan


def test_uncertainty_map_is_the_same_in_slabs() -> None:
    probabilities = undecided()
    whole, parts = UncertaintyMap((7, 32, 36)), UncertaintyMap((7, 32, 36))
    whole(0, probabilities)
    for start in range(0, 7, 2):
        parts(start, probabilities[:, start : start + 2])
    assert torch.equal(whole.percent, parts.percent)
    assert 0 < int(whole.percent.max()) <= 100
