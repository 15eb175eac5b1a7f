"""How the contract test builds each transform: one table by class name, from one file a room."""

from __future__ import annotations

from typing import Any

import spinesynth.transforms
from tests.transforms import (
    cases_acquisition,
    cases_contrast,
    cases_intensity,
    cases_kspace,
    cases_spatial,
)
from tests.transforms.contract_case import Case

#: Array forms by class name; words after the name tell several cases of one class apart.
CASES: dict[str, Case] = {
    **cases_spatial.CASES,
    **cases_contrast.CASES,
    **cases_acquisition.CASES,
    **cases_kspace.CASES,
    **cases_intensity.CASES,
}

#: Whole chains: label maps in, images out, so that nothing in them is neutral.
FACES = ("RandSynthesizeMRI", "SpineSynthGenerator", "SyntheticDataset", "SynthesizeBatch")
#: Public names with tests of their own.
OTHERS = ("RandSynthesizeMRId", "list_recipes", "read_recipe")


def class_name(name: str) -> str:
    """Return the class of a case's name."""
    return name.split()[0]


def make_array_form(name: str, **changes: Any) -> Any:  # noqa: ANN401  # any transform
    """Build the array form of a case, acting visibly unless changed."""
    form = getattr(spinesynth.transforms, class_name(name))
    return form(**{**CASES[name].parameters, **changes})


def make_dictionary_form(name: str, keys: Any = "data", **changes: Any) -> Any:  # noqa: ANN401
    """Build the dictionary form of a case, acting on ``data`` unless told otherwise."""
    form = getattr(spinesynth.transforms, class_name(name) + "d")
    return form(keys, **{**CASES[name].parameters, **changes})
