"""Priors of contrast that a user writes down: a YAML file with ranges by tissue name.

Everything is keyed by name, so that tissues that a map lacks, or codes that are
not contiguous, can never shift a prior from one tissue to another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NoReturn, get_args

import yaml

from spinesynth.anatomy.tissues import Tissue
from spinesynth.errors import ConfigError
from spinesynth.strict_yaml import load_strict
from spinesynth.suggest import did_you_mean

Distribution = Literal["uniform", "normal"]
Pair = tuple[float, float]

_KEYS = ("name", "distribution", "groups", "default", "tissues")
_ROLES = {"uniform": "(low, high)", "normal": "(mean, standard deviation)"}
_CODE = "E-CONF-010"
#: Intensities are about 1: beyond this a number is a slip, and squares of it may overflow.
_LARGEST = 1e3


@dataclass(frozen=True)
class TissuePrior:
    """What a tissue's Gaussian is drawn from.

    Args:
        mean: ``(low, high)`` or, for normal priors, ``(mean, standard
            deviation)`` of its mean intensity, each in [0, 1000]; the brightest
            tissue is about 1.
        spread: the same for the standard deviation of intensity within it.
    """

    mean: Pair
    spread: Pair


#: What tissues without a prior of their own are drawn from, always uniformly.
RANDOM_TISSUE = TissuePrior(mean=(0.0, 1.0), spread=(0.005, 0.06))


@dataclass(frozen=True)
class ContrastPrior:
    """Ranges from which the Gaussian of each tissue is drawn.

    Args:
        name: for records.
        tissues: prior by tissue.
        distribution: ``"uniform"`` between two bounds, or ``"normal"``; normal
            draws below 0 become 0.
        groups: tissues that always share one draw. Members that have priors must
            have equal ones; members without take those of their group.
        default: ``"random"`` draws all other tissues from
            :data:`RANDOM_TISSUE`; None demands a prior for each tissue.

    Raises:
        ValueError: if a pair is impossible, groups overlap or disagree, or
            tissues are missing.

    Example:
        >>> csf = TissuePrior(mean=(0.6, 1.0), spread=(0.01, 0.05))
        >>> prior = ContrastPrior("mine", {Tissue.CSF: csf}, default="random")
        >>> prior.prior_of(Tissue.CSF).mean, prior.prior_of(Tissue.FAT).mean
        ((0.6, 1.0), (0.0, 1.0))
    """

    name: str
    tissues: Mapping[Tissue, TissuePrior] = field(hash=False)
    distribution: Distribution = "uniform"
    groups: tuple[tuple[Tissue, ...], ...] = ()
    default: Literal["random"] | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn from."""
        if self.distribution not in get_args(Distribution):
            raise ValueError(
                f"distribution must be one of {get_args(Distribution)}, got {self.distribution!r}"
            )
        if self.default not in ("random", None):
            raise ValueError(f"default must be 'random' or left out, got {self.default!r}")
        for tissue, prior in self.tissues.items():
            for part in ("mean", "spread"):
                _check_pair(f"{_name(tissue)}.{part}", getattr(prior, part), self.distribution)
        object.__setattr__(self, "tissues", dict(self.tissues) | self._shared())
        missing = [_name(tissue) for tissue in Tissue if tissue not in self.tissues]
        if missing and self.default is None:
            raise ValueError(
                f"tissues must name every tissue, missing are {', '.join(missing)}; write "
                "'default: random' to draw these from U(0, 1)"
            )

    def _shared(self) -> dict[Tissue, TissuePrior]:
        """Return the one prior of each group for all its members, refusing disagreement."""
        members = [tissue for group in self.groups for tissue in group]
        if len(set(members)) < len(members):
            raise ValueError("groups must not hold a tissue twice")
        shared: dict[Tissue, TissuePrior] = {}
        for group in self.groups:
            names = ", ".join(_name(tissue) for tissue in group)
            if len(group) < 2:
                raise ValueError(f"groups must have at least two members, got [{names}]")
            known = {self.tissues[tissue] for tissue in group if tissue in self.tissues}
            if len(known) > 1:
                raise ValueError(
                    f"groups share one draw, so that the priors of [{names}] must be equal; "
                    "write it for one of them"
                )
            shared |= {tissue: prior for prior in known for tissue in group}
        return shared

    def prior_of(self, tissue: Tissue) -> TissuePrior:
        """Return the prior of a tissue."""
        return self.tissues.get(tissue, RANDOM_TISSUE)

    def distribution_of(self, tissue: Tissue) -> Distribution:
        """Return the distribution of a tissue: uniform where it has no prior of its own."""
        return self.distribution if tissue in self.tissues else "uniform"


