"""Cost of a slice by the Bloch equations, side by side with the signal equation.

    python benchmarks/bloch.py
    python benchmarks/bloch.py --repeats 9 --isochromats 50

A slice of 192 x 192 voxels, each with a T1 and a T2 of its own, in a turbo spin echo. The
simulator steps isochromats through hard pulses, precession and relaxation for a few
repetitions, until the signal is steady: for one voxel after another, as simulators for
single tissues are used, and for all voxels at once. The first is timed on some of the voxels
and scaled to the slice. One thread, CPU time.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

if __package__ in (None, ""):  # started as a file: its siblings are found from the checkout
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.synthesis_peers.measure import cpu_ms, one_thread, take_turns
from spinesynth.kernels.signal_equations import turbo_spin_echo
from tests.physics.bloch import Medium, Reals, equilibrium, repeat, spin_echoes

VOXELS = 192 * 192
TIMED_VOXELS = 36
REPETITIONS = 3
TR_MS, SPACING_MS, ECHOES, READ = 2435.0, 10.0, 16, 10

ONE_BY_ONE, AT_ONCE, EQUATION = "voxel by voxel", "all voxels at once", "equation"


def draw_maps() -> tuple[Reals, Reals]:
    """Return T1 and T2 of each voxel in ms, over the ranges of tissues."""
    random = np.random.default_rng(0)
    t1_ms = random.uniform(200, 4500, VOXELS)
    return t1_ms, t1_ms * random.uniform(0.05, 0.5, VOXELS)


def simulate(t1_ms: Reals, t2_ms: Reals, *, isochromats: int) -> Reals:
    """Return the magnitude of the echo of each voxel, as the mean of its isochromats."""
    off_hz = np.linspace(-100, 100, isochromats)
    medium = Medium(t1_ms[:, None], t2_ms[:, None], off_hz)
    cycle = spin_echoes(medium, TR_MS, SPACING_MS, echoes=ECHOES, read=READ)
    echo: Reals = np.abs(repeat(cycle, equilibrium(medium), repetitions=REPETITIONS).mean(axis=1))
    return echo


def solve(t1_ms: Reals, t2_ms: Reals) -> Reals:
    """Return the same by the equation."""
    signal: Reals = turbo_spin_echo(
        torch.ones(len(t1_ms)),
        torch.from_numpy(t1_ms),
        torch.from_numpy(t2_ms),
        tr_ms=TR_MS,
        te_ms=READ * SPACING_MS,
        echo_train_length=ECHOES,
        echo_spacing_ms=SPACING_MS,
    ).numpy()
    return signal


def measure(*, repeats: int, isochromats: int) -> dict[str, float]:
    """Return the median CPU time of a slice of each way, in ms."""
    t1_ms, t2_ms = draw_maps()

    def one_by_one() -> list[Reals]:
        voxels = [slice(voxel, voxel + 1) for voxel in range(TIMED_VOXELS)]
        return [simulate(t1_ms[v], t2_ms[v], isochromats=isochromats) for v in voxels]

    few = slice(0, TIMED_VOXELS)  # also loads what a first call loads
    np.testing.assert_allclose(np.concatenate(one_by_one()), solve(t1_ms[few], t2_ms[few]), 1e-6)
    medians = take_turns(
        {
            ONE_BY_ONE: lambda: cpu_ms(one_by_one),
            AT_ONCE: lambda: cpu_ms(lambda: simulate(t1_ms, t2_ms, isochromats=isochromats)),
            EQUATION: lambda: cpu_ms(lambda: solve(t1_ms, t2_ms)),
        },
        repeats,
    )
    return medians | {ONE_BY_ONE: medians[ONE_BY_ONE] * VOXELS / TIMED_VOXELS}


def main(arguments: list[str] | None = None) -> None:
    """Measure all three in turn and print medians and ratios."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5, help="times of each (default 5)")
    parser.add_argument("--isochromats", type=int, default=20, help="of a voxel (default 20)")
    options = parser.parse_args(arguments)
    for name in ("repeats", "isochromats"):
        if getattr(options, name) < 1:
            parser.error(f"--{name} must be at least 1, got {getattr(options, name)}")
    with one_thread():
        medians = measure(repeats=options.repeats, isochromats=options.isochromats)
    for name, median in medians.items():
        ratio = median / medians[EQUATION]
        print(f"{name:20}{median:12.2f} ms{ratio:12.1f} x (median of {options.repeats})")


if __name__ == "__main__":
    main()
