"""How the tests of the contract run a transform, and which transforms each of them is for."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch
from monai.data.meta_tensor import MetaTensor
from monai.transforms.compose import Compose
from torch import Tensor

from tests.transforms.contract_case import make_structure
from tests.transforms.contract_cases import (
    CASES,
    make_array_form,
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


def seeded(transform: Any, seed: int) -> Compose:  # noqa: ANN401  # any transform
    return Compose([transform]).set_random_state(seed)


def run(name: str, data: Tensor, seed: int) -> Tensor:
    result: Tensor = seeded(make_array_form(name), seed)(data)
    return result


def global_states() -> tuple[Any, ...]:
    name, keys, *place = np.random.get_state(legacy=True)
    return random.getstate(), name, np.asarray(keys).tolist(), place, torch.get_rng_state().tolist()


def values(codes: Tensor) -> set[int]:
    return set(codes.flatten().tolist())


def plain(data: Tensor) -> Tensor:
    return data.as_tensor() if isinstance(data, MetaTensor) else data


def equal(one: Tensor, other: Tensor) -> bool:
    return one.dtype == other.dtype and torch.equal(plain(one), plain(other))


def label_map() -> np.ndarray:
    return make_structure(24, 28)[0].numpy()
