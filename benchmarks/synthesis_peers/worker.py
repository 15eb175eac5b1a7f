"""A fresh process that makes samples of one work with one library, on request.

    python -m benchmarks.synthesis_peers.worker LIBRARY WORK_AS_JSON

Answers each line on standard input by one line of JSON: ``time`` by the CPU
time of one sample in ms, ``peak`` by the memory growth of one in MiB.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks.synthesis_peers.catalogue import LIBRARIES
from benchmarks.synthesis_peers.measure import one_thread, peak_growth_mib, warm_timer
from benchmarks.synthesis_peers.work import Work, make_map

_ROOT = Path(__file__).parents[2]


class Worker:
    """The other end: starts the process, asks, and ends it.

    Args:
        library: name in ``LIBRARIES``.
        work: what it makes.
        first: folder to import from before any other.

    Raises:
        RuntimeError: if the process cannot make the work; its own words stand
            above, on standard error.
    """

    def __init__(self, library: str, work: Work, *, first: Path | None = None) -> None:
        folders = [str(first.resolve())] if first else []
        folders += [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        self.library = library
        self.process = subprocess.Popen(
            [sys.executable, "-m", __name__, library, json.dumps(asdict(work))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(folders)},
        )
        self._read()  # it is ready

    def _read(self) -> Any:  # noqa: ANN401  # a number, a text or nothing
        assert self.process.stdout is not None  # it is a pipe
        line = self.process.stdout.readline()
        if not line:
            self.process.communicate()
            raise RuntimeError(f"{self.library} must answer, but its process ended")
        return json.loads(line)

    def _ask(self, request: str) -> Any:  # noqa: ANN401  # as above
        assert self.process.stdin is not None  # it is a pipe
        self.process.stdin.write(request + "\n")
        self.process.stdin.flush()
        return self._read()

    def time_ms(self) -> float:
        """Make one sample and return its CPU time in ms."""
        return float(self._ask("time"))

    def peak_mib(self) -> float | None:
        """Make one sample and return by how much memory grew, None if unknown."""
        answer = self._ask("peak")
        return None if answer is None else float(answer)

    def __enter__(self) -> Worker:
        """Return the worker."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process."""
        self.process.communicate()


def main(library: str, work_json: str) -> None:
    """Serve until standard input ends."""
    # what libraries print must not come between the answers
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    fields = json.loads(work_json)
    work = Work(**{**fields, "size": tuple(fields["size"]), "source": tuple(fields["source"])})
    chosen = LIBRARIES[library]
    with one_thread():
        make, codes = chosen.build(work), make_map(work.source)
        timer = warm_timer(work, make, codes)
        timer()  # one more: pools and plans grow until the second call
        print(json.dumps("ready"), file=answers, flush=True)
        for line in sys.stdin:
            answer = timer() if line.strip() == "time" else peak_growth_mib(lambda: make(codes))
            print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
