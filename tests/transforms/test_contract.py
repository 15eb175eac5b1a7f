"""What every transform of the package promises, whoever wrote it: the transform contract."""

from __future__ import annotations

import inspect
import json
import math
import multiprocessing
import operator
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from monai.data.meta_tensor import MetaTensor
from monai.transforms.compose import Compose
from torch import Tensor

import spinesynth.transforms
from spinesynth.transforms import (
    RandSynthesizeMRI,
    RandSynthesizeMRId,
    SpineSynthGenerator,
    SynthesizeBatch,
    SyntheticDataset,
)
from tests.transforms.contract_case import make_image, make_structure, with_affine
from tests.transforms.contract_cases import (
    CASES,
    FACES,
    OTHERS,
    class_name,
    make_array_form,
    make_dictionary_form,
)

every_case = pytest.mark.parametrize("name", CASES)
random_case = pytest.mark.parametrize("name", [n for n, case in CASES.items() if case.random])
# a transform without a record has no probability either
sometimes_case = pytest.mark.parametrize(
    "name", [n for n, case in CASES.items() if case.random and not case.always]
)
# the others read one key and write another
same_key_case = pytest.mark.parametrize(
    "name", [n for n, case in CASES.items() if case.random and not case.adds]
)
always_case = pytest.mark.parametrize("name", [n for n, case in CASES.items() if case.always])
code_case = pytest.mark.parametrize("name", [n for n, c in CASES.items() if c.invents is not None])


def _seeded(transform: Any, seed: int) -> Compose:  # noqa: ANN401  # any transform
    return Compose([transform]).set_random_state(seed)


def _run(name: str, data: Tensor, seed: int) -> Tensor:
    result: Tensor = _seeded(make_array_form(name), seed)(data)
    return result


def _global_states() -> tuple[Any, ...]:
    name, keys, *place = np.random.get_state(legacy=True)
    return random.getstate(), name, np.asarray(keys).tolist(), place, torch.get_rng_state().tolist()


def _values(codes: Tensor) -> set[int]:
    return set(codes.flatten().tolist())


def _plain(data: Tensor) -> Tensor:
    return data.as_tensor() if isinstance(data, MetaTensor) else data


def _equal(one: Tensor, other: Tensor) -> bool:
    return one.dtype == other.dtype and torch.equal(_plain(one), _plain(other))


def _label_map() -> np.ndarray:
    return make_structure(24, 28)[0].numpy()


def _faces(seed: int) -> dict[str, Callable[[np.ndarray], Tensor]]:
    """Return a call of each plain-Python face that draws from a fresh instance."""
    generator = SpineSynthGenerator("T2", add_motion=True, seed=seed)
    fused = RandSynthesizeMRI(patch_size=_label_map().shape).set_random_state(seed)
    batch = SynthesizeBatch(patch_size=_label_map().shape)
    return {
        "RandSynthesizeMRI": lambda codes: fused(codes[None])[0],
        "SynthesizeBatch": lambda codes: batch(
            [torch.from_numpy(codes)[None]], seeds=[seed]
        ).images[0, 0],
        "SpineSynthGenerator": lambda codes: torch.from_numpy(
            generator.generate_synthetic_mri(codes)
        ),
        "SyntheticDataset": lambda codes: SyntheticDataset([codes], generator, seed=seed)[0][
            "image"
        ],
    }


def test_every_public_name_stands_in_the_table() -> None:
    arrays = {class_name(name) for name in CASES}

    assert {*arrays, *(f"{name}d" for name in arrays), *FACES, *OTHERS} == set(
        spinesynth.transforms.__all__
    )


@every_case
def test_same_seed_gives_the_same_sequence(name: str) -> None:
    for data in CASES[name].inputs():
        one, two = (_seeded(make_array_form(name), 7) for _ in range(2))

        assert all(_equal(one(data), two(data)) for _ in range(3))


