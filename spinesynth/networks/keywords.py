"""Extra parameters of a class of another library, checked by name before it is built."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping

from spinesynth.suggest import did_you_mean


def keyword_problems(
    of: type, given: Mapping[str, object], *, reserved: Mapping[str, str], where: str
) -> list[str]:
    """Return what is wrong with the names of some keyword arguments.

    Args:
        of: class whose ``__init__`` takes them.
        given: keyword arguments.
        reserved: parameters of the class that are set otherwise, and by what.
        where: what the names stand under in the configuration.

    Returns:
        One message a wrong name: unknown, with the nearest valid one, or reserved,
        with what sets it.

    Example:
        >>> class Net:
        ...     def __init__(self, classes, dropout=0.0): ...
        >>> keyword_problems(Net, {"dropuot": 1}, reserved={"classes": "x"}, where="parameters")
        ["parameters.dropuot: Net takes no such parameter (did you mean 'dropout'?)"]
    """
    known = keywords_of(of) - set(reserved)
    problems = []
    for name in given:
        if name in reserved:
            problems.append(f"{where}.{name}: is set by {reserved[name]}")
        elif name not in known:
            hint = did_you_mean(name, known, otherwise=f"; it takes {', '.join(sorted(known))}")
            problems.append(f"{where}.{name}: {of.__name__} takes no such parameter{hint}")
    return problems


def keywords_of(of: type) -> set[str]:
    """Return the names of the parameters that a class is made with."""
    return set(inspect.signature(of).parameters)


def as_tuples(value: object) -> object:
    """Return a value of a configuration file with a tuple for each list in it.

    Example:
        >>> as_tuples(["leakyrelu", {"slopes": [1, 2]}])
        ('leakyrelu', {'slopes': (1, 2)})
    """
    if isinstance(value, Mapping):
        return {key: as_tuples(inner) for key, inner in value.items()}
    if isinstance(value, Collection) and not isinstance(value, str | bytes):
        return tuple(as_tuples(inner) for inner in value)
    return value
