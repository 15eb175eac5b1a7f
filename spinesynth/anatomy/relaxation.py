"""MR properties of each tissue at 1.5 T and 3 T, each number with its source and certainty.

The numbers stand in ``relaxation_table.yaml``, with what each means. They obey
``T2* <= T2 <= T1``. Draws of one patient: :mod:`spinesynth.anatomy.relaxation_draw`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib import resources
from typing import Any, Literal

from spinesynth.anatomy.tissues import Tissue
from spinesynth.strict_yaml import load_strict

Certainty = Literal["checked", "recalled", "nominal"]

#: Field strengths with numbers, in tesla.
FIELDS_T: tuple[float, ...] = (1.5, 3.0)

_FIELD_KEYS = {1.5: "1.5 T", 3.0: "3 T"}


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Distribution of a property over patients.

    Args:
        mean: mean over patients.
        sd: standard deviation between patients, of the mean over the tissue.
        source: where the mean comes from.
        certainty: of the mean: ``checked`` (read in a paper's text, or computed
            from what was read), ``recalled`` (quoted, text not at hand) or
            ``nominal`` (chosen).
    """

    mean: float
    sd: float
    source: str
    certainty: Certainty


@dataclass(frozen=True, kw_only=True)
class TissueMR:
    """MR properties of a tissue at one field.

    Args:
        pd: proton density, water = 1.
        t1_ms: longitudinal relaxation time.
        t2_ms: transverse relaxation time as a turbo spin echo train shows it.
        t2_star_ms: decay time of a gradient echo.
        fat_fraction: proton density fat fraction in [0, 1].
    """

    pd: Spread
    t1_ms: Spread
    t2_ms: Spread
    t2_star_ms: Spread
    fat_fraction: Spread


#: Names of the properties, in the order of :class:`TissueMR`.
PROPERTIES: tuple[str, ...] = tuple(field.name for field in fields(TissueMR))


def tissue_mr(tissue: Tissue, field_t: float) -> TissueMR:
    """Return the MR properties of a tissue.

    Args:
        tissue: tissue by its signal.
        field_t: field strength in tesla, 1.5 or 3.0.

    Raises:
        ValueError: if there are no numbers for the field.

    Source: beside each number in ``relaxation_table.yaml``.

    Example:
        >>> csf = tissue_mr(Tissue.CSF, 1.5)
        >>> csf.t1_ms.mean, csf.t1_ms.certainty
        (4273.4, 'checked')
    """
    if field_t not in _FIELD_KEYS:
        raise ValueError(f"field_t must be one of {', '.join(map(str, FIELDS_T))}, got {field_t}")
    return _table()[tissue, field_t]


@cache
def _table() -> dict[tuple[Tissue, float], TissueMR]:
    text = (resources.files(__package__) / "relaxation_table.yaml").read_text("utf-8")
    content = load_strict(text)
    return {
        (tissue, field_t): _read_tissue(content, tissue, field_t)
        for tissue in Tissue
        for field_t in FIELDS_T
    }


def _read_tissue(content: Mapping[str, Any], tissue: Tissue, field_t: float) -> TissueMR:
    own = content["tissues"][tissue.name]
    entries = {**content["tissues"].get(own.get("as"), {}), **own}
    spreads = {}
    for name in PROPERTIES:
        entry = entries[name]
        mean, sd, certainty, key = entry[_FIELD_KEYS[field_t]] if isinstance(entry, dict) else entry
        source = content["sources"][key]
        spreads[name] = Spread(mean=mean, sd=sd, source=source, certainty=certainty)
    return TissueMR(**spreads)
