"""A chart for choosing a protocol: contrast over TR and TE, and a phantom imaged along a path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from spinesynth.anatomy.phantom import draw_phantom, render_phantom
from spinesynth.anatomy.phantom.parameters import Placement
from spinesynth.anatomy.protocols import Sequence as PulseSequence
from spinesynth.anatomy.protocols import draw_protocol
from spinesynth.anatomy.relaxation import tissue_mr
from spinesynth.anatomy.tissues import Tissue
from spinesynth.errors import ConfigError, OutputError
from spinesynth.io.tables import write_csv
from spinesynth.io.write import atomic_write
from spinesynth.kernels.mixture import label_lookup, paint_mixture
from spinesynth.kernels.signal_equations import spin_echo
from spinesynth.seeding import derive_seed, derive_seed32, make_generator
from spinesynth.suggest import did_you_mean
from spinesynth.viz import (
    ContrastChart,
    Plane,
    Range,
    Stop,
    draw_contrast,
    encode_palette_png,
)

#: Pairs that a reader of lumbar MRI tells apart, the first minus the second.
DEFAULT_PAIRS = (("nucleus", "marrow_body"), ("csf", "cord"), ("marrow_body", "muscle"))

_TR_RANGE_MS, _TE_RANGE_MS = (200.0, 6000.0), (5.0, 150.0)
_TIMES = (161, 146)  # of TR, even on a logarithmic axis, and of TE
#: Clouds: T1- and T2-weighted turbo spin echo of SPIDER's scanners.
_CLOUDS = {"T1 TSE (SPIDER)": PulseSequence.T1_TSE, "T2 TSE (SPIDER)": PulseSequence.T2_TSE}
_PROTOCOLS = 100  # of a cloud
#: Ranges of the thesis on SynthMRI, as in ``protocol_table.yaml``.
_THESIS = Range("thesis: TR 200–3000, TE 5–100 ms", tr_ms=(200.0, 3000.0), te_ms=(5.0, 100.0))
#: From T1 over PD to T2 weighting: name, TR and TE in ms, nominal;
#: the ends lie where SPIDER's scanners work.
_PATH = (
    ("T1-weighted", 600.0, 10.0),
    ("", 1400.0, 10.0),
    ("PD-weighted", 3500.0, 10.0),
    ("", 3500.0, 40.0),
    ("", 3500.0, 70.0),
    ("T2-weighted", 3500.0, 100.0),
)
_GRID: dict[str, Any] = {"shape": (1, 170, 200), "spacing_mm": (1.0, 1.0, 1.0)}
#: The body of L3, mostly, at the centre of an upright field of view.
_PLACEMENT = Placement(centre_level=2.5, offset_mm=(0.0, -10.0, 0.0), rotation_deg=(0.0, 0.0, 0.0))
_NOISE = 0.012  # of the brightest tissue; nominal
_PARTIAL_VOLUME_VOX = 1.2  # softens borders as a scan does; nominal
_GREYS = 63  # few enough that colours remain for the planes
_DPI = 100  # letters of 8 points are read without zooming in

Array = npt.NDArray[np.float64]


def tissue_signal(
    tissues: Sequence[Tissue], *, field_t: float, tr_ms: Array, te_ms: Array
) -> Array:
    """Return the spin-echo signal of tissues with their mean MR properties.

    Args:
        tissues: T of them.
        field_t: field strength in tesla, 1.5 or 3.0.
        tr_ms: repetition times of any shape ``S`` that broadcasts with ``te_ms``.
        te_ms: echo times, shorter than TR.

    Returns:
        ``(T, *S)`` in units of the proton density of water.

    Raises:
        ValueError: if there are no numbers for the field, or a time is out of range.

    Source: :func:`~spinesynth.kernels.signal_equations.spin_echo`. T2 is the one that a
        turbo spin echo shows; what its train takes from recovery, less than its length
        of TR, is left out, since it differs between scanners.

    Example:
        >>> times = {"tr_ms": np.array(600.0), "te_ms": np.array(10.0)}
        >>> fat, csf = tissue_signal([Tissue.FAT, Tissue.CSF], field_t=1.5, **times)
        >>> bool(fat > csf)
        True
    """
    means = [tissue_mr(tissue, field_t) for tissue in tissues]
    rows = [[mr.pd.mean, mr.t1_ms.mean, mr.t2_ms.mean] for mr in means]
    trailing = (1,) * np.broadcast(tr_ms, te_ms).ndim
    density, t1_ms, t2_ms = torch.tensor(rows, dtype=torch.float64).T.reshape(3, -1, *trailing)
    times = {"tr_ms": torch.as_tensor(tr_ms), "te_ms": torch.as_tensor(te_ms)}
    return np.asarray(spin_echo(density, t1_ms, t2_ms, **times))


def tissue_contrast(
    first: Tissue, second: Tissue, *, field_t: float, tr_ms: Array, te_ms: Array
) -> Array:
    """Return the Michelson contrast ``(S1 - S2) / (S1 + S2)`` of two tissues in a spin echo.

    Args:
        first: tissue that is brighter where contrast is positive.
        second: the other; at least one of them has protons.
        field_t: field strength in tesla, 1.5 or 3.0.
        tr_ms: repetition times of any shape that broadcasts with ``te_ms``.
        te_ms: echo times, shorter than TR.

    Returns:
        Contrast in [-1, 1] of the broadcast shape.

    Raises:
        ValueError: as :func:`tissue_signal`.

    Source: Michelson 1927, Studies in Optics (visibility of fringes).

    Example:
        >>> times = {"tr_ms": np.array(600.0), "te_ms": np.array(10.0)}
        >>> bool(tissue_contrast(Tissue.FAT, Tissue.CSF, field_t=1.5, **times) > 0.5)
        True
    """
    one, other = tissue_signal([first, second], field_t=field_t, tr_ms=tr_ms, te_ms=te_ms)
    return np.asarray((one - other) / (one + other))


def draw_contrast_chart(
    path: Path | str,
    *,
    pairs: Sequence[tuple[str, str]] = DEFAULT_PAIRS,
    field_t: float = 1.5,
    seed: int = 42,
    table: Path | str | None = None,
) -> list[Path]:
    """Draw tissue contrast over TR and TE, and a phantom imaged along a path in the plane.

    Args:
        path: PNG file.
        pairs: names of two tissues each, members of
            :class:`~spinesynth.anatomy.tissues.Tissue` in any case; at least one.
        field_t: field strength in tesla, 1.5 or 3.0.
        seed: of the phantom, the drawn protocols and the noise.
        table: CSV file for the signal of every tissue at each image of the path, with
            columns tissue, field_t, tr_ms, te_ms and signal (water = 1); or None.

    Returns:
        What was written.

    Raises:
        ConfigError: if there is no such tissue, it gives no signal, or stands twice in a pair.
        OutputError: if a file name has another ending or cannot be written.
        ValueError: if there is no pair, or there are no numbers for the field.
    """
    path, table = Path(path), None if table is None else Path(table)
    _check_suffix(path, ".png")
    if table is not None:
        _check_suffix(table, ".csv")
    tissues = [_tissue_pair(*pair) for pair in pairs]
    signals = tissue_signal(list(Tissue), field_t=field_t, tr_ms=_path_ms(1), te_ms=_path_ms(2))
    chart = _chart(tissues, signals, field_t=field_t, seed=seed)
    content = encode_palette_png(draw_contrast(chart), dpi=_DPI)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)
    if table is None:
        return [path]
    table.parent.mkdir(parents=True, exist_ok=True)
    write_csv(table, _signal_table(signals, field_t), kind="signals")
    return [path, table]


def _check_suffix(path: Path, suffix: str) -> None:
    if path.suffix.lower() != suffix:
        raise OutputError(
            f"{path}: file type must be {suffix}, got {path.suffix!r}; end its name in {suffix}",
            code="E-OUT-003",
        )


def _tissue_pair(first: str, second: str) -> tuple[Tissue, Tissue]:
    pair = (_tissue(first), _tissue(second))
    if pair[0] == pair[1]:
        raise ConfigError(
            f"tissues of a pair must differ, got {first!r} and {second!r}; name another",
            code="E-CONF-012",
        )
    return pair


def _tissue(name: str) -> Tissue:
    """Return the tissue of a name; those without protons have no contrast to speak of."""
    known = [t.name.lower() for t in Tissue if tissue_mr(t, 1.5).pd.mean > 0]
    if name.lower() not in known:
        problem = "gives no signal" if name.upper() in Tissue.__members__ else "is not a tissue"
        hint = did_you_mean(name.lower(), known, otherwise=f"; there are {', '.join(known)}")
        raise ConfigError(f"{name!r} {problem}{hint}", code="E-CONF-012")
    return Tissue[name.upper()]


def _title(tissue: Tissue) -> str:
    return "CSF" if tissue is Tissue.CSF else tissue.name.lower().replace("_", " ")


def _path_ms(column: int) -> Array:
    return np.array([stop[column] for stop in _PATH])


def _chart(
    pairs: Sequence[tuple[Tissue, Tissue]], signals: Array, *, field_t: float, seed: int
) -> ContrastChart:
    """Compute all that the chart shows."""
    tr_ms, te_ms = np.geomspace(*_TR_RANGE_MS, _TIMES[0]), np.linspace(*_TE_RANGE_MS, _TIMES[1])
    plane_ms = {"tr_ms": tr_ms[None, :], "te_ms": te_ms[:, None]}
    images = _paint(signals, seed)
    return ContrastChart(
        title=f"Contrast in a (turbo) spin echo at {field_t:g} T",
        strip_title="A phantom imaged along the path, each image from its own black to white",
        tr_ms=tr_ms,
        te_ms=te_ms,
        planes=[
            Plane(
                _title(first),
                _title(second),
                tissue_contrast(first, second, field_t=field_t, **plane_ms),
            )
            for first, second in pairs
        ],
        clouds={
            name: _draw_times(sequence, field_t=field_t, seed=seed)
            for name, sequence in _CLOUDS.items()
        },
        box=_THESIS,
        stops=[Stop(*stop, image.numpy()) for stop, image in zip(_PATH, images, strict=True)],
        spacing_mm=_GRID["spacing_mm"][1:],
    )


def _draw_times(sequence: PulseSequence, *, field_t: float, seed: int) -> Array:
    """Return TR and TE ``(N, 2)`` of protocols as scanners used them."""
    random = np.random.RandomState(derive_seed32(seed, "contrast chart", sequence))
    drawn = [
        draw_protocol(random, sequences=(sequence,), field_t=field_t) for _ in range(_PROTOCOLS)
    ]
    return np.array([(protocol.tr_ms, protocol.te_ms) for protocol in drawn])


def _paint(signals: Array, seed: int) -> Tensor:
    """Image the middle slice of a phantom, ``(N, J, K)``, from signals ``(T, N)``."""
    phantom = replace(draw_phantom(derive_seed(seed, "contrast chart")), placement=_PLACEMENT)
    tissue = render_phantom(phantom, **_GRID).tissue
    means = torch.as_tensor(signals.T, dtype=torch.float32)
    means = means / means.amax(1, keepdim=True)
    images = paint_mixture(
        tissue.expand(len(means), 1, *tissue.shape[1:]),
        means,
        spreads=torch.full_like(means, _NOISE),
        generator=make_generator(seed, "contrast chart", "noise"),
        lookup=label_lookup({int(tissue): place for place, tissue in enumerate(Tissue)}),
        partial_volume_vox=_PARTIAL_VOLUME_VOX,
    )
    return (images[:, 0].clamp(0, 1) * _GREYS).round() / _GREYS


def _signal_table(signals: Array, field_t: float) -> pd.DataFrame:
    """Return one row for each image and tissue."""
    return pd.DataFrame(
        [
            (tissue.name.lower(), field_t, tr_ms, te_ms, signal)
            for (_, tr_ms, te_ms), column in zip(_PATH, signals.T, strict=True)
            for tissue, signal in zip(Tissue, column, strict=True)
        ],
        columns=["tissue", "field_t", "tr_ms", "te_ms", "signal"],
    )