@random_case
def test_other_seeds_give_other_results(name: str) -> None:
    for data in CASES[name].inputs():
        results = [_run(name, data, seed) for seed in range(4)]

        assert any(not _equal(results[0], other) for other in results[1:])


@every_case
def test_dictionary_form_gives_what_the_array_form_gives(name: str) -> None:
    for data in CASES[name].inputs():
        wanted = _run(name, data, 3)
        result = _seeded(make_dictionary_form(name), 3)({"data": data})

        changed = result[CASES[name].adds or "data"]
        assert _equal(changed, wanted[1:] if class_name(name) == "RandFillContext" else wanted)


@every_case
def test_numpy_array_gives_what_a_tensor_gives(name: str) -> None:
    for data in CASES[name].inputs():
        result = _seeded(make_array_form(name), 3)(data.numpy())

        assert _equal(result, _run(name, data, 3))


@random_case
def test_applying_the_record_again_replays_the_result(name: str) -> None:
    for data in CASES[name].inputs():
        transform = make_array_form(name).set_random_state(5)
        result = transform(data)

        assert _equal(transform(data, randomize=False), result)
        assert _equal(make_array_form(name).apply(data, transform.record), result)


@random_case
def test_record_survives_json(name: str) -> None:
    data = CASES[name].inputs()[0]
    transform = make_array_form(name).set_random_state(5)
    result = transform(data)

    fields = json.loads(json.dumps(transform.record.to_dict(), allow_nan=False))

    fresh = make_array_form(name)
    replayed = fresh.apply(data, fresh.read_record(fields))
    assert _equal(replayed, result)


@random_case
def test_record_cannot_be_changed(name: str) -> None:
    transform = make_array_form(name).set_random_state(5)
    transform(CASES[name].inputs()[0])

    with pytest.raises(AttributeError, match="cannot assign to field"):
        transform.record.seed = 1


@random_case
def test_fresh_instances_share_no_state(name: str) -> None:
    data = CASES[name].inputs()[0]
    first, second, lone = (make_array_form(name).set_random_state(1) for _ in range(3))
    for _ in range(3):
        first(data)

    assert _equal(second(data), lone(data))
    assert make_array_form(name).R is not make_array_form(name).R


@every_case
@pytest.mark.parametrize("wrap", [torch.clone, with_affine], ids=["tensor", "metatensor"])
def test_input_is_not_modified(name: str, wrap: Callable[[Tensor], Tensor]) -> None:
    for data in CASES[name].inputs():
        given, untouched = wrap(data), wrap(data)
        holder = {"data": given, "other": given, "case_id": "a"}

        results = [_run(name, given, 2), *_seeded(make_dictionary_form(name), 2)(holder).values()]

        assert _equal(given, untouched)
        assert set(holder) == {"data", "other", "case_id"}
        if isinstance(given, MetaTensor) and isinstance(untouched, MetaTensor):
            assert torch.equal(given.affine, untouched.affine)
            assert set(given.meta) == set(untouched.meta)
            assert given.applied_operations == []
        assert results[0].data_ptr() != given.data_ptr()


@every_case
def test_result_shares_nothing_with_the_input(name: str) -> None:
    data = with_affine(CASES[name].inputs()[0])
    given = with_affine(CASES[name].inputs()[0])

    result = _run(name, given, 2)
    result.fill_(77)
    if isinstance(result, MetaTensor):
        result.affine.fill_(77)
        result.meta.get("notes", []).append(3)

    assert _equal(given, data)
    assert torch.equal(given.affine, data.affine)
    assert given.meta["notes"] == [1, 2]


@every_case
def test_global_generators_are_untouched(name: str) -> None:
    data = CASES[name].inputs()[0]
    before = _global_states()

    _run(name, data, 2)
    _seeded(make_dictionary_form(name), 2)({"data": data})
    make_array_form(name)(data)

    after = _global_states()
    assert before == after


