"""Maps of a phantom are cleaned and divided; whatever cannot be maps is refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.data.meta_tensor import MetaTensor

from spinesynth.cli import run
from spinesynth.errors import ConfigError, InputError
from spinesynth.io.volume import read_image
from spinesynth.io.write import write_volume
from spinesynth.pipelines.measured_files import MeasuredFiles, MeasuredTSE
from spinesynth.pipelines.qmri_prepare import Cleaning, prepare_qmri
from spinesynth.transforms import RandSynthMRI
from tests.fabricate import nib
from tests.measured_phantom import T1W_MS, T2W_MS, MeasuredPhantom, measure_phantom


@pytest.fixture(scope="module")
def phantom() -> MeasuredPhantom:
    return measure_phantom()


@pytest.fixture
def files(tmp_path: Path, phantom: MeasuredPhantom) -> MeasuredFiles:
    volumes = {
        **{"t1": phantom.t1_ms, "t2": phantom.t2_ms, "t1w": phantom.t1w, "t2w": phantom.t2w},
        "label": phantom.maps.structure[None, None],
    }
    for name, values in volumes.items():
        like = MetaTensor(values[0], affine=phantom.maps.affine)
        write_volume(tmp_path / f"{name}.nii.gz", values[0], like=like)
    return MeasuredFiles(
        t1_map=tmp_path / "t1.nii.gz",
        t2_map=tmp_path / "t2.nii.gz",
        label=tmp_path / "label.nii.gz",
        t1w=MeasuredTSE(path=tmp_path / "t1w.nii.gz", tr_ms=T1W_MS[0], te_ms=T1W_MS[1]),
        t2w=MeasuredTSE(path=tmp_path / "t2w.nii.gz", tr_ms=T2W_MS[0], te_ms=T2W_MS[1]),
    )


def prepare(files: MeasuredFiles, output: Path, **changes: Any) -> Path:  # noqa: ANN401  # options
    return prepare_qmri(files, output=output, **{"scheme": "spine6", **changes})


def change(path: Path, how: Callable[[np.ndarray], np.ndarray]) -> None:
    image = nib.load(path)
    nib.Nifti1Image(how(np.asarray(image.dataobj).copy()), image.affine, image.header).to_filename(
        path
    )


def move(path: Path, by_mm: float) -> None:
    image = nib.load(path)
    affine = image.affine.copy()
    affine[2, 3] += by_mm
    moved = nib.Nifti1Image(np.asarray(image.dataobj), affine)
    moved.set_qform(affine, code=1)
    moved.set_sform(affine, code=1)
    moved.to_filename(path)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_both_images_come_back_from_the_written_maps(
    files: MeasuredFiles, tmp_path: Path, phantom: MeasuredPhantom
) -> None:
    out = tmp_path / "out"
    prepare(files, out)

    written = ("t1_ms", "t2_ms", "pd_t1w", "pd_t2w")
    maps = torch.cat([read_image(out / f"{name}.nii.gz").as_tensor() for name in written])
    measured = (maps[:1] > 0) & (maps[1:2] > 0)
    for (tr_ms, te_ms), tse in ((T1W_MS, phantom.t1w), (T2W_MS, phantom.t2w)):
        image = RandSynthMRI((tr_ms, tr_ms), te_ms=(te_ms, te_ms))(maps)
        # one division and two products of float32
        torch.testing.assert_close(image[measured], tse[0][measured], rtol=4e-7, atol=0)
    # no speckles: none of the maps' outliers, up to 1000 ms off, is left in any contrast
    image = RandSynthMRI((3000, 3000), te_ms=(51, 51))(maps)
    assert float(image.max()) < 1.5 * float(phantom.true_tse(3000, 51).max())
    outside = ~phantom.vertebra[0]
    assert float(maps[:2][outside.expand(2, -1, -1, -1)].max()) <= 625


def test_record_tells_files_settings_versions_and_maps(
    files: MeasuredFiles, tmp_path: Path
) -> None:
    record = json.loads(prepare(files, tmp_path / "out").read_text())

    assert record["mode"] == "physics-qmri"
    assert record["settings"]["files"]["t1_map"].endswith("t1.nii.gz")
    assert record["settings"]["files"]["t2w"]["tr_ms"] == T2W_MS[0]
    assert record["settings"]["cleaning"]["clip_ms"] == 625
    assert {"torch", "monai", "nibabel"} <= set(record["packages"])
    assert set(record["maps"]) == {"t1_ms", "t2_ms", "pd_t1w", "pd_t2w"}
    assert 0.5 < record["maps"]["t1_ms"]["measured_share"] < 1


def test_maps_lie_on_the_grid_of_the_image_and_say_millimetres(
    files: MeasuredFiles, tmp_path: Path
) -> None:
    assert files.t1w is not None
    source = nib.as_closest_canonical(nib.load(files.t1w.path))
    turned = source.slicer[::-1].__class__(  # another order of axes on disk
        np.transpose(np.asarray(source.dataobj), (1, 2, 0)),
        source.affine[:, [1, 2, 0, 3]],
    )
    turned.to_filename(files.t1w.path)

    prepare(files, tmp_path / "out")

    for name in ("t1_ms", "t2_ms", "pd_t1w", "pd_t2w"):
        written = nib.load(tmp_path / "out" / f"{name}.nii.gz")
        np.testing.assert_allclose(written.affine, turned.affine, atol=1e-4)  # float32 header
        assert written.shape == turned.shape
        assert written.header.get_xyzt_units()[0] == "mm"


@pytest.mark.parametrize("kept", ["t1w", "t2w"])
def test_one_image_is_enough(kept: str, files: MeasuredFiles, tmp_path: Path) -> None:
    alone = replace(files, t1w=None) if kept == "t2w" else replace(files, t2w=None)
    prepare(alone, tmp_path / "out")

    assert names(tmp_path / "out") == {
        "qmri.json", "t1_ms.nii.gz", "t2_ms.nii.gz", f"pd_{kept}.nii.gz"
    }  # fmt: skip


def test_same_call_gives_the_same_bytes_and_another_is_refused(
    files: MeasuredFiles, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    prepare(files, out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    (out / "pd_t2w.nii.gz").unlink()

    prepare(files, out)

    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    with pytest.raises(ConfigError, match=r"E-RUN-002.*other settings: cleaning is"):
        prepare(files, out, cleaning=Cleaning(clip_ms=700))


def test_spared_structures_keep_long_times(
    files: MeasuredFiles, tmp_path: Path, phantom: MeasuredPhantom
) -> None:
    prepare(files, tmp_path / "out", cleaning=Cleaning(spare=("vertebra", "sacrum", "canal")))

    t1_ms = read_image(tmp_path / "out" / "t1_ms.nii.gz").as_tensor()
    canal = phantom.maps.structure[None] == 4
    # fluid of 4270 ms fills most of the canal
    assert float(t1_ms[canal].median()) > 3000
    assert float(t1_ms[~canal & ~phantom.vertebra[0]].max()) <= 5000


def test_other_grid_is_refused_or_resampled(
    files: MeasuredFiles, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    coarse = files.t2_map
    image = nib.load(coarse)
    affine = image.affine @ np.diag([1.0, 2.0, 2.0, 1.0])
    thinned = nib.Nifti1Image(np.asarray(image.dataobj)[:, ::2, ::2], affine)
    thinned.set_qform(affine, code=1)
    thinned.set_sform(affine, code=1)
    thinned.to_filename(coarse)

    with pytest.raises(InputError, match=r"E-GEOM-003.*t2\.nii\.gz.*shape.*give --resample"):
        prepare(files, tmp_path / "out")
    prepare(files, tmp_path / "out", resample=True)

    assert "t2.nii.gz: resampled with cubic B-splines onto the grid of" in caplog.text
    t2_ms = read_image(tmp_path / "out" / "t2_ms.nii.gz")
    assert t2_ms.shape == read_image(tmp_path / "t1w.nii.gz").shape
    assert float(t2_ms.min()) >= 0


def _nan(files: MeasuredFiles) -> None:
    def spoil(values: np.ndarray) -> np.ndarray:
        values[0, 1, 2] = np.nan
        return values

    change(files.t1_map, spoil)


def _seconds(files: MeasuredFiles) -> None:
    change(files.t1_map, lambda values: values / 1000)


def _t2_seconds(files: MeasuredFiles) -> None:
    change(files.t2_map, lambda values: values / 1000)


def _negative(files: MeasuredFiles) -> None:
    change(files.t2_map, lambda values: -values)


def _exchanged(files: MeasuredFiles) -> None:
    one, other = files.t1_map.read_bytes(), files.t2_map.read_bytes()
    files.t1_map.write_bytes(other)
    files.t2_map.write_bytes(one)


def _apart(files: MeasuredFiles) -> None:
    t1_ms, t2_ms = (np.asarray(nib.load(path).dataobj) for path in (files.t1_map, files.t2_map))
    half = t1_ms.shape[1] // 2
    t1_ms, t2_ms = t1_ms.copy(), t2_ms.copy()
    t1_ms[:, :half], t2_ms[:, half:] = 0, 0
    change(files.t1_map, lambda _: t1_ms)
    change(files.t2_map, lambda _: t2_ms)


def _no_vertebra(files: MeasuredFiles) -> None:
    change(files.label, lambda codes: np.where(codes == 4, codes, 0).astype(np.uint8))


def _strange_code(files: MeasuredFiles) -> None:
    change(files.label, lambda codes: codes + 90)


def _shifted(files: MeasuredFiles) -> None:
    move(files.t1_map, 3.0)


@pytest.mark.parametrize(
    ("spoil", "match"),
    [
        (_nan, r"E-VAL-001.*t1\.nii\.gz.*not finite"),
        (_seconds, r"E-VAL-004.*t1\.nii\.gz: T1 in ms .* got 0\.\d+; .*if it is in seconds"),
        (_t2_seconds, r"E-VAL-004.*t2\.nii\.gz: T2 in ms .* got 0\.\d+; .*if it is in seconds"),
        (_negative, r"E-VAL-004.*t2\.nii\.gz: T2 in ms .* got 0; check the fit"),
        (_exchanged, r"E-VAL-004.*t2\.nii\.gz: T2 exceeds T1 in \d+% .*exchanged"),
        (_apart, r"E-VAL-004.*t2\.nii\.gz: measured nowhere that T1 is"),
        (_no_vertebra, r"E-LAB-007.*label\.nii\.gz: holds none of vertebra, sacrum"),
        (_strange_code, r"E-LAB-001.*label\.nii\.gz.*codes must be in scheme"),
        (_shifted, r"E-GEOM-003.*t1\.nii\.gz.*corner voxels up to 3 mm apart; give --resample"),
    ],
)
def test_file_that_cannot_be_used_is_named_before_anything_is_written(
    spoil: Callable[[MeasuredFiles], None], match: str, files: MeasuredFiles, tmp_path: Path
) -> None:
    spoil(files)

    with pytest.raises(InputError, match=match):
        prepare(files, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["t1", "t2w"])
def test_volume_that_does_not_overlap_is_refused(
    name: str, files: MeasuredFiles, tmp_path: Path
) -> None:
    move(tmp_path / f"{name}.nii.gz", 5000.0)

    with pytest.raises(InputError, match=rf"E-GEOM-004.*{name}\.nii\.gz: does not overlap"):
        prepare(files, tmp_path / "out", resample=True)


def test_label_map_elsewhere_is_refused(files: MeasuredFiles, tmp_path: Path) -> None:
    move(files.label, 5000.0)

    with pytest.raises(InputError, match=r"E-GEOM-004.*label\.nii\.gz: nothing it labels"):
        prepare(files, tmp_path / "out", resample=True)


def test_missing_file_is_named(files: MeasuredFiles, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"E-IN-001.*nowhere\.nii\.gz"):
        prepare(replace(files, t2_map=tmp_path / "nowhere.nii.gz"), tmp_path / "out")


def test_all_impossible_settings_are_named_at_once(files: MeasuredFiles, tmp_path: Path) -> None:
    assert files.t1w is not None
    wrong = replace(files, t1w=replace(files.t1w, te_ms=500.0))
    cleaning = Cleaning(clip_ms=0, spare=("liver",), brightest_keeps=2)

    with pytest.raises(ConfigError) as caught:
        prepare(wrong, tmp_path / "out", cleaning=cleaning)
    for said in (
        "tr_ms of t1w must be 0 < te_ms < tr_ms, got te_ms 500 and tr_ms 436",
        "clip_ms must be finite and above 0, got 0",
        "brightest_keeps must be in (0, 1], got 2",
        "spare must be of vertebra, body, posterior, disc, canal, sacrum, got liver",
    ):
        assert said in str(caught.value)


def test_no_image_is_refused(files: MeasuredFiles, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"E-CONF-002.*give the T1-weighted TSE"):
        prepare(replace(files, t1w=None, t2w=None), tmp_path / "out")


def test_unknown_scheme_is_refused(files: MeasuredFiles, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"E-CONF-005.*scheme must be one of .* got 'mine'"):
        prepare(files, tmp_path / "out", scheme="mine")


def test_command_prepares_a_patient(
    files: MeasuredFiles, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        *("qmri-prepare", "--t1-map", str(files.t1_map), "--t2-map", str(files.t2_map)),
        *("--label", str(files.label), "--out", str(tmp_path / "out"), "--scheme", "spine6"),
        *("--t2w", str(tmp_path / "t2w.nii.gz"), "--t2w-tr", "2435", "--t2w-te", "100"),
        *("--clip-ms", "700", "--spare", "vertebra,disc"),
    ]

    assert run(words, command="") == 0
    assert capsys.readouterr().out == f"Maps: {tmp_path / 'out' / 'qmri.json'}\n"
    settings = json.loads((tmp_path / "out" / "qmri.json").read_text())["settings"]
    assert settings["cleaning"]["clip_ms"] == 700
    assert settings["cleaning"]["spare"] == ["vertebra", "disc"]
    assert settings["files"]["t1w"] is None


def test_one_file_under_two_names_is_refused(files: MeasuredFiles, tmp_path: Path) -> None:
    twice = replace(files, t2_map=files.t1_map)
    with pytest.raises(InputError, match=r"E-VAL-004.*is given as the T1 map and as the T2 map"):
        prepare(twice, tmp_path / "out")
    assert not (tmp_path / "out").exists()
