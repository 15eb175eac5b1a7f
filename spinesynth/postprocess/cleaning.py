"""Which mends of a label map are made: a switch each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from spinesynth.errors import ConfigError

#: Skips every step.
_ALL = "all"


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
    def skipping(cls, names: Sequence[str]) -> Cleaning:
        """Return the cleaning that leaves some steps out, as a command line names them.

        Args:
            names: of switches, with ``-`` or ``_``; ``all`` leaves out every one.

        Raises:
            ConfigError: if one is no switch.

        Example:
            >>> Cleaning.skipping(["fill-holes"]) == Cleaning(fill_holes=False)
            True
        """
        known = [field.name for field in fields(cls)]
        skipped = {name.strip().lower().replace("-", "_") for name in names}
        unknown = sorted(skipped - {*known, _ALL})
        if unknown:
            raise ConfigError(
                f"a step of the cleaning must be one of {', '.join((*known, _ALL))}, got "
                f"{', '.join(unknown)}; correct --skip-cleaning",
                code="E-CONF-096",
            )
        return cls(**{name: not skipped & {name, _ALL} for name in known})

    @classmethod
    def none(cls) -> Cleaning:
        """Return the cleaning that mends nothing."""
        return cls(False, False, False, False, False, False, False)
