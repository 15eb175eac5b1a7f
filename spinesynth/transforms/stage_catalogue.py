"""Which transforms a recipe may name."""

from __future__ import annotations

from monai.transforms.transform import MapTransform, Transform

#: They make or hold a whole chain.
_NO_STAGES = ("RandFillContext", "RandSynthesizeMRI")


def stage_catalogue() -> dict[str, type[Transform]]:
    """Return the array transforms of the package that act on one map or image, by name."""
    from spinesynth import transforms as home  # which imports the recipes

    forms = {name: getattr(home, name) for name in home.__all__}
    return {
        name: form
        for name, form in forms.items()
        if isinstance(form, type)
        and issubclass(form, Transform)
        and not issubclass(form, MapTransform)
        and name not in _NO_STAGES
    }
