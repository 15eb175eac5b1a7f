"""Which mends of a label map are made: a switch each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cleaning:
    """Name what is mended of a predicted label map; docs/levels.md says what each is worth.

    Args:
        small_objects: drop pieces smaller than ``least_mm3`` of their structure.
        anatomical_order: drop bodies and discs off the spine's curve, such as blobs in the
            abdomen, and discs that lie within a body.
        split_merged: part vertebrae that were found as one.
        largest_component: keep the largest piece of each body and disc, and any
            that is at least half as large.
        fill_holes: fill holes of vertebrae, discs, canal and sacrum within sagittal slices.
        canal_continuity: keep the canal's pieces along the spine, and bridge short gaps.
        canal_sections: fill what axial sections of the canal lack of their convex outline.

    Raises:
        TypeError: if a switch is no bool.

    Example:
        >>> Cleaning(fill_holes=False).switches()["fill_holes"]
        False
    """

    small_objects: bool = True
    anatomical_order: bool = True
    split_merged: bool = True
    largest_component: bool = True
    fill_holes: bool = True
    canal_continuity: bool = True
    canal_sections: bool = True

    def __post_init__(self) -> None:
        """Refuse what is no switch."""
        switches: dict[str, object] = vars(self)
        wrong = [name for name, value in switches.items() if not isinstance(value, bool)]
        if wrong:
            raise TypeError(f"{', '.join(wrong)} of Cleaning must be True or False")

    def switches(self) -> dict[str, bool]:
        """Return each switch by its name."""
        return dict(vars(self))

    @classmethod
    def none(cls) -> Cleaning:
        """Return the cleaning that mends nothing."""
        return cls(False, False, False, False, False, False, False)
