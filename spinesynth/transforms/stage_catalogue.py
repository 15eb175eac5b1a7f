"""The array transforms by name, and which of them a recipe may name."""

from __future__ import annotations

from monai.transforms.transform import MapTransform, Transform

#: They make or hold a whole chain, or what one averages, or need the maps of a patient.
_NO_STAGES = ("RandFillContext", "RandSagittalSlab", "RandSynthMRI", "RandSynthesizeMRI")


def array_transforms() -> dict[str, type[Transform]]:
    """Return the array transforms of the package by name."""
    from spinesynth import transforms as home  # which imports the recipes

    forms = {name: getattr(home, name) for name in home.__all__}
    return {
        name: form
        for name, form in forms.items()
        if isinstance(form, type)
        and issubclass(form, Transform)
        and not issubclass(form, MapTransform)
    }


def stage_catalogue() -> dict[str, type[Transform]]:
    """Return those that act on one map or image, as the stages of a recipe do."""
    return {name: form for name, form in array_transforms().items() if name not in _NO_STAGES}
