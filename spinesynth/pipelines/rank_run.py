"""Run a command in several processes: rank 0 does it, the others help it to train."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout

from spinesynth.errors import OutputError, SpineSynthError
from spinesynth.pipelines.follower import follow
from spinesynth.pipelines.interrupt import ignore_signals
from spinesynth.pipelines.rank_place import RankPlace
from spinesynth.pipelines.ranks import RankLost, Ranks, join_ranks

_DEFECT, _INTERRUPTED = 1, 130


def run_ranks(place: RankPlace, work: Callable[[], int]) -> int:
    """Return the status that this process leaves with, the same in all of them.

    Args:
        place: of this process.
        work: what the leader does; its trainings are shared with the others.

    Raises:
        SpineSynthError: if the ranks cannot be joined.
    """
    ranks = join_ranks(place)
    if place.rank > 0:
        return _help(ranks)
    status = _DEFECT
    try:
        ranks.take_device()
        status = work()
    except KeyboardInterrupt:
        status = _INTERRUPTED
        raise
    except SystemExit as leaving:
        status = leaving.code if isinstance(leaving.code, int) else _DEFECT
        raise
    finally:
        ignore_signals()  # torchrun and the cluster both send one
        status = ranks.dismiss(status)
    return status


def _help(ranks: Ranks) -> int:
    """Take part in each training until the leader says when to leave; say nothing but errors."""
    ignore_signals()  # the leader gets them too, and decides
    told = sys.stderr
    with open(os.devnull, "w") as nowhere, redirect_stderr(nowhere), redirect_stdout(nowhere):
        try:
            ranks.take_device()
            return _follow_all(ranks)
        except RankLost as lost:
            status, text = lost.exit_code, str(lost)
        except SpineSynthError as error:
            status, text = error.exit_code, str(error)
        except OSError as error:
            status, text = OutputError.exit_code, f"[E-OS-001] {error}"
        except Exception:  # a defect: the leader must not wait for this rank
            status, text = _DEFECT, traceback.format_exc()
    told.write(f"rank {ranks.rank}: {text}\n")
    ranks.fail(status)
    return status


def _follow_all(ranks: Ranks) -> int:
    while (status := ranks.hear()) is None:
        try:
            follow(ranks)
        except RankLost:
            lost = ranks.hear(soon=True)
            return RankLost.exit_code if lost is None else lost
    return status
