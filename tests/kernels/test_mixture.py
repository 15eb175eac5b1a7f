"""The Gaussian mixture: mean and spread by tissue, whatever else the map holds."""

from __future__ import annotations

import pytest
import torch

from spinesynth.anatomy.tissues import Tissue
from spinesynth.kernels.mixture import (
    add_tissue_texture,
    label_lookup,
    multiply_texture,
    paint_mixture,
)
from spinesynth.kernels.partial_volume import blend_borders
from spinesynth.kernels.smooth_noise import smooth_noise

_MEANS = torch.linspace(0.1, 2, len(Tissue))
_SPREADS = torch.linspace(0, 0.3, len(Tissue))


def _paint(tissue: torch.Tensor, means: torch.Tensor, spreads: torch.Tensor) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    return paint_mixture(tissue, means, spreads=spreads, generator=generator)


def test_each_tissue_has_its_mean_and_spread() -> None:
    voxels = 4000
    tissue = torch.arange(len(Tissue)).repeat_interleave(voxels).reshape(1, 1, -1, 40)

    image = _paint(tissue.to(torch.uint8), _MEANS[None], _SPREADS[None]).flatten()

    for member in Tissue:
        painted = image[tissue.flatten() == int(member)]
        spread = float(_SPREADS[member])
        # five standard errors; those of a standard deviation are smaller by sqrt(2)
        error = 5 * spread / voxels**0.5 + 1e-6
        assert float(painted.mean()) == pytest.approx(float(_MEANS[member]), abs=error)
        assert float(painted.std()) == pytest.approx(spread, abs=error)


def test_tissues_that_are_absent_do_not_matter() -> None:
    tissue = torch.tensor([0, 5, 18], dtype=torch.uint8).repeat(40).reshape(1, 1, 10, 12)
    others = _MEANS.clone()
    others[[1, 2, 3, 4, 17]] = 99

    image = _paint(tissue, _MEANS[None], _SPREADS[None])

    assert torch.equal(image, _paint(tissue, others[None], _SPREADS[None]))


@pytest.mark.parametrize("spatial", [(6, 7), (3, 6, 7)])
def test_without_spread_the_image_is_the_table_of_means(spatial: tuple[int, ...]) -> None:
    tissue = torch.randint(len(Tissue), (2, 1, *spatial), dtype=torch.uint8)
    means = torch.stack([_MEANS, _MEANS.flip(0)])

    image = _paint(tissue, means, torch.zeros_like(means))

    assert image.dtype == torch.float32
    for sample in range(2):
        assert torch.equal(image[sample], means[sample][tissue[sample].long()])


@pytest.mark.parametrize("code", [len(Tissue), 255])
@pytest.mark.parametrize("batch", [1, 2])
def test_unknown_tissue_is_named(code: int, batch: int) -> None:
    tissue = torch.zeros((batch, 1, 2, 2), dtype=torch.uint8)
    tissue[0, 0, 1, 1] = code

    # with two samples, the code would otherwise find the first Gaussian of the second
    with pytest.raises(ValueError, match=rf"codes \[{code}\], which have no Gaussian"):
        _paint(tissue, _MEANS.expand(batch, -1), _SPREADS.expand(batch, -1))


def test_negative_tissue_is_named() -> None:
    with pytest.raises(ValueError, match=r"codes \[-1\], which have no Gaussian"):
        _paint(torch.full((1, 1, 2, 2), -1), _MEANS[None], _SPREADS[None])


#: Vertebrae, canal and discs as SPIDER numbers them.
_SPARSE = (0, *range(1, 10), 100, *range(201, 210))


def _paint_labels(labels: torch.Tensor, lookup: torch.Tensor, means: torch.Tensor) -> torch.Tensor:
    return paint_mixture(
        labels,
        means[None],
        spreads=torch.zeros(1, len(means)),
        generator=torch.Generator().manual_seed(3),
        lookup=lookup,
    )


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int64])
@pytest.mark.parametrize("absent", [(), (1, 100), (0, 5, 201, 209)])
def test_codes_that_are_sparse_or_absent_keep_their_means(
    dtype: torch.dtype, absent: tuple[int, ...]
) -> None:
    lookup = label_lookup({code: number for number, code in enumerate(_SPARSE)})
    means = torch.linspace(0.1, 2, len(_SPARSE))
    present = [code for code in _SPARSE if code not in absent]
    labels = torch.tensor(present).repeat(4).reshape(1, 1, 2, -1).to(dtype)

    image = _paint_labels(labels, lookup, means)

    for code in present:
        painted = image[labels == code]
        assert torch.equal(painted, means[_SPARSE.index(code)].expand_as(painted))


