"""YAML from anywhere: plain data, or one kind of error whatever is wrong with it."""

from __future__ import annotations

import pytest
import yaml

from spinesynth.strict_yaml import load_strict


def test_plain_data_and_aliases_are_read() -> None:
    text = "a: &range [0, 1e-3]\nb: *range\nc: {d: [x, {e: null}]}\n"

    assert load_strict(text) == {"a": [0, 0.001], "b": [0, 0.001], "c": {"d": ["x", {"e": None}]}}
    assert load_strict("") is None


@pytest.mark.parametrize("depth", [10, 49])
def test_nesting_that_a_file_may_need_is_read(depth: int) -> None:
    assert str(load_strict("[" * depth + "]" * depth)) == "[" * depth + "]" * depth


def _aliases_of_aliases(each: int, levels: int) -> str:
    """Write a list whose every level holds the one before several times."""
    lines = ["l0: &l0 [x]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * each)}]" for n in range(1, levels + 1)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 60 + "]" * 60, "nested deeper than 50 levels"),
        ("[" * 20_000, "nested deeper than 50 levels"),
        ("{a: " * 20_000, "nested deeper than 50 levels"),
        (_aliases_of_aliases(9, 9), "more than 100000 values .* aliases included"),
        (_aliases_of_aliases(1, 60), "or 50 levels, aliases included"),
        ("&a [*a]", "an alias stands inside of what it names"),
        ("x: &x {y: [*x]}", "an alias stands inside of what it names"),
        ("? [1, 2]\n: 3", "key must be a plain value, got a list"),
        ("{{a: 1}: 2}", "key must be a plain value, got a dict"),
        ("a: 1\nb: {c: 1, c: 2}", "key 'c' stands twice"),
        ("day: 2026-13-45", "cannot be read: month"),
        ("a: !!int word", "cannot be read: invalid literal"),
        ("a: !!timestamp word", "cannot be read"),
        ("a: !!bool word", "cannot be read"),
        ("9" * 5000, "cannot be read"),
        ("a: !!python/name:os.system", "could not determine a constructor"),
        ("a: [", "expected the node content"),
    ],
)  # fmt: skip
def test_whatever_is_wrong_is_an_error_of_yaml(text: str, said: str) -> None:
    with pytest.raises(yaml.YAMLError, match=said):
        load_strict(text)
