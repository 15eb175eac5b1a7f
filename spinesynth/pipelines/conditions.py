"""The conditions of the robustness suite: one table of what is done, how much, and why so.

Severity 0 is the untouched scan; 1 to 5 are the levels of the table :data:`CONDITIONS`.
What is drawn depends on seed, case id and condition alone: the severities of one condition
share direction, curve, field and order, and only the level grows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from spinesynth.errors import ConfigError
from spinesynth.io.load_case import LoadedCase
from spinesynth.pipelines import degradations
from spinesynth.pipelines.scan import Scan, change_case, open_scan
from spinesynth.seeding import make_generator
from spinesynth.suggest import did_you_mean

#: Name of the untouched scan in tables; its severity is 0.
ORIGINAL = "original"
SEVERITIES = (1, 2, 3, 4, 5)
NOMINAL = "nominal"


def _never(scan: Scan, level: float) -> str:
    return ""


def _level(scan: Scan, level: float) -> float:
    return level


@dataclass(frozen=True)
class Condition:
    """Describe one way in which scans get worse.

    Args:
        what: in words, for tables and pictures.
        unit: of the levels.
        levels: of the severities 1 to 5.
        source: of the levels, or ``nominal``.
        degrade: takes scan, level and generator.
        reached: what a level comes to on a scan, by default the level itself.
        reached_unit: of that, by default the unit.
        obstacle: why a scan cannot be degraded so, empty if it can.
        keep_padding: whether padding around the scan stays as it was.
        revision: rises whenever the same draws give another image, so that kept scores of the
            former one are not taken for those of the new.
    """

    what: str
    unit: str
    levels: tuple[float, float, float, float, float]
    source: str
    degrade: Callable[[Scan, float, torch.Generator], Scan]
    reached: Callable[[Scan, float], float] = _level
    reached_unit: str = ""
    obstacle: Callable[[Scan, float], str] = _never
    keep_padding: bool = True
    revision: int = 1

    def level(self, severity: int) -> float:
        """Return the level of a severity from 1 to 5."""
        return self.levels[severity - 1]


def _pixel_mm(scan: Scan, factor: float) -> float:
    return factor * (scan.spacing_mm[1] + scan.spacing_mm[2]) / 2


def _share_missing(scan: Scan, share: float) -> float:
    return degradations.missing_count(len(scan.image), share) / len(scan.image)


def _few_pixels(scan: Scan, factor: float) -> str:
    least = min(scan.image.shape[1:])
    return "" if round(least / factor) >= 2 else f"only {least} pixels in the plane of the slices"


def _small_enough(scan: Scan, pixel_mm: float) -> str:
    sizes_mm = scan.spacing_mm[1:]
    if min(sizes_mm) >= pixel_mm:
        return f"its pixels are {min(sizes_mm):.2f} mm wide already"
    widths_mm = (n * size for n, size in zip(scan.image.shape[1:], sizes_mm, strict=True))
    enough = min(round(width / pixel_mm) for width in widths_mm) >= 2
    return "" if enough else "less than two pixels of that size fit in"


def _slice_mm(scan: Scan, factor: float) -> float:
    return factor * scan.spacing_mm[0]


def _slices_enough(scan: Scan, factor: float) -> str:
    slices = len(scan.image)
    if slices == 1:
        return "a single slice: nothing lies through the plane"
    return "" if round(slices / factor) >= 2 else f"only {slices} slices"


def _thin_enough(scan: Scan, thickness_mm: float) -> str:
    slices, own_mm = len(scan.image), scan.spacing_mm[0]
    if slices == 1:
        return "a single slice: nothing lies through the plane"
    if own_mm >= thickness_mm:
        return f"its slices lie {own_mm:.2f} mm apart already"
    enough = round(slices * own_mm / thickness_mm) >= 2
    return "" if enough else "less than two slices of that thickness fit in"


def _slices_left(scan: Scan, share: float) -> str:
    slices = len(scan.image)
    if slices == 1:
        return "a single slice: none can be missing"
    left = slices - degradations.missing_count(slices, share)
    return "" if left >= 1 else "no slice would be left"


def _labelled(scan: Scan, level: float) -> str:
    return "" if bool((scan.structure > 0).any()) else "nothing is labelled whose signal counts"


def _fat_known(scan: Scan, level: float) -> str:
    known = bool(degradations.marrow_fat(scan.structure).any())
    return "" if known else "no bone is labelled, whose marrow alone is known to hold fat"


#: Name -> condition, in the order of tables and pictures.
CONDITIONS: dict[str, Condition] = {
    "gamma": Condition(
        "gamma curve, brighter or darker", "|ln gamma|", (0.2, 0.4, 0.7, 1.0, 1.4),
        "severity 2 is the most that RandGammaCurve draws; the others are nominal",
        degradations.bend_gamma,
    ),
    "inversion": Condition(
        "brightest share of the grey scale mirrored; 1 is the negative", "share",
        (0.2, 0.4, 0.6, 0.8, 1.0), NOMINAL, degradations.turn_over,
    ),
    "monotone_remap": Condition(
        "random rising curve", "weight", (0.2, 0.4, 0.6, 0.8, 1.0), NOMINAL,
        degradations.remap_in_order,
    ),
    "random_remap": Condition(
        "random curve that rises and falls", "weight", (0.2, 0.4, 0.6, 0.8, 1.0), NOMINAL,
        degradations.remap_freely,
    ),
    "in_plane_resolution": Condition(
        "larger pixels, Gaussian profile", "x", (1.5, 2.0, 2.5, 3.0, 4.0), NOMINAL,
        degradations.coarsen_in_plane, reached=_pixel_mm, reached_unit="mm", obstacle=_few_pixels,
    ),
    "in_plane_resolution_mm": Condition(
        "square pixels of a size, Gaussian profile", "mm", (1.0, 2.0, 4.0, 6.0, 8.0), NOMINAL,
        degradations.coarsen_to_pixel, obstacle=_small_enough,
    ),
    "through_plane_resolution": Condition(
        "thicker slices, Gaussian profile", "mm", (2.0, 3.0, 4.0, 6.0, 8.0),
        NOMINAL,
        degradations.thicken_slices, obstacle=_thin_enough,
    ),
    "through_plane_resolution_factor": Condition(
        "slices many times as thick, Gaussian profile", "x", (1.5, 2.0, 2.5, 3.0, 4.0), NOMINAL,
        degradations.thicken_slices_by, reached=_slice_mm, reached_unit="mm",
        obstacle=_slices_enough,
    ),
    "bias": Condition(
        "smooth shading", "spread of ln gain", (0.1, 0.2, 0.3, 0.5, 0.7),
        "severity 4 is the most that RandBiasGain draws (Billot et al. 2023, Medical Image "
        "Analysis 86:102789); the others are nominal",
        degradations.shade,
    ),
    "noise": Condition(
        "white Rician noise", "% of the 99.5th percentile", (2.0, 5.0, 10.0, 15.0, 20.0),
        NOMINAL, degradations.add_noise,
    ),
    "low_snr": Condition(
        "interpolated Rician noise, by the SNR of what is labelled", "SNR",
        (20.0, 10.0, 6.0, 4.0, 3.0),
        "below an SNR of 3 Rician noise is no longer near Gaussian (Gudbjartsson and Patz 1995, "
        "MRM 34:910); the others are nominal",
        degradations.lower_snr, obstacle=_labelled,
    ),
    "motion": Condition(
        "patient moves and turns four times", "mm",
        (1.0, 2.0, 4.0, 8.0, 12.0), NOMINAL, degradations.move,
    ),
    "ghosting": Condition(
        "periodic change of signal along one axis", "amplitude", (0.1, 0.2, 0.4, 0.6, 0.8),
        NOMINAL, degradations.ghost,
    ),
    "gibbs": Condition(
        "outer k-space not acquired, no window", "share kept", (0.8, 0.65, 0.5, 0.4, 0.3),
        NOMINAL, degradations.ring,
    ),
    "chemical_shift": Condition(
        "fat of the labelled bone shifted along one axis", "voxels", (1.0, 1.5, 2.0, 3.0, 4.0),
        "2.2 voxels are 1.5 T at 100 Hz a pixel (Hood et al. 1999, RadioGraphics 19:357); "
        "the levels are nominal",
        degradations.shift_marrow, obstacle=_fat_known,
    ),
    "field_of_view": Condition(
        "empty outside a window; so is the reference", "share of each in-plane axis",
        (0.9, 0.8, 0.7, 0.6, 0.5), NOMINAL, degradations.crop_field,
    ),
    "rotation": Condition(
        "image and reference turned in the plane of the slices", "degrees",
        (5.0, 10.0, 15.0, 20.0, 30.0),
        NOMINAL,
        degradations.rotate, keep_padding=False,
    ),
    "missing_slices": Condition(
        "slices without signal; the reference stays", "share", (0.05, 0.1, 0.2, 0.3, 0.4),
        NOMINAL, degradations.drop_slices, reached=_share_missing, obstacle=_slices_left,
    ),
    "clipping": Condition(
        "grey scale cut at both ends", "% of voxels at each end", (1.0, 3.0, 6.0, 10.0, 20.0),
        NOMINAL, degradations.clip,
    ),
}  # fmt: skip


def check_conditions(names: Sequence[str]) -> tuple[str, ...]:
    """Return names in the order of the table, each once.

    Raises:
        ConfigError: if one is not in the table.

    Example:
        >>> check_conditions(["rotation", "noise"])
        ('noise', 'rotation')
    """
    for name in names:
        if name not in CONDITIONS:
            raise ConfigError(
                f"condition must be one of {', '.join(CONDITIONS)}, got {name!r}"
                f"{did_you_mean(name, CONDITIONS)}",
                code="E-CONF-070",
            )
    return tuple(name for name in CONDITIONS if name in names)


def check_severities(severities: Sequence[int]) -> tuple[int, ...]:
    """Return severities in rising order, each once.

    Raises:
        ConfigError: if there is none, or one is not among 1 to 5.
    """
    if not severities or not set(severities) <= set(SEVERITIES):
        raise ConfigError(
            f"severities must be one or more of {SEVERITIES}, got {list(severities)}; severity 0, "
            "the untouched scan, is always scored",
            code="E-CONF-070",
        )
    return tuple(sorted(set(severities)))


def parse_severities(text: str) -> tuple[int, ...]:
    """Return the severities of a list with commas between.

    Raises:
        ConfigError: if it is no list of severities.

    Example:
        >>> parse_severities("5, 1")
        (1, 5)
    """
    words = [word.strip() for word in text.split(",")]
    return check_severities([int(w) if w.isascii() and w.isdigit() else -1 for w in words])


def obstacle(loaded: LoadedCase, name: str, severity: int) -> str:
    """Return why a case cannot be degraded by a condition, empty if it can."""
    if severity == 0:
        return ""
    condition = CONDITIONS[name]
    return condition.obstacle(open_scan(loaded), condition.level(severity))


def level_reached(loaded: LoadedCase, name: str, severity: int) -> tuple[float, str]:
    """Return what a severity from 1 to 5 comes to on a case, and its unit."""
    condition = CONDITIONS[name]
    reached = condition.reached(open_scan(loaded), condition.level(severity))
    return reached, condition.reached_unit or condition.unit


def degrade_case(loaded: LoadedCase, name: str, severity: int, *, seed: int = 0) -> LoadedCase:
    """Return a case as a condition leaves it, on the grid that it had.

    Args:
        loaded: with image and reference.
        name: key of :data:`CONDITIONS`.
        severity: 0 to 5; 0 returns the case itself.
        seed: what is drawn follows from it, the case id and name.

    Raises:
        ValueError: if the condition cannot be applied, see :func:`obstacle`.

    Example:
        >>> from spinesynth.pipelines.conditions import CONDITIONS
        >>> CONDITIONS["rotation"].level(2), CONDITIONS["rotation"].unit
        (10.0, 'degrees')
    """
    if severity == 0:
        return loaded
    reason = obstacle(loaded, name, severity)
    if reason:
        raise ValueError(f"{name} cannot be applied to case {loaded.case.case_id}: {reason}")
    condition = CONDITIONS[name]
    generator = make_generator(seed, "robustness", loaded.case.case_id, name)

    def change(scan: Scan) -> Scan:
        return condition.degrade(scan, condition.level(severity), generator)

    return change_case(loaded, change, keep_padding=condition.keep_padding)
