"""Every transform refuses a value that it cannot use when it is built, by the parameter's name."""

from __future__ import annotations

import inspect
import math
from typing import Any

import pytest

import spinesynth.transforms
from spinesynth.errors import ConfigError
from spinesynth.transforms import RandDeformPatch, RandSynthesizeMRI
from tests.transforms.contract_cases import CASES, class_name, make_array_form
from tests.transforms.contract_tools import every_case

_NO_RANGES = (0.05, None, "x", (), (1.0,), (1.0, 2.0, 3.0), ("a", "b"), (0.0, math.nan))
_NO_NUMBERS = (None, "x", (1.0, 2.0), math.nan, -math.inf)


def _values_to_refuse(default: Any) -> tuple[Any, ...]:  # noqa: ANN401  # any default
    if isinstance(default, bool):
        return ()
    if isinstance(default, int | float):
        return _NO_NUMBERS
    numbers = isinstance(default, tuple) and len(default) == 2 and type(default[0]) is float
    return _NO_RANGES if numbers else ()


@every_case
def test_what_is_no_number_or_range_is_refused_by_name(name: str) -> None:
    form = getattr(spinesynth.transforms, class_name(name))
    for parameter, signature in inspect.signature(form).parameters.items():
        if parameter in ("spacing_mm", "field_tesla"):  # one number, or one for each axis or choice
            continue
        for value in _values_to_refuse(signature.default):
            with pytest.raises(ValueError, match=rf"{parameter} must .*got") as refusal:
                make_array_form(name, **{parameter: value})
            assert "unpack" not in str(refusal.value)


def test_wrong_values_of_a_recipe_are_refused_by_name() -> None:
    match = r"stage RandMagnitudeNoise: sigma must be an ordered pair .* got 0\.05"
    with pytest.raises(ConfigError, match=match):
        RandSynthesizeMRI(
            "full", patch_size=(8, 8), overrides={"RandMagnitudeNoise": {"sigma": 0.05}}
        )


@pytest.mark.parametrize(
    ("value", "match"),
    [(-5.0, r"in \[0, 180\], got -5\.0"), ((1.0, 2.0), r"in \[0, 180\], got \(1\.0, 2\.0\)")],
)
def test_one_number_is_named_as_it_was_given(value: Any, match: str) -> None:  # noqa: ANN401
    with pytest.raises(ValueError, match="rotation_deg must be " + match):
        RandDeformPatch((8, 8), rotation_deg=value)


def test_every_case_has_something_to_refuse() -> None:
    forms = {class_name(name) for name in CASES}
    refusing = {
        form
        for form in forms
        for signature in inspect.signature(getattr(spinesynth.transforms, form)).parameters.values()
        if _values_to_refuse(signature.default)
    }
    assert forms - refusing == {"MinMaxNormalise", "PercentileNormalise"}
