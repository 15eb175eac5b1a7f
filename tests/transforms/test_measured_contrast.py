"""Contrasts from measured maps: which PD map, which samples, and the acquisition itself."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import pytest
import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from spinesynth.kernels.measured_maps import estimate_pd
from spinesynth.transforms import RandSynthMRI, RandSynthMRId
from spinesynth.transforms.measured_contrast import SynthMRIRecord
from tests.measured_phantom import T1W_MS, T2W_MS, MeasuredPhantom, measure_phantom

SIZE = (1, 4, 5)
#: PD of the T1-weighted TSE is 1, of the T2-weighted one 2; nothing has decayed.
T1_MS, T2_MS = torch.full(SIZE, 1e-3), torch.full(SIZE, 1e9)
PD_T1W, PD_T2W = torch.ones(SIZE), torch.full(SIZE, 2.0)


def stack(*maps: Tensor) -> Tensor:
    return torch.cat(maps)


def sample(**maps: Tensor) -> dict[Hashable, Any]:
    found: dict[Hashable, Any] = {"t1_ms": T1_MS, "t2_ms": T2_MS}
    found.update(maps.items())
    return found


@pytest.mark.parametrize(("te_ms", "pd"), [(5.0, 1), (49.9, 1), (50.0, 2), (100.0, 2)])
def test_echo_time_chooses_the_proton_density(te_ms: float, pd: float) -> None:
    synthesise = RandSynthMRI(te_ms=(te_ms, te_ms))

    image = synthesise(stack(T1_MS, T2_MS, PD_T1W, PD_T2W))

    # exp(-100 / 1e9) is 1 up to rounding
    torch.testing.assert_close(image, torch.full(SIZE, float(pd)), rtol=1e-6, atol=0)


@pytest.mark.parametrize("te_ms", [5.0, 100.0])
@pytest.mark.parametrize("pd", [PD_T1W, PD_T2W])
def test_one_proton_density_serves_every_echo_time(te_ms: float, pd: Tensor) -> None:
    image = RandSynthMRI(te_ms=(te_ms, te_ms))(stack(T1_MS, T2_MS, pd))

    torch.testing.assert_close(image, pd, rtol=1e-6, atol=0)


def test_times_are_drawn_over_the_whole_of_their_ranges() -> None:
    synthesise = RandSynthMRI().set_random_state(0)
    drawn = []
    for _ in range(400):
        synthesise.randomize(stack(T1_MS, T2_MS, PD_T1W, PD_T2W))
        record = synthesise.record
        assert isinstance(record, SynthMRIRecord)
        drawn.append(record)
    tr_ms, te_ms = (torch.tensor([getattr(one, n) for one in drawn]) for n in ("tr_ms", "te_ms"))

    for times, low, high in ((tr_ms, 200, 3000), (te_ms, 5, 100)):
        # of 400 uniform draws, none in an outer twentieth has a chance of 1e-9
        twentieth = (high - low) / 20
        assert low <= float(times.min()) < low + twentieth
        assert high - twentieth < float(times.max()) <= high
    # independent: five standard errors of a correlation over 400 pairs
    assert abs(float(torch.corrcoef(torch.stack([tr_ms, te_ms]))[0, 1])) < 0.25
    assert [one.pd_channel for one in drawn] == [2 if te < 50 else 3 for te in te_ms]


@pytest.fixture(scope="module")
def phantom() -> MeasuredPhantom:
    return measure_phantom((1, 52, 64))


@pytest.mark.parametrize("at_ms", [T1W_MS, T2W_MS])
def test_acquisition_times_give_the_acquired_image_of_a_phantom(
    phantom: MeasuredPhantom, at_ms: tuple[float, float]
) -> None:
    times = phantom.t1_ms, phantom.t2_ms.clamp(min=20)
    pds = (
        estimate_pd(tse, *times, tr_ms=tr_ms, te_ms=te_ms)[0]
        for tse, (tr_ms, te_ms) in ((phantom.t1w, T1W_MS), (phantom.t2w, T2W_MS))
    )
    tr_ms, te_ms = at_ms
    synthesise = RandSynthMRI((tr_ms, tr_ms), te_ms=(te_ms, te_ms))

    image = synthesise(stack(times[0][0], times[1][0], *pds))

    acquired = (phantom.t1w if at_ms == T1W_MS else phantom.t2w)[0]
    measured = times[0][0] > 0
    # one division and two products of float32
    torch.testing.assert_close(image[measured], acquired[measured], rtol=4e-7, atol=0)


def test_dictionary_form_reads_four_maps_and_keeps_them() -> None:
    affine = torch.diag(torch.tensor([4.0, 1.0, 1.0, 1.0], dtype=torch.float64))
    maps = sample(pd_t1w=PD_T1W, pd_t2w=PD_T2W)
    maps["t1_ms"] = MetaTensor(T1_MS, affine=affine)
    synthesise = RandSynthMRId(te_ms=(100, 100), image_key="made")

    result = synthesise(maps)

    assert set(result) == {*maps, "made"}
    assert all(result[key] is maps[key] for key in maps)
    assert torch.equal(result["made"].affine, affine)
    torch.testing.assert_close(result["made"].as_tensor(), PD_T2W, rtol=1e-6, atol=0)


@pytest.mark.parametrize(("lost", "pd"), [("pd_t1w", PD_T2W), ("pd_t2w", PD_T1W)])
def test_dictionary_form_takes_the_proton_density_that_there_is(lost: str, pd: Tensor) -> None:
    maps = sample(pd_t1w=PD_T1W, pd_t2w=PD_T2W)
    del maps[lost]

    result = RandSynthMRId(allow_missing_keys=True)(maps)

    torch.testing.assert_close(result["image"], pd, rtol=1e-6, atol=0)
    with pytest.raises(KeyError, match=lost):
        RandSynthMRId()(maps)


@pytest.mark.parametrize("lost", ["t1_ms", "t2_ms"])
def test_relaxation_time_is_never_taken_from_another_map(lost: str) -> None:
    maps = sample(pd_t1w=PD_T1W, pd_t2w=PD_T2W)
    del maps[lost]

    with pytest.raises(KeyError, match=f"T1 and T2 must be in every sample.*'{lost}'"):
        RandSynthMRId(allow_missing_keys=True)(maps)


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_other_numbers_of_maps_are_refused(channels: int) -> None:
    with pytest.raises(ValueError, match=rf"maps must have 4 channels .*got shape \({channels}, 4"):
        RandSynthMRI()(torch.ones(channels, 4, 5))


def test_maps_of_several_grids_are_refused() -> None:
    maps = sample(pd_t1w=PD_T1W, pd_t2w=torch.ones(1, 4, 6))

    with pytest.raises(ValueError, match=r"maps must lie on one grid.*\(1, 4, 6\)"):
        RandSynthMRId()(maps)


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"tr_ms": (0.0, 10.0)}, "tr_ms must be an ordered pair"),
        ({"te_ms": (0.0, 10.0)}, "te_ms must be an ordered pair"),
        ({"te_ms": (90.0, 20.0)}, "te_ms must be an ordered pair"),
        ({"te_ms": (5.0, 200.0)}, r"te_ms must lie below tr_ms=\(200.0, 3000.0\), got"),
        ({"switch_te_ms": -1.0}, "switch_te_ms must be at least 0, got -1"),
    ],
)
def test_impossible_parameters_are_refused(parameters: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        RandSynthMRI(**parameters)


def test_record_of_a_map_that_is_not_there_is_refused() -> None:
    record = SynthMRIRecord(0, 3000.0, 90.0, pd_channel=3)
    with pytest.raises(ValueError, match="maps must have the channel 3 that the record takes"):
        RandSynthMRI().apply(stack(T1_MS, T2_MS, PD_T1W), record)
