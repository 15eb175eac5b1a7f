"""Every transform leaves its input alone, and keeps what it does not declare to change."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from tests.transforms.contract_case import make_image, with_affine
from tests.transforms.contract_cases import (
    CASES,
    make_array_form,
    make_dictionary_form,
)
from tests.transforms.contract_tools import (
    code_case,
    equal,
    every_case,
    global_states,
    plain,
    run,
    same_key_case,
    seeded,
    values,
)


@every_case
@pytest.mark.parametrize("wrap", [torch.clone, with_affine], ids=["tensor", "metatensor"])
def test_input_is_not_modified(name: str, wrap: Callable[[Tensor], Tensor]) -> None:
    for data in CASES[name].inputs():
        given, untouched = wrap(data), wrap(data)
        holder = {"data": given, "other": given, "case_id": "a"}

        results = [run(name, given, 2), *seeded(make_dictionary_form(name), 2)(holder).values()]

        assert equal(given, untouched)
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

    result = run(name, given, 2)
    result.fill_(77)
    if isinstance(result, MetaTensor):
        result.affine.fill_(77)
        result.meta.get("notes", []).append(3)

    assert equal(given, data)
    assert torch.equal(given.affine, data.affine)
    assert given.meta["notes"] == [1, 2]


@every_case
def test_global_generators_are_untouched(name: str) -> None:
    data = CASES[name].inputs()[0]
    before = global_states()

    run(name, data, 2)
    seeded(make_dictionary_form(name), 2)({"data": data})
    make_array_form(name)(data)

    after = global_states()
    assert before == after


@every_case
def test_shape_dtype_affine_and_keys_are_kept_unless_declared(name: str) -> None:
    case = CASES[name]
    for data in case.inputs():
        shape, given = tuple(data.shape), with_affine(data)
        wanted = case.shape(shape) if case.shape else shape

        result = run(name, given, 4)
        dictionary = seeded(make_dictionary_form(name), 4)({"data": given, "other": 1})

        assert tuple(result.shape) == wanted
        assert result.dtype == case.dtype or (case.dtype is None and result.dtype == data.dtype)
        assert isinstance(result, MetaTensor)
        assert case.new_affine or torch.equal(result.affine, given.affine)
        assert set(dictionary) == {"data", "other"} | ({case.adds} if case.adds else set())
        assert isinstance(dictionary[case.adds or "data"], MetaTensor)
        assert not isinstance(run(name, data, 4), MetaTensor)


@pytest.mark.parametrize("name", [n for n, case in CASES.items() if case.new_affine])
def test_new_affine_holds_the_voxel_size(name: str) -> None:
    data = with_affine(CASES[name].inputs()[0])

    result = run(name, data, 4)

    assert isinstance(result, MetaTensor)
    axes = result.ndim - 1
    wanted = [0.7] * axes if "Deform" in name else [4.0, 1.2, 0.8][-axes:]
    torch.testing.assert_close(result.pixdim, torch.tensor(wanted, dtype=torch.float64))


@code_case
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int64, torch.bool])
def test_codes_are_never_invented(name: str, dtype: torch.dtype) -> None:
    case = CASES[name]
    for data in case.inputs():
        codes = data.to(dtype)
        allowed = values(codes) | (case.invents or set())
        for seed in range(8):
            result = run(name, codes, seed)
            labels = result[:1] if case.adds == "tissue" else result

            assert result.dtype == (case.dtype or dtype)
            assert values(labels) <= allowed


@every_case
def test_keys_that_are_not_named_pass_through(name: str) -> None:
    data = CASES[name].inputs()[0]
    label = torch.arange(6)

    result = seeded(make_dictionary_form(name), 1)({"data": data, "label": label})

    assert result["label"] is label


@same_key_case
def test_keys_share_one_draw(name: str) -> None:
    data = CASES[name].inputs()[0]

    result = seeded(make_dictionary_form(name, ("data", "twin")), 1)(
        {"data": data, "twin": data.clone()}
    )

    assert equal(result["data"], result["twin"])


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
        result = seeded(transform, 6)(data)
        kept = result[:1] if case.adds == "tissue" else result

        wanted = case.expected(data, getattr(transform, "record", None))
        # coordinates pass through the unit grid of torch, which costs a few units in the last place
        torch.testing.assert_close(kept, wanted, rtol=0, atol=2e-6)


@every_case
def test_result_is_finite(name: str) -> None:
    case = CASES[name]
    for data in case.inputs():
        for hostile in (data, torch.zeros_like(data), torch.ones_like(data)):
            for seed in range(3):
                assert bool(torch.isfinite(plain(run(name, hostile, seed)).float()).all())


@pytest.mark.parametrize(
    "name", [n for n, case in CASES.items() if case.make is make_image and not case.always]
)
@pytest.mark.parametrize("size", [(1, 9), (9, 1), (1, 1), (1, 5, 7), (2, 2, 1)])
def test_images_of_one_voxel_along_an_axis_are_taken(name: str, size: tuple[int, ...]) -> None:
    data = torch.rand((1, *size), generator=torch.Generator().manual_seed(0))

    for seed in range(4):
        result = run(name, data, seed)

        assert result.shape == data.shape
        assert bool(torch.isfinite(result).all())