@every_case
def test_shape_dtype_affine_and_keys_are_kept_unless_declared(name: str) -> None:
    case = CASES[name]
    for data in case.inputs():
        shape, given = tuple(data.shape), with_affine(data)
        wanted = case.shape(shape) if case.shape else shape

        result = _run(name, given, 4)
        dictionary = _seeded(make_dictionary_form(name), 4)({"data": given, "other": 1})

        assert tuple(result.shape) == wanted
        assert result.dtype == case.dtype or (case.dtype is None and result.dtype == data.dtype)
        assert isinstance(result, MetaTensor)
        assert case.new_affine or torch.equal(result.affine, given.affine)
        assert set(dictionary) == {"data", "other"} | ({case.adds} if case.adds else set())
        assert isinstance(dictionary[case.adds or "data"], MetaTensor)
        assert not isinstance(_run(name, data, 4), MetaTensor)


@pytest.mark.parametrize("name", [n for n, case in CASES.items() if case.new_affine])
def test_new_affine_holds_the_voxel_size(name: str) -> None:
    data = with_affine(CASES[name].inputs()[0])

    result = _run(name, data, 4)

    assert isinstance(result, MetaTensor)
    wanted = [0.7] * 3 if "Deform" in name else [1.2, 0.8]
    axes = result.ndim - 1
    torch.testing.assert_close(result.pixdim, torch.tensor(wanted[:axes], dtype=torch.float64))


@code_case
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int64, torch.bool])
def test_codes_are_never_invented(name: str, dtype: torch.dtype) -> None:
    case = CASES[name]
    for data in case.inputs():
        codes = data.to(dtype)
        allowed = _values(codes) | (case.invents or set())
        for seed in range(8):
            result = _run(name, codes, seed)
            labels = result[:1] if case.adds == "tissue" else result

            assert result.dtype == (case.dtype or dtype)
            assert _values(labels) <= allowed


@every_case
def test_keys_that_are_not_named_pass_through(name: str) -> None:
    data = CASES[name].inputs()[0]
    label = torch.arange(6)

    result = _seeded(make_dictionary_form(name), 1)({"data": data, "label": label})

    assert result["label"] is label


@same_key_case
def test_keys_share_one_draw(name: str) -> None:
    data = CASES[name].inputs()[0]

    result = _seeded(make_dictionary_form(name, ("data", "twin")), 1)(
        {"data": data, "twin": data.clone()}
    )

    assert _equal(result["data"], result["twin"])


@every_case
def test_missing_key_is_an_error_unless_allowed(name: str) -> None:
    with pytest.raises(KeyError, match="data"):
        make_dictionary_form(name)({"other": 1})

    allowing = make_dictionary_form(name, allow_missing_keys=True)
    assert allowing({"other": 1}) == {"other": 1}


@every_case
def test_neutral_parameters_are_the_identity(name: str) -> None:
    case = CASES[name]
    for data in case.neutral_inputs():
        transform = make_array_form(name, **case.neutral)
        result = _seeded(transform, 6)(data)
        kept = result[:1] if case.adds == "tissue" else result

        wanted = case.expected(data, getattr(transform, "record", None))
        # coordinates pass through the unit grid of torch, which costs a few units in the last place
        torch.testing.assert_close(kept, wanted, rtol=0, atol=2e-6)


@sometimes_case
def test_probability_zero_changes_nothing_and_leaves_no_record(name: str) -> None:
    for data in CASES[name].inputs():
        transform = make_array_form(name, prob=0.0)

        result = transform(data)

        assert _equal(result, data)
        assert result.data_ptr() != data.data_ptr()
        assert transform.record is None


@sometimes_case
@pytest.mark.parametrize("prob", [-0.1, 1.1, math.nan])
def test_probability_outside_its_range_is_refused(name: str, prob: float) -> None:
    with pytest.raises(ValueError, match=r"prob must be in \[0, 1\], got"):
        make_array_form(name, prob=prob)


@always_case
def test_probability_below_one_is_refused_where_it_makes_no_sense(name: str) -> None:
    with pytest.raises(ValueError, match="prob must be 1 "):
        make_array_form(name, prob=0.5)


