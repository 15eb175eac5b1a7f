"""SynthMRI: equations 5 to 7 by hand, and clean maps that make no speckles, on a phantom."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from spinesynth.kernels.measured_maps import (
    CLIP_MS,
    clean_relaxation,
    estimate_pd,
    least_t2_ms,
    synthesize_tse,
)
from tests.measured_phantom import T1W_MS, T2W_MS, MeasuredPhantom, measure_phantom


@pytest.fixture(scope="module")
def phantom() -> MeasuredPhantom:
    return measure_phantom()


def voxels(*values: float) -> Tensor:
    return torch.tensor(values).reshape(1, 1, 1, -1)


def test_proton_density_is_the_signal_over_what_is_left_of_it() -> None:
    # TR = ln 2 of T1 leaves a half, TE = ln 4 of T2 a quarter
    tr_ms, te_ms = 500 * math.log(2), 80 * math.log(4)

    pd = estimate_pd(voxels(100), voxels(500), voxels(80), tr_ms=tr_ms, te_ms=te_ms)

    # a few roundings of float32
    assert float(pd) == pytest.approx(800, rel=1e-6)


def test_another_contrast_weights_the_same_protons() -> None:
    image = synthesize_tse(
        voxels(800), voxels(500), voxels(80), tr_ms=500 * math.log(4), te_ms=80 * math.log(2)
    )

    # three quarters recovered, a half left
    assert float(image) == pytest.approx(300, rel=1e-6)


@given(
    tr_ms=st.floats(200, 3000),
    te_ms=st.floats(5, 100),
    t1_ms=st.floats(100, 5000),
    t2_ms=st.floats(20, 2000),
    signal=st.floats(1, 1e4),
)
def test_equal_times_give_the_real_image_back(
    tr_ms: float, te_ms: float, t1_ms: float, t2_ms: float, signal: float
) -> None:
    tse, times = voxels(signal), (voxels(t1_ms), voxels(t2_ms))

    pd = estimate_pd(tse, *times, tr_ms=tr_ms, te_ms=te_ms)
    image = synthesize_tse(pd, *times, tr_ms=tr_ms, te_ms=te_ms)

    # one division and two products of float32
    torch.testing.assert_close(image, tse, rtol=4e-7, atol=0)


@pytest.mark.parametrize("times", [(0.0, 80.0), (500.0, 0.0), (-3.0, 80.0), (500.0, -1.0)])
def test_what_was_not_measured_is_dark(times: tuple[float, float]) -> None:
    t1_ms, t2_ms = map(voxels, times)

    pd = estimate_pd(voxels(100), t1_ms, t2_ms, tr_ms=500, te_ms=10)
    image = synthesize_tse(voxels(100), t1_ms, t2_ms, tr_ms=500, te_ms=10)

    assert (float(pd), float(image)) == (0, 0)


def test_signal_lost_beyond_rounding_gives_no_proton_density() -> None:
    # exp(-100 / 6) is half a rounding of float32, exp(-100 / 7) five of them
    pd = estimate_pd(voxels(1, 1), voxels(500, 500), voxels(6, 7), tr_ms=5000, te_ms=100)

    assert float(pd[..., 0]) == 0
    assert float(pd[..., 1]) > 1e6
    assert bool(torch.isfinite(pd).all())


def test_long_outliers_are_clipped_outside_the_vertebrae_alone() -> None:
    times_ms = torch.full((1, 1, 2, 5, 6), 700.0)
    spared = torch.zeros_like(times_ms, dtype=torch.bool)
    spared[:, :, 1] = True

    cleaned = clean_relaxation(times_ms, spared)

    assert torch.unique(cleaned[:, :, 0]).tolist() == [CLIP_MS]
    assert torch.unique(cleaned[:, :, 1]).tolist() == [700]
    nowhere = torch.zeros_like(spared)
    assert torch.unique(clean_relaxation(times_ms, nowhere, clip_ms=650)).tolist() == [650]


def test_median_is_of_nine_voxels_of_one_sagittal_slice() -> None:
    times_ms = torch.arange(1.0, 10.0).reshape(1, 1, 1, 3, 3).repeat(1, 1, 3, 1, 1)
    times_ms[:, :, 0] = 500  # neighbours of the middle slice
    times_ms[:, :, 2] = 500
    times_ms[0, 0, 1, 1, 1] = 300  # an outlier in its middle

    cleaned = clean_relaxation(times_ms, times_ms < 0)

    # of 1 2 3 4 6 7 8 9 300
    assert float(cleaned[0, 0, 1, 1, 1]) == 6
    # at the corner the border repeats: 1 1 1 1 2 2 4 4 300
    assert float(cleaned[0, 0, 1, 0, 0]) == 2


def test_lone_failed_fit_is_filled_and_the_outside_stays_zero() -> None:
    times_ms = torch.full((1, 1, 7, 9), 50.0)
    times_ms[..., 5:] = 0
    times_ms[0, 0, 3, 2] = -1

    cleaned = clean_relaxation(times_ms, times_ms < 0)

    assert float(cleaned[0, 0, 3, 2]) == 50
    assert torch.unique(cleaned[..., 5:]).tolist() == [0]


def test_least_t2_gives_the_brightest_tissue_its_protons() -> None:
    # T1 is short against TR, so that signal is PD exp(-TE / T2)
    tse, t1_ms = voxels(1000, 100, 1), torch.full((1, 1, 1, 3), 1e-3)

    found = least_t2_ms(tse, t1_ms, tr_ms=5000, te_ms=100, keeps=0.4)

    # all may have PD = 1000 / 0.4: 100 / ln(2500 / S)
    wanted = [100 / math.log(2500 / signal) for signal in (1000, 100, 1)]
    # logarithms of float32
    torch.testing.assert_close(found.flatten(), torch.tensor(wanted), rtol=1e-5, atol=0)


def test_least_t2_is_found_for_each_sample_alone() -> None:
    tse = torch.stack([voxels(1000, 100)[0], 7 * voxels(1000, 100)[0]])

    found = least_t2_ms(tse, torch.full_like(tse, 500), tr_ms=2435, te_ms=100)

    # scaling an image changes nothing but roundings
    torch.testing.assert_close(found[0], found[1], rtol=1e-5, atol=0)


def test_least_t2_is_zero_without_signal_and_never_endless() -> None:
    # with so long a T1, no T2 explains the brightest voxel
    found = least_t2_ms(voxels(0, 1000), voxels(500, 1e6), tr_ms=436, te_ms=8)

    assert float(found[..., 0]) == 0
    assert float(found[..., 1]) == pytest.approx(CLIP_MS, rel=1e-6)


@given(
    t1_ms=st.floats(1, 5000),
    t2_ms=st.floats(0.5, 2000),
    signal=st.floats(0, 1000),
    to_ms=st.tuples(st.floats(200, 3000), st.floats(5, 100)),
)
def test_no_image_is_far_brighter_than_the_brightest_tissue_can_be(
    t1_ms: float, t2_ms: float, signal: float, to_ms: tuple[float, float]
) -> None:
    tse, t1_map = voxels(signal, 1000), voxels(t1_ms, t1_ms)
    tr_ms, te_ms = T2W_MS
    least_ms = least_t2_ms(tse, t1_map, tr_ms=tr_ms, te_ms=te_ms, keeps=0.4)
    times = t1_map, torch.maximum(voxels(t2_ms, t2_ms), least_ms)

    pd = estimate_pd(tse, *times, tr_ms=tr_ms, te_ms=te_ms)
    image = synthesize_tse(pd, *times, tr_ms=to_ms[0], te_ms=to_ms[1])

    # beyond 1000 / 0.4 only where T1 alone is to blame: 1 - exp(-2435 / 5000) = 0.39 and
    # exp(-100 / 625) = 0.85 are left of 1000 at most
    assert float(image.max()) <= 1000 / (0.385 * 0.852)


@pytest.mark.parametrize("clip_ms", [0.0, -1.0, math.nan])
def test_impossible_clip_is_refused(clip_ms: float) -> None:
    with pytest.raises(ValueError, match="clip_ms must be above 0, got"):
        clean_relaxation(voxels(1), voxels(0) > 0, clip_ms=clip_ms)


@pytest.mark.parametrize("keeps", [0.0, 1.1, math.nan])
def test_impossible_share_is_refused(keeps: float) -> None:
    with pytest.raises(ValueError, match=r"keeps must be in \(0, 1\], got"):
        least_t2_ms(voxels(1), voxels(1), tr_ms=500, te_ms=10, keeps=keeps)


def _cleaned(phantom: MeasuredPhantom, *, guarded: bool) -> tuple[Tensor, Tensor]:
    t1_ms, t2_ms = (
        clean_relaxation(times, phantom.vertebra) for times in (phantom.t1_ms, phantom.t2_ms)
    )
    if guarded:
        least_ms = least_t2_ms(phantom.t2w, t1_ms, tr_ms=T2W_MS[0], te_ms=T2W_MS[1])
        t2_ms = torch.where(t2_ms > 0, torch.maximum(t2_ms, least_ms), 0)
    return t1_ms, t2_ms


def _at(
    phantom: MeasuredPhantom, times: tuple[Tensor, Tensor], to_ms: tuple[float, float]
) -> Tensor:
    """Synthesise from the T2-weighted TSE."""
    pd = estimate_pd(phantom.t2w, *times, tr_ms=T2W_MS[0], te_ms=T2W_MS[1])
    return synthesize_tse(pd, *times, tr_ms=to_ms[0], te_ms=to_ms[1])


def test_phantom_has_speckles_without_cleaning_and_none_with_it(phantom: MeasuredPhantom) -> None:
    to_ms = (3000.0, 51.0)
    brightest = float(phantom.true_tse(*to_ms).max())

    raw = _at(phantom, (phantom.t1_ms, phantom.t2_ms), to_ms)
    median_alone = _at(phantom, _cleaned(phantom, guarded=False), to_ms)
    clean = _at(phantom, _cleaned(phantom, guarded=True), to_ms)

    assert float(raw.max()) > 10 * brightest
    # ligament and cortex, whose T2 no median makes longer
    assert float(median_alone.max()) > 10 * brightest
    # noise of the maps, and fluid clipped to 625 ms
    assert float(clean.max()) < 1.5 * brightest


def test_phantom_comes_near_the_image_that_would_have_been_acquired(
    phantom: MeasuredPhantom,
) -> None:
    to_ms = (3000.0, 51.0)
    true = phantom.true_tse(*to_ms)
    body = true > 0.02 * true.max()

    image = _at(phantom, _cleaned(phantom, guarded=True), to_ms)
    off = ((image - true).abs() / true)[body]
    unchanged = ((phantom.t2w - true).abs() / true)[body]

    # the median of nine leaves 0.4 of the noise of T2: 0.4 x 12 % x 49 ms / 35 ms in muscle is 7 %
    assert float(off.median()) < 0.1
    assert float(off.median()) < 0.5 * float(unchanged.median())


@pytest.mark.parametrize("at_ms", [T1W_MS, T2W_MS])
def test_phantom_gets_its_own_image_back_where_it_was_measured(
    phantom: MeasuredPhantom, at_ms: tuple[float, float]
) -> None:
    times = _cleaned(phantom, guarded=True)
    tse = phantom.t1w if at_ms == T1W_MS else phantom.t2w

    pd = estimate_pd(tse, *times, tr_ms=at_ms[0], te_ms=at_ms[1])
    image = synthesize_tse(pd, *times, tr_ms=at_ms[0], te_ms=at_ms[1])

    measured = (times[0] > 0) & (times[1] > 0)
    assert float(measured.float().mean()) > 0.5
    # one division and two products of float32
    torch.testing.assert_close(image[measured], tse[measured], rtol=4e-7, atol=0)
    assert torch.unique(image[~measured]).tolist() == [0]
