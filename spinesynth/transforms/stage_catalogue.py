"""Which transforms a recipe may name."""

from __future__ import annotations

from monai.transforms.transform import MapTransform, Transform


def stage_catalogue() -> dict[str, type[Transform]]:
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
