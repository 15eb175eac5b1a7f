"""Every transform draws from its own state, and its record replays it."""

from __future__ import annotations

import json

import pytest

from tests.transforms.contract_cases import (
    CASES,
    class_name,
    make_array_form,
    make_dictionary_form,
)
from tests.transforms.contract_tools import equal, every_case, random_case, run, seeded


@every_case
def test_same_seed_gives_the_same_sequence(name: str) -> None:
    for data in CASES[name].inputs():
        one, two = (seeded(make_array_form(name), 7) for _ in range(2))

        assert all(equal(one(data), two(data)) for _ in range(3))


@random_case
def test_other_seeds_give_other_results(name: str) -> None:
    for data in CASES[name].inputs():
        results = [run(name, data, seed) for seed in range(4)]

        assert any(not equal(results[0], other) for other in results[1:])


@every_case
def test_dictionary_form_gives_what_the_array_form_gives(name: str) -> None:
    for data in CASES[name].inputs():
        wanted = run(name, data, 3)
        result = seeded(make_dictionary_form(name), 3)({"data": data})

        changed = result[CASES[name].adds or "data"]
        assert equal(changed, wanted[1:] if class_name(name) == "RandFillContext" else wanted)


@every_case
def test_numpy_array_gives_what_a_tensor_gives(name: str) -> None:
    for data in CASES[name].inputs():
        result = seeded(make_array_form(name), 3)(data.numpy())

        assert equal(result, run(name, data, 3))


@random_case
def test_applying_the_record_again_replays_the_result(name: str) -> None:
    for data in CASES[name].inputs():
        transform = make_array_form(name).set_random_state(5)
        result = transform(data)

        assert equal(transform(data, randomize=False), result)
        assert equal(make_array_form(name).apply(data, transform.record), result)


@random_case
def test_record_survives_json(name: str) -> None:
    data = CASES[name].inputs()[0]
    transform = make_array_form(name).set_random_state(5)
    result = transform(data)

    fields = json.loads(json.dumps(transform.record.to_dict(), allow_nan=False))

    fresh = make_array_form(name)
    replayed = fresh.apply(data, fresh.read_record(fields))
    assert equal(replayed, result)


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

    assert equal(second(data), lone(data))
    assert make_array_form(name).R is not make_array_form(name).R