def _name(tissue: Tissue) -> str:
    return tissue.name.lower()


def _check_pair(where: str, pair: Pair, distribution: Distribution) -> None:
    """Raise if two numbers are no range, or no mean and standard deviation, within bounds."""
    first, second = pair
    inside = 0 <= first <= _LARGEST and 0 <= second <= _LARGEST
    if not (inside and (first <= second or distribution == "normal")):
        raise ValueError(
            f"{where} must be {_ROLES[distribution]}, finite, >= 0, <= {_LARGEST:g}"
            f"{' and ordered' if distribution == 'uniform' else ''}, got {tuple(pair)}"
        )


def read_contrast_prior(path: Path | str) -> ContrastPrior:
    """Read the YAML of a contrast prior.

    The keys are ``name`` (else the file's), ``distribution``, ``groups``,
    ``default`` and ``tissues``, whose keys are names of
    :class:`~spinesynth.anatomy.tissues.Tissue` in lower case.

    Raises:
        ConfigError: if the file is missing or says anything that is not understood.
    """
    path = Path(path)
    if not path.is_file():
        raise ConfigError(f"no contrast prior at {path}; give a YAML file", code=_CODE)
    try:
        content = load_strict(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        _refuse(path, f"is no valid YAML: {' '.join(str(error).split())}")
    if not isinstance(content, dict) or not isinstance(content.get("tissues"), dict):
        _refuse(path, "must be a mapping that holds a mapping 'tissues'")
    try:
        return _parse(content, path.stem)
    except (ValueError, OverflowError) as error:  # an integer may be too large for a float
        _refuse(path, f"cannot be used: {error}")


def _refuse(path: Path, problem: str) -> NoReturn:
    raise ConfigError(f"{path} {problem}", code=_CODE)


def _parse(content: dict[Any, Any], stem: str) -> ContrastPrior:
    """Build the prior that a mapping describes."""
    for key in content:
        if key not in _KEYS:
            raise ValueError(f"unknown key {key!r}{_nearest(key, _KEYS)}")
    groups = content.get("groups") or []
    if not isinstance(groups, list) or not all(isinstance(group, list) for group in groups):
        raise ValueError(f"groups must be a list of lists of tissues, got {groups!r}")
    return ContrastPrior(
        name=str(content.get("name") or stem),
        tissues={_tissue(key): _tissue_prior(key, v) for key, v in content["tissues"].items()},
        distribution=content.get("distribution", "uniform"),
        groups=tuple(tuple(_tissue(member) for member in group) for group in groups),
        default=content.get("default"),
    )


def _tissue(name: object) -> Tissue:
    known = {_name(tissue): tissue for tissue in Tissue}
    if not isinstance(name, str) or name not in known:
        raise ValueError(f"unknown tissue {name!r}{_nearest(name, tuple(known))}")
    return known[name]


def _nearest(word: object, known: tuple[str, ...]) -> str:
    """Suggest the nearest valid word, or list them all."""
    return did_you_mean(str(word).lower(), known, otherwise=f"; known are {', '.join(known)}")


def _tissue_prior(name: object, entry: object) -> TissuePrior:
    if not isinstance(entry, dict) or set(entry) != {"mean", "spread"}:
        raise ValueError(f"{name} must be written {{mean: [a, b], spread: [a, b]}}, got {entry!r}")
    return TissuePrior(
        mean=_pair(f"{name}.mean", entry["mean"]), spread=_pair(f"{name}.spread", entry["spread"])
    )


def _pair(where: str, values: object) -> Pair:
    if isinstance(values, list) and len(values) == 2:
        first, second = values
        # True is an int to Python
        if type(first) in (int, float) and type(second) in (int, float):
            return float(first), float(second)
    raise ValueError(f"{where} must be two numbers [a, b], got {values!r}")


def write_contrast_prior(prior: ContrastPrior, path: Path | str) -> None:
    """Write a prior as YAML that :func:`read_contrast_prior` reads back as it was.

    Args:
        prior: what to write.
        path: file to write, replaced if it exists.

    Raises:
        OSError: if it cannot be written.
    """
    content: dict[str, Any] = {"name": prior.name, "distribution": prior.distribution}
    if prior.groups:
        content["groups"] = [[_name(tissue) for tissue in group] for group in prior.groups]
    if prior.default is not None:
        content["default"] = prior.default
    content["tissues"] = {
        _name(tissue): {"mean": list(entry.mean), "spread": list(entry.spread)}
        for tissue, entry in sorted(prior.tissues.items())
    }
    text = yaml.safe_dump(content, sort_keys=False, default_flow_style=None)
    Path(path).write_text(text, encoding="utf-8")
