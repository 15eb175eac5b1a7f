"""Priors that a user writes: read as they stand, or refused with what mends them."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from spinesynth.anatomy.contrast_prior import (
    RANDOM_TISSUE,
    ContrastPrior,
    TissuePrior,
    read_contrast_prior,
    write_contrast_prior,
)
from spinesynth.anatomy.tissues import Tissue
from spinesynth.errors import ConfigError

_ONE = TissuePrior(mean=(0.25, 0.5), spread=(0.01, 0.05))
_GOOD = """\
name: my_scans
distribution: uniform
groups: [[marrow_body, marrow_posterior, marrow_sacrum]]
default: random
tissues:
  csf: {mean: [0.6, 1.0], spread: [0.01, 0.05]}
  marrow_body: {mean: [3e-1, 0.5], spread: [0, 0.125]}
"""


def _write(folder: Path, text: str) -> Path:
    path = folder / "scans.yaml"
    path.write_text(text)
    return path


def test_file_is_read_as_it_stands(tmp_path: Path) -> None:
    prior = read_contrast_prior(_write(tmp_path, _GOOD))

    assert (prior.name, prior.distribution, prior.default) == ("my_scans", "uniform", "random")
    assert prior.prior_of(Tissue.CSF) == TissuePrior(mean=(0.6, 1.0), spread=(0.01, 0.05))
    assert prior.prior_of(Tissue.MARROW_BODY) == TissuePrior(mean=(0.3, 0.5), spread=(0.0, 0.125))
    assert prior.prior_of(Tissue.FAT) == RANDOM_TISSUE


def test_members_of_a_group_take_its_prior(tmp_path: Path) -> None:
    prior = read_contrast_prior(_write(tmp_path, _GOOD))

    body = prior.prior_of(Tissue.MARROW_BODY)
    assert prior.prior_of(Tissue.MARROW_POSTERIOR) == body
    assert prior.prior_of(Tissue.MARROW_SACRUM) == body


def test_group_without_any_prior_stays_random() -> None:
    prior = ContrastPrior("p", {}, groups=((Tissue.FAT, Tissue.SKIN),), default="random")

    assert prior.prior_of(Tissue.SKIN) == RANDOM_TISSUE


def test_name_is_that_of_the_file_if_none_is_written(tmp_path: Path) -> None:
    path = _write(tmp_path, _GOOD.replace("name: my_scans\n", ""))

    assert read_contrast_prior(path).name == "scans"


def test_tissues_beside_a_normal_prior_are_uniform() -> None:
    prior = ContrastPrior("p", {Tissue.FAT: _ONE}, distribution="normal", default="random")

    assert prior.distribution_of(Tissue.FAT) == "normal"
    assert prior.distribution_of(Tissue.CSF) == "uniform"


@pytest.mark.parametrize("distribution", ["uniform", "normal"])
@pytest.mark.parametrize("complete", [True, False])
def test_writing_and_reading_gives_the_same(
    tmp_path: Path, distribution: str, complete: bool
) -> None:
    prior = ContrastPrior(
        "round trip: #1",
        dict.fromkeys(Tissue if complete else [Tissue.CORD, Tissue.FAT], _ONE),
        distribution=distribution,  # type: ignore[arg-type]  # a parameter
        groups=((Tissue.FAT, Tissue.CORD),) if complete else (),
        default=None if complete else "random",
    )

    write_contrast_prior(prior, tmp_path / "prior.yaml")

    assert read_contrast_prior(tmp_path / "prior.yaml") == prior


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("csf:", "cfs:", r"unknown tissue 'cfs' \(did you mean 'csf'\?\)"),
        ("csf:", "13:", "unknown tissue 13; known are air, fat"),
        ("[[marrow_body,", "[[marow_body,", r"'marow_body' \(did you mean 'marrow_body'"),
        ("default: random\n", "", "missing are air, fat, .*; write 'default: random'"),
        ("default: random", "default: zero", "default must be 'random' or left out, got 'zero'"),
        ("default:", "defaults:", r"unknown key 'defaults' \(did you mean 'default'\?\)"),
        ("uniform", "unifrom", r"distribution must be one of \('uniform', 'normal'\)"),
        ("[0.6, 1.0]", "[1.0, 0.6]", r"csf.mean must be \(low, high\).* got \(1.0, 0.6\)"),
        ("[0.6, 1.0]", "[.nan, 1.0]", "csf.mean must be .*finite.* got"),
        ("[0.6, 1.0]", "[0, .inf]", "csf.mean must be .*finite.* got"),
        ("[0.01, 0.05]", "[-0.01, 0.05]", "csf.spread must be .*>= 0.* got"),
        ("[0.6, 1.0]", "[0, 1e39]", "csf.mean must be .*<= 1000 .* got"),
        ("[0.01, 0.05]", "[0, 1001]", "csf.spread must be .*<= 1000 .* got"),
        ("[0.6, 1.0]", "[0.6]", r"csf.mean must be two numbers \[a, b\], got \[0.6\]"),
        ("[0.6, 1.0]", "[no, yes]", "csf.mean must be two numbers"),
        ("[0.6, 1.0]", "['0.6', 1.0]", "csf.mean must be two numbers"),
        ("[0.6, 1.0]", f"[0, 1{'0' * 400}]", "cannot be used: int too large"),
        (", spread: [0.01, 0.05]}", "}", "csf must be written {mean"),
        ("mean: [0.6", "means: [0.6", "csf must be written {mean"),
        ("  marrow_body:", "  csf:", "key .*csf.* stands twice"),
        ("marrow_sacrum]]", "marrow_body]]", "groups must not hold a tissue twice"),
        ("marrow_sacrum]]", "csf]]", r"priors of \[marrow_body, marrow_posterior, csf\] must be"),
        ("marrow_sacrum]]", "marrow_sacrum], [fat]]", r"at least two members, got \[fat\]"),
        ("[[marrow_body, marrow_posterior, marrow_sacrum]]", "[fat]", "must be a list of lists"),
        ("tissues:\n", "tissues: 3\nx:\n", "must be a mapping that holds a mapping 'tissues'"),
        (_GOOD, "- a\n", "must be a mapping"),
        (_GOOD, "a: [", "no valid YAML"),
        (_GOOD, "[" * 5000, "no valid YAML: nested deeper"),
        (_GOOD, "? [a]\n: 1\n", "no valid YAML: a key must be a plain value"),
        (_GOOD, "a: !!python/name:os.system", "no valid YAML"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in _GOOD
    path = _write(tmp_path, _GOOD.replace(old, new))

    with pytest.raises(ConfigError, match=said) as caught:
        read_contrast_prior(path)

    assert caught.value.code == "E-CONF-010"
    assert str(path) in str(caught.value)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no contrast prior at .*none\.yaml"):
        read_contrast_prior(tmp_path / "none.yaml")


def test_normal_pairs_need_no_order() -> None:
    narrow = TissuePrior(mean=(0.8, 0.1), spread=(0.05, 0.0))

    prior = ContrastPrior("p", {Tissue.FAT: narrow}, distribution="normal", default="random")

    assert prior.prior_of(Tissue.FAT) == narrow


@pytest.mark.parametrize(
    "pair", [(-0.1, 0.1), (0.1, -0.1), (math.nan, 0.1), (0.1, math.inf), (1e4, 0)]
)
def test_impossible_normal_pairs_are_refused(pair: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match=r"fat.mean must be \(mean, standard deviation\)"):
        ContrastPrior(
            "p",
            {Tissue.FAT: TissuePrior(mean=pair, spread=(0.0, 0.1))},
            distribution="normal",
            default="random",
        )


def test_prior_does_not_follow_changes_of_the_mapping_it_was_made_of() -> None:
    tissues = dict.fromkeys(Tissue, _ONE)
    prior = ContrastPrior("p", tissues)

    tissues[Tissue.FAT] = TissuePrior(mean=(0.0, 0.0), spread=(0.0, 0.0))

    assert prior.prior_of(Tissue.FAT) == _ONE
