"""Priors estimated from scans: known intensities come back, and nothing else is claimed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spinesynth import cli
from spinesynth.anatomy.contrast_prior import RANDOM_TISSUE, read_contrast_prior
from spinesynth.anatomy.tissues import Tissue
from spinesynth.errors import InputError
from spinesynth.pipelines.estimate_priors import fit_contrast_prior
from spinesynth.transforms import RandTissueContrast
from tests.fabricate import SHAPE, parts_codes, write_manifest, write_nifti

_SPREAD = 20.0
_TOP = 1000.0
#: Means of the codes of scheme ``parts``: background, body, disc, canal, posterior elements.
_MEANS = (300.0, 500.0, 200.0, 800.0, 400.0)


def _write_scans(folder: Path, *, shifts: tuple[float, ...]) -> Path:
    """Write scans with known Gaussians, whose range is [0, 1000], over padding of -1000.

    Args:
        folder: to fill.
        shifts: of the body's mean, one for each scan.
    """
    codes, rows = parts_codes(), []
    for number, shift in enumerate(shifts):
        random = np.random.default_rng(number)
        means = np.array(_MEANS)
        means[1] += shift
        image = random.normal(means[codes], _SPREAD)
        # 2 % of all voxels at either end fix the percentiles of the normalisation at 0 and 1000
        ends = random.permutation(np.flatnonzero(codes == 0))[: codes.size // 25]
        image.flat[ends] = np.resize([0.0, _TOP], ends.size)
        image[:, :2] = -1000.0
        write_nifti(folder / f"s{number}_image.nii.gz", image.astype(np.float32))
        write_nifti(folder / f"s{number}_label.nii.gz", codes)
        rows.append(
            f"s{number},p{number},made,T2,body disc canal posterior,parts,"
            f"s{number}_image.nii.gz,s{number}_label.nii.gz,"
        )
    return write_manifest(folder, rows)


def test_known_gaussians_come_back(tmp_path: Path) -> None:
    table = _write_scans(tmp_path, shifts=(0.0,) * 3)

    prior = fit_contrast_prior(table, output=tmp_path / "prior.yaml")

    wanted = {
        Tissue.MARROW_BODY: 1, Tissue.MARROW_POSTERIOR: 4, Tissue.NUCLEUS: 2,
        Tissue.NUCLEUS_DRY: 2, Tissue.ANNULUS: 2, Tissue.CSF: 3, Tissue.CORD: 3,
    }  # fmt: skip
    assert set(prior.tissues) == set(wanted)
    for tissue, code in wanted.items():
        # five standard errors of a median (1.25 of a mean's; a scaled deviation has 1.17 times
        # sigma / sqrt n), and 2 % for the ends of the scale, which noise moves
        error = 5 * 1.25 * _SPREAD / _TOP / int((parts_codes() == code).sum()) ** 0.5
        mean, spread = _MEANS[code] / _TOP, _SPREAD / _TOP
        found = prior.prior_of(tissue)
        assert found.mean == pytest.approx((mean, mean), rel=0.02, abs=error)
        assert found.spread == pytest.approx((spread, spread), rel=0.02, abs=error)


def test_range_is_that_of_the_cases(tmp_path: Path) -> None:
    shifts = tuple(np.linspace(-200, 200, 21))
    table = _write_scans(tmp_path, shifts=shifts)

    uniform = fit_contrast_prior(table, output=tmp_path / "u.yaml")
    normal = fit_contrast_prior(table, output=tmp_path / "n.yaml", distribution="normal")

    # of 21 equal steps from 0.3 to 0.7, the 5th and 95th percentile are the second and last but one
    low, high = uniform.prior_of(Tissue.MARROW_BODY).mean
    # the body has a thousand voxels: the error of its median is below 0.004, five standard errors
    assert low == pytest.approx(0.32, abs=0.01)
    assert high == pytest.approx(0.68, abs=0.01)
    mean, deviation = normal.prior_of(Tissue.MARROW_BODY).mean
    assert mean == pytest.approx(0.5, abs=0.01)
    assert deviation == pytest.approx(np.std(shifts, ddof=1) / _TOP, abs=0.005)


def test_written_prior_is_read_and_painted(tmp_path: Path) -> None:
    table = _write_scans(tmp_path, shifts=(0.0, 20.0))
    output = tmp_path / "my_scans.yaml"

    prior = fit_contrast_prior(table, output=output, distribution="normal")

    assert read_contrast_prior(output) == prior
    assert (prior.name, prior.default) == ("my_scans", "random")
    assert prior.prior_of(Tissue.FAT) == RANDOM_TISSUE
    assert RandTissueContrast(output).contrast == prior


def test_only_what_is_annotated_is_measured(tmp_path: Path) -> None:
    table = _write_scans(tmp_path, shifts=(0.0,))
    table.write_text(table.read_text().replace("body disc canal posterior", "vertebra canal"))

    prior = fit_contrast_prior(table, output=tmp_path / "prior.yaml")

    assert set(prior.tissues) == {
        Tissue.MARROW_BODY,
        Tissue.MARROW_POSTERIOR,
        Tissue.CSF,
        Tissue.CORD,
    }
    # whole vertebrae do not tell their parts' marrow apart
    body, process = (prior.prior_of(t) for t in (Tissue.MARROW_BODY, Tissue.MARROW_POSTERIOR))
    assert body == process


def test_only_cases_of_the_contrast_are_used(tmp_path: Path) -> None:
    table = _write_scans(tmp_path, shifts=(0.0, 200.0))
    text = table.read_text()
    table.write_text(text.replace("s1,p1,made,T2,", "s1,p1,made,T1,"))

    prior = fit_contrast_prior(table, output=tmp_path / "prior.yaml", contrast="t1")

    assert prior.prior_of(Tissue.MARROW_BODY).mean[0] == pytest.approx(0.7, abs=0.02)
    with pytest.raises(InputError, match=r"no case of contrast T3 .* 2 with both, of T1, T2"):
        fit_contrast_prior(table, output=tmp_path / "other.yaml", contrast="T3")
    assert not (tmp_path / "other.yaml").exists()


def test_structures_too_small_to_measure_are_refused(tmp_path: Path) -> None:
    table = _write_scans(tmp_path, shifts=(0.0,))
    dot = np.zeros(SHAPE, dtype=np.uint8)
    dot[3, 20, 20] = 1
    write_nifti(tmp_path / "s0_label.nii.gz", dot)

    with pytest.raises(InputError, match="no annotated structure has 50 voxels"):
        fit_contrast_prior(table, output=tmp_path / "prior.yaml")


def test_pseudo_labels_say_nothing_of_intensities(tmp_path: Path) -> None:
    table = _write_scans(tmp_path, shifts=(0.0,))
    table.write_text(table.read_text().replace(",parts,", ",pseudo,"))
    with pytest.raises(InputError, match=r"E-CASE-005.*pseudo-labels apart.*it holds 0 with both"):
        fit_contrast_prior(table, output=tmp_path / "prior.yaml")


def test_few_cases_are_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    fit_contrast_prior(_write_scans(tmp_path, shifts=(0.0,)), output=tmp_path / "prior.yaml")

    assert "a prior from 1 cases is narrow" in caplog.text


def test_command_writes_the_prior(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, output = _write_scans(tmp_path, shifts=(0.0,)), tmp_path / "prior.yaml"
    words = ["estimate-priors", "--data", str(table), "--output", str(output)]

    status = cli.run([*words, "--contrast", "T2", "--distribution", "normal"], command="")

    assert status == 0
    assert f"{output}: marrow_body, marrow_posterior, nucleus" in capsys.readouterr().out
    assert read_contrast_prior(output).distribution == "normal"


def test_command_says_what_it_refuses_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["estimate-priors", "--data", str(tmp_path / "none.csv"), "-o", "prior.yaml"]

    assert cli.run(words, command="") == 3
    assert capsys.readouterr().err.startswith("spinesynth: [E-IN-001]")
