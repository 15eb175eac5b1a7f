"""Every public name is documented, survives a worker, and keeps the contract as a whole."""

from __future__ import annotations

import inspect
import multiprocessing
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import spinesynth.transforms
from spinesynth.transforms import (
    RandSynthesizeMRI,
    RandSynthesizeMRId,
    SpineSynthGenerator,
    SynthesizeBatch,
    SyntheticDataset,
)
from tests.transforms.contract_cases import (
    CASES,
    FACES,
    OTHERS,
    class_name,
    make_array_form,
    make_dictionary_form,
)
from tests.transforms.contract_tools import (
    equal,
    every_case,
    global_states,
    label_map,
    seeded,
)


def _faces(seed: int) -> dict[str, Callable[[np.ndarray], Tensor]]:
    """Return a call of each plain-Python face that draws from a fresh instance."""
    generator = SpineSynthGenerator("T2", add_motion=True, seed=seed)
    fused = RandSynthesizeMRI("full", patch_size=label_map().shape).set_random_state(seed)
    batch = SynthesizeBatch("full", patch_size=label_map().shape)
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


@pytest.mark.slow
def test_all_survive_pickling_to_a_spawned_worker() -> None:
    codes, tasks = label_map(), list[tuple[Callable[[Any], Any], Any]]()
    for name, case in CASES.items():
        data = case.inputs()[0]
        tasks.append((seeded(make_array_form(name), 9), data))
        tasks.append((seeded(make_dictionary_form(name), 9), {"data": data}))
    tasks.append((SpineSynthGenerator("T1", seed=9).generate_synthetic_mri, codes))
    tasks.append((SyntheticDataset([codes], SpineSynthGenerator("T1")).__getitem__, 0))
    maps = {"tissue": torch.from_numpy(codes)[None]}
    tasks.append(
        (RandSynthesizeMRI("full", patch_size=codes.shape).set_random_state(9), maps["tissue"])
    )
    tasks.append(
        (
            RandSynthesizeMRId("tissue", recipe="full", patch_size=codes.shape).set_random_state(9),
            maps,
        )
    )

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
    codes, untouched = label_map(), label_map()
    before = global_states()

    one, two, other = (_faces(seed)[name](codes) for seed in (1, 1, 2))

    after = global_states()
    assert before == after
    assert equal(one, two)
    assert not equal(one, other)
    assert np.array_equal(codes, untouched)
    assert tuple(one.shape[-2:]) == codes.shape
    assert one.dtype == torch.float32
    assert bool(torch.isfinite(one).all())
    assert (float(one.min()), float(one.max())) == (0.0, 1.0)
