"""The valid name that somebody may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Collection


def did_you_mean(name: str, known: Collection[str], *, otherwise: str = "") -> str:
    """Return a hint to append to an error about an unknown name.

    Args:
        name: what was given.
        known: valid names.
        otherwise: what to return if no name is near.

    Example:
        >>> did_you_mean("ful", ["full", "lumbar"])
        " (did you mean 'full'?)"
        >>> did_you_mean("xyz", ["full", "lumbar"], otherwise="; there are full and lumbar")
        '; there are full and lumbar'
    """
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else otherwise
