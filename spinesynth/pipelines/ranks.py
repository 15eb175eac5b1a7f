"""Processes that train one model together, each on its share of every batch.

Rank 0 leads: it alone reads settings, writes files, validates, tests and reports. What
the others are to do it tells through a store, one word after the other; within a training
all meet in the same collective calls. Gradients are averaged by one call of all-reduce a
step, not by torch's DistributedDataParallel: the network stays what it is alone, also if
it is compiled, goes through a batch in parts or has a running mean.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed import PrefixStore, ProcessGroup, Store, Work  # type: ignore[attr-defined]  # public, but not so in its stub
from torch.distributed.rendezvous import rendezvous
from torch.nn import Parameter

from spinesynth.errors import ConfigError, OutputError
from spinesynth.pipelines.rank_place import RankPlace

_JOIN_S = 600  # nominal: until the last process of a job has started
_GRADIENTS_S = 1800  # nominal: a step of the slowest rank on a device
_WAIT = timedelta(days=7)  # while the leader validates, tests and reports
_LAST_WORD_S = 30  # a leader that ends says so at once
_FAREWELL_S = 10  # the leader may keep the store, which the others read its last word from
#: While a collective call is under way: longest pause, pause as a share of the time waited so
#: far, and time between two looks at what the others say. Nominal.
_PAUSE_S, _PATIENCE, _ASK_S = 0.05, 0.05, 0.5
_TRAIN, _FAILED, _GONE = "train", "failed", "gone"


class RankLost(OutputError):  # noqa: N818 it is what the user reads, as an error
    """Another rank has ended, or cannot be reached."""

    def __init__(self) -> None:
        super().__init__(
            "another rank ended before its work was done; what it said stands above or in its own "
            "log; mend that, and give the same command with --resume",
            code="E-RUN-003",
        )


@dataclass
class _Links:
    """What a rank reaches the others by."""

    store: Store
    gradients: ProcessGroup
    words: int = 0


class Ranks:
    """This process among those that train together; alone it needs no others.

    Args:
        place: of this process; None where it is alone.
    """

    def __init__(self, place: RankPlace | None = None) -> None:
        self.rank, self.size, self._local = place or RankPlace(0, 1, 0)
        self._links = self._join() if self.size > 1 else None

    def _join(self) -> _Links:
        """Wait for the other processes and connect with them."""
        try:
            wait = timedelta(seconds=_JOIN_S)
            store, _, _ = next(rendezvous("env://", self.rank, self.size, timeout=wait))
            dist.init_process_group(
                "gloo", store=PrefixStore("group", store), rank=self.rank, world_size=self.size,
                timeout=_WAIT,
            )  # fmt: skip
            store.set_timeout(_WAIT)
            gradients = dist.group.WORLD
            if torch.cuda.is_available():
                limit = timedelta(seconds=_GRADIENTS_S)
                gradients = dist.new_group(backend="nccl", timeout=limit)
        except (RuntimeError, OSError) as error:
            reason = " ".join(str(error).split())[:300]
            raise OutputError(
                f"rank {self.rank} of {self.size} could not reach the others ({reason}); check "
                "MASTER_ADDR and MASTER_PORT, and that all processes were started",
                code="E-RUN-003",
            ) from error
        assert isinstance(gradients, ProcessGroup)
        return _Links(store, gradients)

    def take_device(self) -> None:
        """Make the device of this rank the one that ``cuda`` means.

        Raises:
            ConfigError: if the machine has fewer devices than ranks.
        """
        if not torch.cuda.is_available():
            return
        devices = torch.cuda.device_count()
        if self._local >= devices:
            raise ConfigError(
                f"LOCAL_RANK is {self._local}, but the machine has {devices} CUDA devices: each "
                f"rank needs one of its own; use --nproc_per_node {devices}",
                code="E-CONF-060",
            )
        torch.cuda.set_device(self._local)

    def agree(self, number: int) -> int:
        """Return the largest of the numbers that the ranks call this with, alone the given one.

        Args:
            number: 0 to go on, that of a signal to stop.

        Raises:
            RankLost: if another rank has ended.
        """
        if self._links is None:
            return number
        largest = torch.tensor(number)
        self._finish(lambda: dist.all_reduce(largest, dist.ReduceOp.MAX, async_op=True))
        return int(largest)

    def hand_out(self, value: Any = None) -> Any:  # noqa: ANN401 anything that can be pickled
        """Return what the leader calls this with; what the others give does not count.

        Raises:
            RankLost: if another rank has ended.
        """
        if self._links is None:
            return value
        packed = torch.frombuffer(bytearray(pickle.dumps(value)), dtype=torch.uint8)
        size = torch.tensor(len(packed))
        self._finish(lambda: dist.broadcast(size, 0, async_op=True))
        if self.rank > 0:
            packed = torch.empty(int(size), dtype=torch.uint8)
        self._finish(lambda: dist.broadcast(packed, 0, async_op=True))
        return pickle.loads(packed.numpy().tobytes())

    def average_gradients(self, parameters: Iterable[Parameter], loss: float) -> float:
        """Give each parameter the mean of its gradients over the ranks.

        Each rank holds as many samples of a batch as any other, so that the mean of
        the ranks' means is that of the batch. A parameter without gradient stays without:
        the network is the same everywhere.

        Args:
            parameters: of the network.
            loss: of this rank's share.

        Returns:
            The mean loss.

        Raises:
            RankLost: if another rank has ended.
        """
        if self._links is None:
            return loss
        gradients = [p.grad for p in parameters if p.grad is not None]
        # in one piece: a network has many small ones, and each call costs
        flat = torch.cat([*(g.reshape(-1) for g in gradients), gradients[0].new_tensor([loss])])
        group = self._links.gradients
        self._finish(lambda: dist.all_reduce(flat, group=group, async_op=True))
        *means, total = torch.split(flat / self.size, [*(g.numel() for g in gradients), 1])
        for gradient, mean in zip(gradients, means, strict=True):
            gradient.copy_(mean.view_as(gradient))
        return float(total)

    def _finish(self, begin: Callable[[], Work]) -> None:
        """Wait until a collective call is done, or another rank says that it never will be."""
        begun = asked = time.monotonic()
        try:
            work = begin()
            while not work.is_completed():
                now = time.monotonic()
                time.sleep(min(_PAUSE_S, _PATIENCE * (now - begun)))
                if now - asked < _ASK_S:
                    continue
                asked = now
                if self._was_left():
                    raise RankLost
            work.wait()
        except RuntimeError as error:
            raise RankLost from error

    def _was_left(self) -> bool:
        """Return whether another rank has broken off, as far as the store knows."""
        assert self._links is not None
        store, word = self._links.store, self._next_word()
        if self.rank > 0 and store.check([word]):
            return bool(store.get(word).decode() != _TRAIN)  # that comes when all went well
        return bool(store.check([_FAILED]))

    def announce(self) -> None:
        """As the leader, let the others take part in a training."""
        if self._links is not None:
            self._say(_TRAIN)

    def hear(self, *, soon: bool = False) -> int | None:
        """Return the status to leave with once the leader says so; None to take part in a training.

        Args:
            soon: the leader is known to have ended its work.

        Raises:
            RankLost: if it has gone without a word.
        """
        assert self._links is not None  # nobody waits alone
        store = self._links.store
        try:
            if soon:
                store.wait([self._next_word()], timedelta(seconds=_LAST_WORD_S))
            word = store.get(self._next_word()).decode()
            self._links.words += 1
            if word == _TRAIN:
                return None
            store.add(_GONE, 1)
        except RuntimeError as error:
            raise RankLost from error
        return int(word)

    def dismiss(self, status: int) -> int:
        """As the leader, let the others leave, and return the status that this one leaves with.

        Args:
            status: of the work that was done; if it broke off because another rank
                failed, that one's is returned.
        """
        assert self._links is not None
        store = self._links.store
        with suppress(RuntimeError):  # it may be gone with its keeper
            if store.check([_FAILED]):
                status = int(store.get(_FAILED))
            self._say(str(status))
            until = time.monotonic() + _FAREWELL_S
            while store.add(_GONE, 0) < self.size - 1 and time.monotonic() < until:
                time.sleep(0.02)
        return status

    def fail(self, status: int) -> None:
        """As one of the others, break off, and let the leader know why.

        Args:
            status: that this rank leaves with.
        """
        assert self._links is not None
        with suppress(RuntimeError):
            self._links.store.set(_FAILED, str(status))
            self._links.store.add(_GONE, 1)

    def _say(self, word: str) -> None:
        assert self._links is not None
        self._links.store.set(self._next_word(), word)
        self._links.words += 1

    def _next_word(self) -> str:
        assert self._links is not None
        return f"word {self._links.words}"


ALONE = Ranks()
_current = [ALONE]


def current_ranks() -> Ranks:
    """Return the ranks that this process belongs to, ``ALONE`` where torchrun did not start it."""
    return _current[0]


def join_ranks(place: RankPlace) -> Ranks:
    """Connect this process with the others and let its trainings be shared with them.

    Raises:
        OutputError: if the others cannot be reached.
    """
    _current[0] = Ranks(place)
    return _current[0]