def test_codes_may_share_a_gaussian() -> None:
    lookup = label_lookup({201: 1, 202: 1, 7: 0})

    image = _paint_labels(torch.tensor([[[[7, 201, 202]]]]), lookup, torch.tensor([0.25, 0.5]))

    assert image.flatten().tolist() == [0.25, 0.5, 0.5]


@pytest.mark.parametrize(("dtype", "code"), [(torch.uint8, 208), (torch.int64, 300)])
def test_code_without_a_gaussian_is_named(dtype: torch.dtype, code: int) -> None:
    labels = torch.tensor([[[[1, code]]]]).to(dtype)

    with pytest.raises(ValueError, match=rf"codes \[{code}\], which have no Gaussian"):
        _paint_labels(labels, label_lookup({1: 0, 255: 0}), torch.ones(1))


@pytest.mark.parametrize("pair", [(256, 0), (-1, 0), (3, -1)])
def test_impossible_lookup_is_refused(pair: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="label codes must be in"):
        label_lookup(dict([pair]))


def test_second_part_takes_the_second_half_of_the_gaussians() -> None:
    tissue = torch.tensor([[[[0, 0, 1, 1]]], [[[1, 1, 0, 0]]]])
    second = torch.tensor([[[[0, 1, 0, 1]]], [[[0, 1, 0, 1]]]]).bool()
    means = torch.tensor([[1.0, 2, 3, 4], [5, 6, 7, 8]])

    image = paint_mixture(
        tissue,
        means,
        spreads=torch.zeros(2, 4),
        generator=torch.Generator(),
        second_part=second,
    )

    assert image.flatten().tolist() == [1, 3, 2, 4, 6, 8, 5, 7]


@pytest.mark.parametrize("partial_volume_vox", [0.0, 1.0])
def test_each_sample_has_its_own_spreads(partial_volume_vox: float) -> None:
    image = paint_mixture(
        torch.zeros((2, 1, 8, 9), dtype=torch.uint8),
        torch.ones(2, 1),
        spreads=torch.tensor([[0.0], [0.5]]),
        generator=torch.Generator(),
        partial_volume_vox=partial_volume_vox,
    )

    # the weights of a blur sum to 1 up to rounding
    torch.testing.assert_close(image[0], torch.ones(1, 8, 9), rtol=0, atol=1e-6)
    # five standard errors of the standard deviation of 72 numbers
    assert float(image[1].std()) == pytest.approx(0.5, rel=5 / 144**0.5)


def test_partial_volume_blurs_the_means_but_not_the_noise() -> None:
    tissue = torch.zeros((1, 1, 30, 40), dtype=torch.uint8)
    tissue[..., 20:] = 1
    means, spreads = torch.tensor([[0.0, 4.0]]), torch.tensor([[0.3, 0.3]])
    sharp, soft, flat = (
        paint_mixture(
            tissue,
            means,
            spreads=spreads * noisy,
            generator=torch.Generator().manual_seed(1),
            partial_volume_vox=width,
        )
        for noisy, width in ((1, 0.0), (1, 2.0), (0, 2.0))
    )

    blurred = blend_borders(means[0][tissue.long()], 2.0)

    # differences of numbers up to 4 in float32
    torch.testing.assert_close(flat, blurred, rtol=0, atol=2e-6)
    torch.testing.assert_close(soft - flat, sharp - means[0][tissue.long()], rtol=0, atol=2e-6)


def _smooth_product(size: tuple[int, ...], amplitudes: tuple[float, ...]) -> torch.Tensor:
    """Multiply the fields of smooth_noise, which multiply_texture makes in slabs."""
    generator, gain = torch.Generator().manual_seed(9), torch.ones(1, 1, *size)
    for amplitude, scale in zip(amplitudes, _SCALES, strict=True):
        if amplitude:
            noise = smooth_noise(size, [scale] * len(size), generator=generator)
            gain = gain * (1 + amplitude * noise)
    return gain


