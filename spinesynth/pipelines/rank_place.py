"""Which of several processes that train together this one is, as torchrun tells it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from spinesynth.errors import ConfigError

_NAMES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
_TOLD_BY = ("RANK", "WORLD_SIZE")  # the others may be there for other programs
_ABLE = ("train", "experiment")


class RankPlace(NamedTuple):
    """A process among those that train together.

    Attributes:
        rank: its number among all, from 0 on; rank 0 leads.
        size: how many there are, on all machines.
        local_rank: its number on its machine, which is that of its device.
    """

    rank: int
    size: int
    local_rank: int


def find_place(environment: Mapping[str, str] = os.environ) -> RankPlace | None:
    """Return the place of this process; None where it is alone.

    Args:
        environment: variables, as torchrun sets them.

    Raises:
        ConfigError: if some are missing or impossible.

    Example:
        >>> find_place({"MASTER_PORT": "29500"}) is None
        True
        >>> names = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1"}
        >>> find_place({**names, "MASTER_ADDR": "localhost", "MASTER_PORT": "29500"})
        RankPlace(rank=1, size=2, local_rank=1)
    """
    given = {name: environment[name] for name in _NAMES if environment.get(name)}
    if not any(name in given for name in _TOLD_BY) or given.get("WORLD_SIZE") == "1":
        return None
    missing = [name for name in _NAMES if name not in given]
    if missing:
        raise _refuse(f"{', '.join(missing)} not set beside {', '.join(given)}")
    try:
        rank, size, local, port = (int(given[name]) for name in _NAMES if name != "MASTER_ADDR")
    except ValueError as error:
        raise _refuse(f"numbers are expected ({error})") from None
    if not (0 <= rank < size and 0 <= local <= rank and 0 < port < 2**16):
        values = ", ".join(f"{name}={value}" for name, value in given.items())
        raise _refuse(f"0 <= LOCAL_RANK <= RANK < WORLD_SIZE and a port are expected, got {values}")
    return RankPlace(rank, size, local)


def _refuse(what: str) -> ConfigError:
    return ConfigError(
        f"environment of torchrun: {what}; start with torchrun, which sets all of them, or unset "
        f"{' and '.join(_TOLD_BY)} to train in one process",
        code="E-CONF-060",
    )


def refuse_other_commands(words: Sequence[str], place: RankPlace) -> None:
    """Refuse a command that several processes would gain nothing from, or get wrong.

    Args:
        words: of the command line, without the program.
        place: of this process.

    Raises:
        ConfigError: naming the commands that can be distributed.
    """
    named = [word for word in words if not word.startswith("-")]
    if named and named[0] not in _ABLE:
        raise ConfigError(
            f"{named[0]} cannot be distributed over {place.size} processes, only "
            f"{' and '.join(_ABLE)} can; start it without torchrun, as a job of its own",
            code="E-CONF-061",
        )
