"""Contrast from physics: what is drawn, what is painted, and the one door to all contrasts."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from numpy.random import RandomState

from spinesynth.anatomy.protocols import PROTOCOL_FAMILIES, Protocol, Sequence
from spinesynth.anatomy.relaxation_draw import PatientMR, draw_relaxation
from spinesynth.anatomy.tissues import Tissue
from spinesynth.kernels.partial_volume import blend_borders
from spinesynth.kernels.sequence_signal import Conditions, sequence_signals
from spinesynth.transforms.contrast import RandContrast
from spinesynth.transforms.sequence_contrast import RandSequenceContrast, SequenceContrastRecord
from spinesynth.transforms.tissue_contrast import ContrastRecord, RandTissueContrast
from tests.transforms.contract_case import make_tissue

_NONE = torch.zeros(1, 4, 4, dtype=torch.uint8)


def _records(count: int = 40, **parameters: Any) -> list[SequenceContrastRecord]:  # noqa: ANN401
    paint = RandSequenceContrast(**parameters).set_random_state(3)
    return [paint.draw(_NONE) for _ in range(count)]


def _hybrids(count: int = 40, **parameters: Any) -> list[SequenceContrastRecord]:  # noqa: ANN401
    paint = RandContrast("hybrid", **parameters).set_random_state(3)
    drawn = [paint.draw(_NONE) for _ in range(count)]
    return [record for record in drawn if isinstance(record, SequenceContrastRecord)]


def _read(record: SequenceContrastRecord) -> Protocol:
    return Protocol(**{**record.protocol, "sequence": Sequence(record.protocol["sequence"])})


def test_names_are_equally_likely_whatever_their_families_hold() -> None:
    drawn = [_read(r).sequence for r in _records(400, sequences=("spider", "stir"))]

    # four standard errors of a half, and of a sixth, in 400 draws
    assert drawn.count(Sequence.STIR) / 400 == pytest.approx(1 / 2, abs=0.1)
    for sequence in PROTOCOL_FAMILIES["spider"]:
        assert drawn.count(sequence) / 400 == pytest.approx(1 / 6, abs=0.075)


@pytest.mark.parametrize("shape", [(1, 12, 16), (1, 4, 12, 16)])
def test_texture_follows_codes_of_ones_own(shape: tuple[int, ...]) -> None:
    tissue = torch.randint(len(Tissue), shape, generator=torch.Generator().manual_seed(0))
    images = []
    for codes, labels in ((tissue, None), (tissue * 9 + 5, {9 * t + 5: t for t in Tissue})):
        paint = RandSequenceContrast(texture=(0.05, 0.05), labels=labels)
        images.append(paint.set_random_state(2)(codes))
    assert torch.equal(*images)


def test_every_sequence_can_be_asked_for_at_its_field() -> None:
    for sequence in Sequence:
        fields = (1.5,) if sequence is Sequence.T2_SPACE else (1.5, 3.0)
        for field_t in fields:
            (record,) = _records(1, sequences=(sequence.value,), field_t=field_t)
            assert _read(record).sequence is sequence
            assert record.protocol["field_t"] == field_t
            assert max(record.means) == 1
            assert np.isfinite(record.means).all()
            assert np.isfinite(record.gains).all()


def test_patients_differ_under_one_protocol() -> None:
    records = _records(200, sequences=("t2_space",))
    marrow, csf = (
        np.array([r.means[t] for r in records]) for t in (Tissue.MARROW_BODY, Tissue.CSF)
    )

    # T2 of marrow varies by 12 % between patients, and TE is 1.2 times T2
    assert 0.05 < float((marrow / csf).std() / (marrow / csf).mean()) < 0.4


def test_parameters_bound_what_is_drawn() -> None:
    bounds: dict[str, Any] = {"flow": (0.1, 0.2), "transfer": (0.3, 0.4), "spread": (0.01, 0.02)}
    for record in _records(texture=(0.02, 0.05), partial_volume_vox=(0.5, 1.0), **bounds):
        assert 0.1 <= record.conditions["flow"] <= 0.2
        assert 0.3 <= record.conditions["transfer"] <= 0.4
        assert 0.01 <= min(record.spreads) <= max(record.spreads) <= 0.02
        amplitudes = np.abs(record.texture)
        assert amplitudes.shape == (3, 3)
        assert 0.02 <= amplitudes.min() <= amplitudes.max() <= 0.05
        assert 0.5 <= record.partial_volume_vox <= 1
    assert {np.sign(a) for r in _records() for row in r.texture for a in row} == {-1, 1}


def test_gain_is_the_change_of_the_signal_by_the_texture(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[PatientMR] = []

    def draw(random: RandomState, *, field_t: float) -> PatientMR:
        drawn.append(draw_relaxation(random, field_t=field_t))
        return drawn[-1]

    monkeypatch.setattr("spinesynth.transforms.sequence_contrast.draw_relaxation", draw)
    for sequence in ("t1_tse", "t2_tse", "stir", "gre"):
        (record,) = _records(1, sequences=(sequence,), texture=(0.05, 0.05))
        patient = drawn[-1]
        protocol, conditions = _read(record), Conditions(**record.conditions)
        signals = sequence_signals(protocol, patient, conditions)
        for scale in range(3):
            t1, t2, pd = (1e-4 * row[scale] / 0.05 for row in record.texture)
            t2_ms = patient.t2_ms * np.exp(t2)
            rates = 1 / patient.t2_star_ms - 1 / patient.t2_ms
            fields = vars(patient) | {
                "t1_ms": patient.t1_ms * np.exp(t1),
                "t2_ms": t2_ms,
                "t2_star_ms": 1 / (1 / t2_ms + rates),
                "pd": patient.pd * np.exp(pd),
            }
            change = sequence_signals(protocol, type(patient)(**fields), conditions) - signals
            wanted = change / 1e-4 * 0.05 / signals.max()
            # a forward difference: off by half the second derivative times the step
            np.testing.assert_allclose(record.gains[scale], wanted, atol=5e-5)


def test_without_noise_and_texture_the_means_are_painted_and_blended() -> None:
    paint = RandSequenceContrast(
        spread=(0, 0), texture=(0, 0), partial_volume_vox=(1.2, 1.2)
    ).set_random_state(1)
    data = make_tissue(20, 24)

    image = paint(data)

    record = paint.record
    assert isinstance(record, SequenceContrastRecord)
    means = torch.tensor(record.means)[data.long()]
    # sums of some forty weighted means below 1
    torch.testing.assert_close(image, blend_borders(means[None], 1.2)[0], rtol=0, atol=2e-6)


def test_texture_has_the_strength_of_its_gains() -> None:
    paint = RandSequenceContrast(spread=(0, 0), texture=(0.02, 0.02)).set_random_state(2)
    image = paint(torch.full((1, 300, 300), int(Tissue.MARROW_BODY)))

    record = paint.record
    assert isinstance(record, SequenceContrastRecord)
    wanted = float(np.linalg.norm([gains[Tissue.MARROW_BODY] for gains in record.gains]))
    assert float(image.mean()) == pytest.approx(record.means[Tissue.MARROW_BODY], rel=0.1)
    # the coarsest scale has some 440 nodes: its spread is known to about 10 %
    assert float(image.std()) == pytest.approx(wanted, rel=0.25)


def test_maps_with_codes_of_their_own_take_their_tissues() -> None:
    paint = RandSequenceContrast(spread=(0, 0), texture=(0, 0), labels={0: "air", 9: "csf"})
    image = paint.set_random_state(0)(torch.tensor([[[0, 9]]], dtype=torch.uint8))

    assert isinstance(paint.record, SequenceContrastRecord)
    assert image.flatten().tolist() == pytest.approx([0, paint.record.means[Tissue.CSF]])
    with pytest.raises(ValueError, match=r"codes \[3\]"):
        paint(torch.tensor([[[0, 3]]], dtype=torch.uint8))


@pytest.mark.parametrize("contrast", ["random", "interpolated"])
def test_door_to_a_mixture_is_that_mixture(contrast: Any) -> None:  # noqa: ANN401  # a literal
    shared: dict[str, Any] = {"texture": (0.0, 0.1), "least_contrast": 0.2, "spread": (0.0, 0.1)}
    door = RandContrast(contrast, **shared).set_random_state(5)
    mixture = RandTissueContrast(contrast, **shared)

    image = door(make_tissue(20, 24))

    state = RandomState()
    state.seed(5)
    state.rand()  # whether to act
    drawn = mixture.set_random_state(state=state).draw(_NONE)
    assert door.record == drawn
    assert torch.equal(image, mixture.apply(make_tissue(20, 24), drawn))


def test_door_to_physics_is_the_sequence_contrast() -> None:
    door = RandContrast("physics", sequences=("stir",), property_texture=(0.1, 0.1))
    plain = RandSequenceContrast(("stir",), texture=(0.1, 0.1))

    one, two = (p.set_random_state(5)(make_tissue(20, 24)) for p in (door, plain))

    assert door.record == plain.record
    assert torch.equal(one, two)


def test_hybrid_lies_between_its_two_parts() -> None:
    ends = [_hybrids(physics_weight=(w, w), texture=(0.1, 0.1)) for w in (0.0, 0.25, 1.0)]
    for random, hybrid, physics in zip(*ends, strict=True):
        assert (random.protocol, random.spreads) == (physics.protocol, physics.spreads)
        for field in ("means", "gains"):
            parts = [np.array(getattr(record, field)) for record in (random, hybrid, physics)]
            np.testing.assert_allclose(parts[1], 0.75 * parts[0] + 0.25 * parts[2], atol=1e-12)
        # the mixture's texture is relative to its mean
        np.testing.assert_allclose(random.gains, 0.1 * np.tile(random.means, (3, 1)), atol=1e-12)
        assert hybrid.physics_weight == 0.25
    assert ends[2][0].means == _first_physics().means


def _first_physics() -> SequenceContrastRecord:
    record = RandContrast("physics").set_random_state(3).draw(_NONE)
    assert isinstance(record, SequenceContrastRecord)
    return record


def test_weight_of_a_hybrid_is_drawn_from_its_range_and_discs_stay_visible() -> None:
    records = _hybrids(200, physics_weight=(0.2, 0.6), least_contrast=0.15)
    weights = [record.physics_weight for record in records]

    assert 0.2 <= min(weights) < 0.25  # 200 draws from a range of 0.4
    assert 0.55 < max(weights) <= 0.6
    gaps = [abs(r.means[Tissue.ANNULUS] - r.means[Tissue.MARROW_BODY]) for r in records]
    assert min(gaps) >= 0.15 - 1e-9


@pytest.mark.parametrize("contrast", ["random", "interpolated", "physics", "hybrid"])
def test_record_of_every_contrast_survives_json(contrast: Any) -> None:  # noqa: ANN401
    parameters: dict[str, Any] = {"contrast": contrast, "partial_volume_vox": (0.5, 1.0)}
    paint, data = RandContrast(**parameters).set_random_state(1), make_tissue(6, 20, 24)
    image = paint(data)
    assert paint.record is not None

    fields = json.loads(json.dumps(paint.record.to_dict(), allow_nan=False))

    fresh = RandContrast(**parameters)
    replayed = fresh.read_record(fields)
    assert isinstance(replayed, ContrastRecord | SequenceContrastRecord)
    assert torch.equal(fresh.apply(data, replayed), image)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"contrast": "t1"}, "contrast must be one of .* got 't1'"),
        ({"physics_weight": (0.0, 1.1)}, "physics_weight must be an ordered pair"),
        ({"property_texture": (0.1, 0.0)}, "texture must be an ordered pair"),
        ({"sequences": ("t2_tsee",)}, "sequences must be of .* .did you mean 't2_tse'"),
        ({"sequences": ()}, "sequences must list at least one"),
        ({"sequences": "spider"}, "sequences must list at least one"),
        (
            {"sequences": ("t2_space",), "field_t": 3.0},
            "field_t of t2_space must be one of 1.5, got",
        ),
        ({"labels": {1: "bone"}}, "labels must map integers to tissues"),
        ({"prob": 0.5}, "prob must be 1"),
    ],
)
def test_impossible_parameters_are_refused(parameters: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        RandContrast(**parameters)
    if not {"contrast", "physics_weight", "property_texture"} & set(parameters):
        with pytest.raises(ValueError, match=said):
            RandSequenceContrast(**parameters)


@pytest.mark.parametrize("paint", [RandSequenceContrast(), RandTissueContrast()])
def test_map_with_fractions_is_refused(paint: RandSequenceContrast | RandTissueContrast) -> None:
    codes = torch.full((1, 4, 4), 3.0)
    assert paint(codes).shape == codes.shape  # whole numbers are codes, whatever their type
    codes[0, 1, 2] = 2.5
    with pytest.raises(ValueError, match=r"must hold whole codes of tissues, got 2\.5"):
        paint(codes)
