"""Scan protocols: which sequence at which field with which parameters, as scanners used them.

The numbers stand in ``protocol_table.yaml``. T1- and T2-weighted turbo spin echo and
T2-weighted volumes follow the joint spread of 446 series of SPIDER; the
thesis's spin echo and the other clinical sequences have ranges.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

import numpy as np
from numpy.random import Generator, RandomState
from numpy.typing import NDArray

from spinesynth.anatomy.protocol_fit import QUANTILE_LEVELS
from spinesynth.anatomy.relaxation import FIELDS_T, tissue_mr
from spinesynth.anatomy.tissues import Tissue
from spinesynth.strict_yaml import load_strict


class Sequence(StrEnum):
    """Pulse sequence, by its contrast."""

    T1_TSE = "t1_tse"
    T2_TSE = "t2_tse"
    T2_SPACE = "t2_space"
    SPIN_ECHO = "spin_echo"
    PD_TSE = "pd_tse"
    STIR = "stir"
    FLAIR = "flair"
    GRE = "gre"
    BSSFP = "bssfp"
    DIXON = "dixon"


#: Sequences by where their parameters come from.
PROTOCOL_FAMILIES: dict[str, tuple[Sequence, ...]] = {
    "spider": (Sequence.T1_TSE, Sequence.T2_TSE, Sequence.T2_SPACE),
    "thesis": (Sequence.SPIN_ECHO,),
    "clinical": (
        Sequence.PD_TSE,
        Sequence.STIR,
        Sequence.FLAIR,
        Sequence.GRE,
        Sequence.BSSFP,
        Sequence.DIXON,
    ),
}

#: What an inversion nulls.
NULLED_TISSUE: dict[Sequence, Tissue] = {Sequence.STIR: Tissue.FAT, Sequence.FLAIR: Tissue.CSF}

#: Inversion times relative to the null at the mean T1. Operators set STIR at 1.5 T to 140-180 ms
#: (web tutorials, checked), below the 200 ms of Gold's T1 of fat, hence more below than above.
_TI_RELATIVE = {Sequence.STIR: (0.7, 1.05), Sequence.FLAIR: (0.85, 1.05)}
#: Opposed phase of water and fat; the first in-phase echo comes at twice that time (checked,
#: doi 10.1186/s43055-022-00861-6: 2.3 ms at 1.5 T, 1.15 ms at 3 T).
OPPOSED_TE_MS: dict[float, float] = {1.5: 2.3, 3.0: 1.15}


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """Parameters of one scan.

    Args:
        sequence: which signal equation and contrast.
        field_t: field strength in tesla.
        tr_ms: repetition time.
        te_ms: echo time, the effective one of a train; below TR.
        echo_train_length: echoes per excitation; 1 without a train.
        echo_spacing_ms: time between echoes; TE without a train.
        ti_ms: inversion time, or None.
        flip_deg: excitation angle of gradient echoes, or None.
        driven_equilibrium: whether a pulse turns what is left after the train back
            upright, as volumes of short TR do to keep fluid bright.

    Raises:
        ValueError: if TE is not in (0, TR), or the inversion time or the train does
            not end before TR.
    """

    sequence: Sequence
    field_t: float
    tr_ms: float
    te_ms: float
    echo_train_length: int = 1
    echo_spacing_ms: float
    ti_ms: float | None = None
    flip_deg: float | None = None
    driven_equilibrium: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.te_ms < self.tr_ms:
            raise ValueError(f"te_ms must be in (0, tr_ms={self.tr_ms}), got {self.te_ms}")
        used = self.echo_train_length * self.echo_spacing_ms + (self.ti_ms or 0.0)
        if not 0 < used < self.tr_ms:
            raise ValueError(
                f"inversion time and echo train must end before tr_ms={self.tr_ms}, "
                f"got {used:.1f} ms"
            )


def draw_protocol(
    random: Generator | RandomState,
    *,
    sequences: tuple[Sequence, ...] = PROTOCOL_FAMILIES["spider"],
    field_t: float | None = None,
) -> Protocol:
    """Draw a protocol.

    Args:
        random: explicit generator of NumPy.
        sequences: equally likely; see :data:`PROTOCOL_FAMILIES`.
        field_t: field in tesla; None draws it, fitted sequences as often as SPIDER
            has them, others evenly.

    Returns:
        Protocol with TE < TR. Echo spacings are nominal: the echo of T1- and
        PD-weighted trains is the first, that of T2-weighted ones the middle one.

    Raises:
        ValueError: if there is no sequence, or it has no parameters at the field.

    Source: beside the numbers in ``protocol_table.yaml``.

    Example:
        >>> protocol = draw_protocol(RandomState(0), sequences=(Sequence.T2_TSE,))
        >>> 80 <= protocol.te_ms <= 120
        True
    """
    if not sequences:
        raise ValueError(f"sequences must name at least one of {', '.join(Sequence)}, got none")
    sequence = sequences[int(random.uniform(0, len(sequences)))]
    field_t = _draw_field(random, sequence, field_t)
    table = _table()
    if sequence in table["fitted"]:
        values = _draw_fitted(random, _read_fitted(sequence, field_t))
    else:
        ranges = table["ranges"][sequence].items()
        values = {
            name: float(random.uniform(*bounds)) for name, bounds in ranges if name != "basis"
        }
    return _complete(random, sequence, field_t, values)


@cache
def _table() -> dict[str, Any]:
    text = (resources.files(__package__) / "protocol_table.yaml").read_text("utf-8")
    table: dict[str, Any] = load_strict(text)
    return table


@cache
def _series(sequence: Sequence) -> dict[float, int]:
    """Return how many series the sequence has at each field; one each if it was not fitted."""
    fitted = _table()["fitted"].get(sequence)
    return {
        field: fitted[f"{field:g} T"]["series"] if fitted else 1
        for field in FIELDS_T
        if not fitted or f"{field:g} T" in fitted
    }


def _draw_field(
    random: Generator | RandomState, sequence: Sequence, field_t: float | None
) -> float:
    series = _series(sequence)
    if field_t is None:
        share = random.uniform(0, sum(series.values()))
        return next(iter(series)) if share < next(iter(series.values())) else max(series)
    if field_t not in series:
        raise ValueError(
            f"field_t of {sequence} must be one of {', '.join(map(str, series))}, got {field_t}"
        )
    return field_t


class _Fitted(NamedTuple):
    """Gaussian copula of a fitted group: factor of its correlation, quantiles by parameter."""

    factor: NDArray[np.float64]
    quantiles: dict[str, NDArray[np.float64]]


@cache
def _read_fitted(sequence: Sequence, field_t: float) -> _Fitted:
    group = _table()["fitted"][sequence][f"{field_t:g} T"]
    quantiles = {name: np.array(row, dtype=float) for name, row in group["quantiles"].items()}
    return _Fitted(np.linalg.cholesky(np.array(group["correlation"])), quantiles)


def _draw_fitted(random: Generator | RandomState, fitted: _Fitted) -> dict[str, float]:
    """Draw from the Gaussian copula of a fitted group."""
    scores = fitted.factor @ random.standard_normal(len(fitted.factor))
    levels = [0.5 * (1 + math.erf(score / math.sqrt(2))) for score in scores.tolist()]
    return {
        name: float(np.interp(level, QUANTILE_LEVELS, quantiles))
        for level, (name, quantiles) in zip(levels, fitted.quantiles.items(), strict=True)
    }


def _complete(
    random: Generator | RandomState, sequence: Sequence, field_t: float, values: dict[str, float]
) -> Protocol:
    """Add what follows from the drawn parameters."""
    tr_ms = values["tr_ms"]
    if sequence is Sequence.BSSFP:
        te_ms = tr_ms / 2
    elif sequence is Sequence.DIXON:
        te_ms = OPPOSED_TE_MS[field_t] * (1 if random.uniform(0, 1) < 0.5 else 2)
    else:
        te_ms = values["te_ms"]
    echoes = round(values.get("echo_train_length", 1))
    first_echo = sequence in (Sequence.T1_TSE, Sequence.PD_TSE)
    ti_ms = None
    if sequence in NULLED_TISSUE:
        t1_ms = tissue_mr(NULLED_TISSUE[sequence], field_t).t1_ms.mean
        ti_ms = _null_ti_ms(t1_ms, tr_ms) * float(random.uniform(*_TI_RELATIVE[sequence]))
    return Protocol(
        sequence=sequence,
        field_t=field_t,
        tr_ms=tr_ms,
        te_ms=te_ms,
        echo_train_length=echoes,
        echo_spacing_ms=te_ms if first_echo else 2 * te_ms / (echoes + 1),
        ti_ms=ti_ms,
        flip_deg=values.get("flip_deg"),
        driven_equilibrium=sequence is Sequence.T2_SPACE,
    )


def _null_ti_ms(t1_ms: float, tr_ms: float) -> float:
    """Return the inversion time at which ``1 - 2 exp(-TI/T1) + exp(-TR/T1)`` is 0."""
    return t1_ms * math.log(2 / (1 + math.exp(-tr_ms / t1_ms)))
