"""Seeds by name: equal everywhere, apart for every difference of a name."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from spinesynth.seeding import derive_seed, derive_seed32, make_generator

names = st.lists(st.integers(-5, 5) | st.text("ab12'\x1f, ", max_size=3), max_size=4)


@given(names)
def test_seed_is_the_first_63_bits_of_sha256_over_the_names(parts: list[int | str]) -> None:
    digest = hashlib.sha256("\x1f".join(map(repr, parts)).encode()).digest()
    bits = "".join(f"{byte:08b}" for byte in digest)[:63]

    assert derive_seed(*parts) == int(bits, 2)


@given(names, names)
def test_other_names_give_another_seed(one: list[int | str], other: list[int | str]) -> None:
    assert (derive_seed(*one) == derive_seed(*other)) == (one == other)


def test_numbers_and_texts_and_borders_between_names_count() -> None:
    alike: list[Sequence[int | str]] = [
        (1, 2),
        ("1", 2),
        (12,),
        ("12",),
        ("1, 2",),
        ("ab", "c"),
        ("a", "bc"),
        ("abc",),
        ("1\x1f2",),
        (2, 1),
        (1, 2, ""),
        (),
    ]

    assert len({derive_seed(*parts) for parts in alike}) == len(alike)


@given(names)
def test_seed_is_one_that_torch_takes(parts: list[int | str]) -> None:
    seed = derive_seed(*parts)

    assert 0 <= seed < 2**63
    assert torch.Generator().manual_seed(seed).initial_seed() == seed


@given(names)
def test_seed_of_32_bits_is_the_remainder_and_one_that_numpy_takes(parts: list[int | str]) -> None:
    seed = derive_seed32(*parts)

    assert seed == derive_seed(*parts) % 4294967295
    np.random.RandomState(seed)


def test_generator_stands_at_the_derived_seed() -> None:
    generator = make_generator(42, 3, "case1")

    assert generator.initial_seed() == derive_seed(42, 3, "case1")
    assert generator.device.type == "cpu"
    drawn = torch.randn(3, generator=generator)
    assert torch.equal(drawn, torch.randn(3, generator=make_generator(42, 3, "case1")))


def test_global_generators_are_untouched() -> None:
    states = [random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()]  # type: ignore[index]  # the legacy form is a tuple

    torch.randn(3, generator=make_generator(1))

    assert random.getstate() == states[0]
    assert np.random.get_state()[1].tolist() == states[1]  # type: ignore[index]  # as above
    assert torch.get_rng_state().tolist() == states[2]


def test_seed_does_not_depend_on_the_hash_seed_of_the_process() -> None:
    code = "from spinesynth.seeding import derive_seed; print(derive_seed(42, 'case1', 7))"
    # this process has another hash seed, whichever: hash() of a text would differ
    other = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={
            **os.environ,
            "PYTHONHASHSEED": other,
            "PYTHONPATH": str(Path(__file__).parents[1]),
        },
        capture_output=True,
        text=True,
        check=True,
    )

    assert found.stdout.strip() == str(derive_seed(42, "case1", 7))
