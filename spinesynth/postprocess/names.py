"""Names of levels, counted from below."""

from __future__ import annotations

UNKNOWN = "unknown"
#: Names that the lowest vertebra in view can have.
LOWEST_NAMES = (
    *(f"L{n}" for n in range(6, 0, -1)),
    *(f"T{n}" for n in range(13, 0, -1)),
)
_CERVICAL = tuple(f"C{n}" for n in range(7, 0, -1))
_UPWARDS = tuple(name for name in (*LOWEST_NAMES, *_CERVICAL) if name != "T13")


def names_upwards(lowest: str, count: int) -> list[str]:
    """Return the names of vertebrae from the lowest upwards.

    Above L1 and above T13 comes T12.

    Args:
        lowest: one of :data:`LOWEST_NAMES`.
        count: how many; beyond C1 they are unknown.

    Raises:
        ValueError: if no vertebra in view can be called so; lists the names.

    Example:
        >>> names_upwards("L6", 3), names_upwards("T13", 2), names_upwards("L1", 2)
        (['L6', 'L5', 'L4'], ['T13', 'T12'], ['L1', 'T12'])
    """
    if lowest not in LOWEST_NAMES:
        raise ValueError(f"lowest must be one of {', '.join(LOWEST_NAMES)}, got {lowest!r}")
    start = "T12" if lowest == "T13" else lowest
    names = [*([lowest] if lowest == "T13" else []), *_UPWARDS[_UPWARDS.index(start) :]]
    return [*names, *[UNKNOWN] * count][:count]


def disc_name(above: str, below: str) -> str:
    """Return the name of the disc between two vertebrae, or a vertebra and the sacrum.

    Example:
        >>> disc_name("L5", "S1"), disc_name("unknown", "unknown")
        ('L5-S1', 'unknown')
    """
    return UNKNOWN if UNKNOWN in (above, below) else f"{above}-{below}"


def name_below(name: str) -> str:
    """Return the name of the next vertebra below, S1 below L5 and L6.

    Example:
        >>> name_below("L5"), name_below("T12"), name_below("L3")
        ('S1', 'L1', 'L4')
    """
    if name in ("L5", "L6"):
        return "S1"
    if name not in _UPWARDS:
        return "L1" if name == "T13" else UNKNOWN
    return _UPWARDS[_UPWARDS.index(name) - 1]