_SCALES = (1.5, 4.0, 30.0)


@pytest.mark.parametrize("amplitudes", [(0.1, 0.2, 0.3), (0.0, 0.2, 0.0)])
@pytest.mark.parametrize("size", [(30, 41), (1, 9, 7), (17, 1, 8), (70, 90, 60)])
def test_texture_is_the_product_of_smooth_noises(
    size: tuple[int, ...], amplitudes: tuple[float, ...]
) -> None:
    image = torch.rand((2, 1, *size), generator=torch.Generator().manual_seed(2))

    result = multiply_texture(
        image, amplitudes, scales_vox=_SCALES, generator=torch.Generator().manual_seed(9)
    )

    # a few roundings of numbers up to about 4
    torch.testing.assert_close(
        result, image * _smooth_product(size, amplitudes), rtol=1e-5, atol=1e-5
    )


def test_texture_in_place_is_the_same() -> None:
    image = torch.rand(1, 1, 20, 30, 10)
    new, own = (
        multiply_texture(
            image, (0.2, 0.1, 0.3), scales_vox=_SCALES, generator=torch.Generator(), out=out
        )
        for out in (None, image)
    )

    assert own is image
    assert torch.equal(new, own)


def test_no_texture_is_a_copy() -> None:
    image = torch.rand(1, 1, 5, 6)

    result = multiply_texture(
        image, (0.0, 0.0, 0.0), scales_vox=_SCALES, generator=torch.Generator()
    )

    assert torch.equal(result, image)
    assert result.data_ptr() != image.data_ptr()


def test_threads_do_not_change_a_bit() -> None:
    tissue = torch.randint(len(Tissue), (1, 1, 60, 70, 50), dtype=torch.uint8)
    before, images = torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            generator = torch.Generator().manual_seed(4)
            image = paint_mixture(
                tissue,
                _MEANS[None],
                spreads=_SPREADS[None],
                generator=generator,
                partial_volume_vox=1.5,
            )
            images.append(
                multiply_texture(image, (0.1, 0.2, 0.3), scales_vox=_SCALES, generator=generator)
            )
    finally:
        torch.set_num_threads(before)

    assert torch.equal(*images)


def test_noise_is_white_over_the_map() -> None:
    tissue = torch.zeros((1, 1, 200, 200), dtype=torch.uint8)

    image = _paint(tissue, torch.zeros(1, 1), torch.ones(1, 1))[0, 0]

    # five standard errors of a correlation over 40 000 pairs
    assert abs(float((image[1:] * image[:-1]).mean())) < 0.025
    assert abs(float((image[:, 1:] * image[:, :-1]).mean())) < 0.025


@pytest.mark.parametrize("spatial", [(40, 48), (6, 40, 48)])
def test_each_tissue_shows_its_gain_of_one_common_texture(spatial: tuple[int, ...]) -> None:
    tissue = torch.randint(3, (2, 1, *spatial), dtype=torch.uint8)
    gains = torch.tensor([[[0.0, 1.0, -2.0]], [[3.0, 0.0, 1.0]]])
    field = smooth_noise(spatial, [5.0] * len(spatial), generator=torch.Generator().manual_seed(8))

    image = add_tissue_texture(
        torch.ones(2, 1, *spatial),
        tissue,
        gains,
        scales_vox=(5.0,),
        generator=torch.Generator().manual_seed(8),
    )

    wanted = 1 + torch.stack([gains[n, 0][tissue[n].long()] for n in range(2)]) * field
    # the two upsample their axes in another order: rounding of single precision
    torch.testing.assert_close(image, wanted, atol=1e-5, rtol=0)


def test_texture_refuses_codes_without_a_gain() -> None:
    tissue = torch.tensor([[[[0, 7]]]], dtype=torch.uint8)
    with pytest.raises(ValueError, match=r"codes \[7\]"):
        add_tissue_texture(
            torch.zeros(1, 1, 1, 2),
            tissue,
            torch.ones(1, 1, 3),
            scales_vox=(2.0,),
            generator=torch.Generator().manual_seed(0),
        )
