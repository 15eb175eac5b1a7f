"""Some of many names, for a message."""

from __future__ import annotations

from collections.abc import Iterable


def name_few(names: Iterable[object], *, limit: int) -> str:
    """Return the first names and how many more there are.

    Args:
        names: in the order in which they are named.
        limit: how many to name at most.

    Example:
        >>> name_few(["ann", "bob", "eve"], limit=2)
        'ann, bob and 1 more'
        >>> name_few(["ann", "bob"], limit=2)
        'ann, bob'
    """
    told = [str(name) for name in names]
    more = f" and {len(told) - limit} more" if len(told) > limit else ""
    return ", ".join(told[:limit]) + more