@every_case
def test_result_is_finite(name: str) -> None:
    case = CASES[name]
    for data in case.inputs():
        for hostile in (data, torch.zeros_like(data), torch.ones_like(data)):
            for seed in range(3):
                assert bool(torch.isfinite(_plain(_run(name, hostile, seed)).float()).all())


@pytest.mark.parametrize(
    "name", [n for n, case in CASES.items() if case.make is make_image and not case.always]
)
@pytest.mark.parametrize("size", [(1, 9), (9, 1), (1, 1), (1, 5, 7), (2, 2, 1)])
def test_images_of_one_voxel_along_an_axis_are_taken(name: str, size: tuple[int, ...]) -> None:
    data = torch.rand((1, *size), generator=torch.Generator().manual_seed(0))

    for seed in range(4):
        result = _run(name, data, seed)

        assert result.shape == data.shape
        assert bool(torch.isfinite(result).all())


def test_all_survive_pickling_to_a_spawned_worker() -> None:
    codes, tasks = _label_map(), list[tuple[Callable[[Any], Any], Any]]()
    for name, case in CASES.items():
        data = case.inputs()[0]
        tasks.append((_seeded(make_array_form(name), 9), data))
        tasks.append((_seeded(make_dictionary_form(name), 9), {"data": data}))
    tasks.append((SpineSynthGenerator("T1", seed=9).generate_synthetic_mri, codes))
    tasks.append((SyntheticDataset([codes], SpineSynthGenerator("T1")).__getitem__, 0))
    maps = {"tissue": torch.from_numpy(codes)[None]}
    tasks.append((RandSynthesizeMRI(patch_size=codes.shape).set_random_state(9), maps["tissue"]))
    tasks.append((RandSynthesizeMRId("tissue", patch_size=codes.shape).set_random_state(9), maps))

    with multiprocessing.get_context("spawn").Pool(1) as pool:
        remote = pool.starmap(operator.call, tasks)

    # pickling copied the transforms, so that those here still stand at their first draw
    for (transform, data), result in zip(tasks, remote, strict=True):
        np.testing.assert_equal(_arrays(result), _arrays(transform(data)))


def _arrays(result: Any) -> Any:  # noqa: ANN401  # a tensor, an array, or a dictionary of them
    if isinstance(result, dict):
        return {key: _arrays(value) for key, value in result.items()}
    return np.asarray(result)


@pytest.mark.parametrize("name", sorted({class_name(name) for name in CASES} | set(FACES)))
def test_docstring_has_every_section(name: str) -> None:
    form = getattr(spinesynth.transforms, name)
    text = inspect.getdoc(form) or ""
    sections = ["Shape:", "Source:", "Example:"]
    if inspect.signature(form).parameters:
        sections.append("Args:")

    assert len(text.splitlines()[0]) <= 80
    assert [section for section in sections if f"\n{section}\n" not in text] == []
    assert ">>> " in text
    for parameter in inspect.signature(form).parameters:
        assert f"{parameter}:" in text


@every_case
def test_dictionary_form_points_to_the_array_form(name: str) -> None:
    form = getattr(spinesynth.transforms, class_name(name) + "d")

    assert f":class:`{class_name(name)}`" in (form.__doc__ or "")


@pytest.mark.parametrize("name", FACES)
def test_face_keeps_the_contract(name: str) -> None:
    codes, untouched = _label_map(), _label_map()
    before = _global_states()

    one, two, other = (_faces(seed)[name](codes) for seed in (1, 1, 2))

    after = _global_states()
    assert before == after
    assert _equal(one, two)
    assert not _equal(one, other)
    assert np.array_equal(codes, untouched)
    assert tuple(one.shape[-2:]) == codes.shape
    assert one.dtype == torch.float32
    assert bool(torch.isfinite(one).all())
    assert (float(one.min()), float(one.max())) == (0.0, 1.0)
