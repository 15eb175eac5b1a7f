"""Files are segmented whole or not at all, and one bad scan never stops the others."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from spinesynth.anatomy.label_schemes import get_scheme
from spinesynth.cli import run
from spinesynth.errors import ConfigError, InputError, OutputError
from spinesynth.io.file_digest import digest_file
from spinesynth.io.input_rules import InputRules
from spinesynth.io.table_check import check_table
from spinesynth.io.tables import read_ids_csv
from spinesynth.io.volume import read_label
from spinesynth.pipelines import segment_outputs
from spinesynth.pipelines.label_legend import itksnap_text, legend_of, slicer_text
from spinesynth.pipelines.scan_list import find_images, find_scans
from spinesynth.pipelines.segment import segment_files
from spinesynth.pipelines.segment_outputs import OutputOptions
from spinesynth.postprocess import Cleaning
from tests.fabricate import SHAPE, intensities, nib, ras_affine, write_nifti
from tests.io.dicom_files import slices, volume, write_series
from tests.pipelines.segmented_scans import PLAIN, names, segmented
from tests.pipelines.tiny_checkpoint import write_checkpoint


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("weights") / "m.pt")


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return write_nifti(tmp_path / "scan.nii.gz", intensities(), "LPS")


@pytest.mark.parametrize(
    ("scheme", "said"),
    [
        ("foo", "scheme must be one of binary_vertebra"),
        ("spider", "needs instances"),
        ("roadmap12", "needs instances"),
        ("seed14", "needs instances"),
    ],
)
def test_scheme_that_cannot_be_written_is_refused_up_front(
    scheme: str, said: str, weights: Path, image: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=rf"E-CONF-005.*{said}"):
        segmented(weights, image, tmp_path / "out", scheme=scheme)
    assert not (tmp_path / "out").exists()


def test_whole_vertebrae_are_not_promised_as_parts(image: Path, tmp_path: Path) -> None:
    checkpoint = write_checkpoint(tmp_path / "m.pt", target_scheme="semantic4")
    with pytest.raises(ConfigError, match=r"E-CONF-005.*splits vertebrae"):
        segmented(checkpoint, image, tmp_path / "out", scheme="spine6")
    assert not (tmp_path / "out").exists()


def test_unknown_words_are_one_line_on_the_terminal(
    weights: Path, image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["predict", "--weights", str(weights), "-i", str(image), "-o", str(tmp_path / "o")]
    for more, said in (
        (["--scheme", "foo"], "[E-CONF-005] scheme must be one of"),
        (["--format", "dcm"], "[E-CONF-094] format must be one of auto, nii.gz"),
        (["--device", "tpu"], "[E-CONF-093] device must be auto, cpu, cuda"),
        (["--lowest", "X9"], "[E-CONF-095] lowest must be one of L6"),
    ):
        assert run([*words, *more], command="test") == 2
        assert capsys.readouterr().err.startswith(f"spinesynth: {said}")
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(("target", "highest"), [("spine6", 5), ("semantic4", 3)])
def test_scheme_is_the_networks_own_unless_named(
    target: str, highest: int, image: Path, tmp_path: Path
) -> None:
    checkpoint = write_checkpoint(tmp_path / "m.pt", target_scheme=target)
    own_run = segmented(checkpoint, image, tmp_path / "own")
    named_run = segmented(checkpoint, image, tmp_path / "named", scheme=target)
    own, same = (np.asarray(nib.load(r.written[0]).dataobj) for r in (own_run, named_run))
    assert own.shape == SHAPE
    assert own.max() <= highest
    assert np.array_equal(own, same)


def test_bad_scans_of_a_folder_do_not_stop_the_others_and_leave_nothing(
    weights: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "scans"
    write_nifti(folder / "b.nii.gz", intensities())
    (folder / "a.nii.gz").write_bytes(b"no image")
    whole = (folder / "b.nii.gz").read_bytes()
    (folder / "c.nii.gz").write_bytes(whole[: len(whole) // 2])
    done = segmented(weights, folder, tmp_path / "out")
    assert [path.name for path in done.written] == ["b_seg.nii.gz"]
    assert names(tmp_path / "out") == [
        "b_seg.json", "b_seg.nii.gz", "run_report.json", "spine6.ctbl", "spine6_itksnap.txt",
    ]  # fmt: skip
    assert done.exit_code == 1
    assert json.loads((tmp_path / "out" / "run_report.json").read_text()) == done.report
    codes = [case.get("code") for case in done.report["cases"]]
    assert codes == ["E-FMT-001", None, "E-FMT-002"]
    assert ["a.nii.gz" in done.refused[0], "c.nii.gz" in done.refused[1]] == [True, True]


def test_run_without_any_good_scan_has_the_status_of_its_refusal(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.nii.gz").write_bytes(b"no image")
    words = ["predict", "-w", str(weights), "-i", str(tmp_path / "a.nii.gz"), "-o"]
    assert run([*words, str(tmp_path / "out"), "--json"], command="test") == 3
    report = json.loads(capsys.readouterr().out)  # nothing else is on the standard output
    assert (report["exit_code"], report["done"], report["failed"]) == (3, 0, 1)
    assert names(tmp_path / "out") == ["run_report.json"]


def test_folder_without_images_leaves_no_output(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "scans").mkdir()
    with pytest.raises(ConfigError, match=r"E-IN-001.*no image .*\.nii\.gz"):
        segmented(weights, tmp_path / "scans", tmp_path / "out")
    with pytest.raises(ConfigError, match=r"E-IN-001.*no image"):
        segmented(weights, tmp_path / "gone", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_two_images_of_one_name_are_refused_before_work(weights: Path, tmp_path: Path) -> None:
    for name in ("a.nii", "a.nii.gz"):
        write_nifti(tmp_path / name, intensities())
    with pytest.raises(ConfigError, match=r"E-IN-005.*a would be written twice"):
        find_images(tmp_path)
    other = write_nifti(tmp_path / "y" / "A.nii", intensities())
    (tmp_path / "list.txt").write_text(f"# two\na.nii\n\n{other.relative_to(tmp_path)}\n")
    with pytest.raises(ConfigError, match=r"E-IN-005.*A, a would be written twice"):
        segmented(weights, tmp_path / "list.txt", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_list_with_a_missing_file_does_the_others(weights: Path, tmp_path: Path) -> None:
    write_nifti(tmp_path / "a.nii", intensities())
    (tmp_path / "notes.doc").write_text("no image")
    (tmp_path / "list.txt").write_text("a.nii\ngone.nii\nnotes.doc\n")
    done = segmented(weights, tmp_path / "list.txt", tmp_path / "out")
    assert [case.get("code") for case in done.report["cases"]] == [None, "E-IN-001", "E-IN-003"]
    assert done.exit_code == 1


def test_manifest_names_scans_by_case(tmp_path: Path) -> None:
    write_nifti(tmp_path / "x.nii", intensities())
    head = "case_id,patient_id,contrast,annotated,scheme,image,label\n"
    table = tmp_path / "cases.csv"
    table.write_text(head + "c1,p1,T2,body,spine6,x.nii,\nc2,p2,T2,body,spine6,gone.nii,\n")
    scans, problems = find_scans(table)
    assert [(scan.name, scan.path.name) for scan in scans] == [("c1", "x.nii")]
    assert [problem.code for problem in problems] == ["E-IN-001"]
    table.write_text(head + "c1,p1,T2,body,spine6,x.nii,\nC1,p2,T2,body,spine6,x.nii,\n")
    with pytest.raises(InputError, match="E-CASE-004"):
        find_scans(table)


def test_one_scan_may_name_its_label_map(weights: Path, image: Path, tmp_path: Path) -> None:
    done = segmented(weights, image, tmp_path / "own" / "mask.nrrd")
    assert done.written == (tmp_path / "own" / "mask.nrrd",)
    assert names(tmp_path / "own") == ["mask.json", "mask.nrrd"]
    write_nifti(tmp_path / "more.nii", intensities())
    with pytest.raises(ConfigError, match=r"E-CONF-094.*must be a folder for 2 scans"):
        segmented(weights, tmp_path, tmp_path / "mask.nrrd")


@pytest.mark.parametrize(
    ("source", "wanted", "written"),
    [
        ("a.nii", "auto", "a_seg.nii"),
        ("a.nii", "mha", "a_seg.mha"),
        ("a.nii.gz", "nrrd", "a_seg.nrrd"),
    ],
)
def test_label_map_has_the_format_of_its_scan_unless_named(
    source: str, wanted: segment_outputs.Format, written: str, weights: Path, tmp_path: Path
) -> None:
    scan = write_nifti(tmp_path / source, intensities())
    options = OutputOptions(wanted, volumes=False, preview=False, instances=False)
    done = segment_files([weights], scan, output=tmp_path / "out", options=options)
    assert [path.name for path in done.written] == [written]


@pytest.mark.parametrize("instances", [True, False])
def test_report_and_sidecar_tell_which_mends_were_made(
    instances: bool, weights: Path, image: Path, tmp_path: Path
) -> None:
    options = OutputOptions(volumes=False, preview=False, instances=instances)
    done = segment_files(
        [weights], image, output=tmp_path / "out", cleaning=Cleaning(fill_holes=False),
        options=options,
    )  # fmt: skip
    told = done.report["cleaning"]
    assert told == (Cleaning(fill_holes=False).switches() if instances else None)
    sidecar = json.loads((tmp_path / "out" / "scan_seg.json").read_text())
    assert sidecar["made_by"]["cleaning"] == told


def test_unusual_scans_are_segmented_by_rules_and_told_of(weights: Path, tmp_path: Path) -> None:
    folder = tmp_path / "scans"
    folder.mkdir()
    series = np.stack([intensities(seed) for seed in range(2)], axis=-1).astype(np.float32)
    series[0, 0, 0, 1] = np.nan
    for name, voxels in (("four", series), ("flat", intensities()[2])):
        nib.Nifti1Image(voxels, ras_affine()).to_filename(folder / f"{name}.nii")
    refused = segmented(weights, folder, tmp_path / "out")
    assert (refused.exit_code, refused.report["done"]) == (3, 0)
    assert ["--2d" in refused.refused[0], "--volume" in refused.refused[1]] == [True, True]
    rules = InputRules(single_slice=True, volume=1, fill_nonfinite="median")
    done = segment_files([weights], folder, output=tmp_path / "out", options=PLAIN, rules=rules)
    # of the 2D image there is no volume 1
    assert (done.exit_code, done.report["cases"][0]["code"]) == (1, "E-FMT-008")
    told = done.report["cases"][1]["converted"]
    assert ["volume 1 of 2" in told[0], "1 of 11520 voxels were not" in told[1]] == [True, True]
    assert len(told) == 2
    assert done.report["input_rules"]["volume"] == 1
    sidecar = json.loads((tmp_path / "out" / "four_seg.json").read_text())
    assert sidecar["converted"] == told
    assert nib.load(done.written[0]).shape == SHAPE


def test_two_file_formats_are_written_as_one_file() -> None:
    ends = (".mhd", ".nhdr", ".dcm")
    suffixes = [OutputOptions().suffix_for(Path(f"a{end}")) for end in ends]
    assert suffixes == [".mha", ".nrrd", ".nii.gz"]


def test_everything_that_is_promised_is_written(weights: Path, image: Path, tmp_path: Path) -> None:
    done = segment_files([weights], image, output=tmp_path / "out")
    out = tmp_path / "out"
    assert names(out) == [
        "run_report.json", "scan_instances.nii.gz", "scan_preview.png", "scan_seg.json",
        "scan_seg.nii.gz", "scan_volumes.csv", "spine6.ctbl", "spine6_itksnap.txt",
    ]  # fmt: skip
    assert done.report["cases"][0]["files"][-1] == str(done.written[0])
    sidecar = json.loads((out / "scan_seg.json").read_text())
    assert sidecar["labels"]["3"]["name"] == "disc"
    assert sidecar["made_by"]["weights"] == [{"file": "m.pt", "sha256": digest_file(weights)}]
    assert (out / "scan_preview.png").read_bytes().startswith(b"\x89PNG")
    path = out / "scan_volumes.csv"
    table = check_table(path, read_ids_csv(path), "volumes")
    voxels = np.asarray(nib.load(out / "scan_seg.nii.gz").dataobj)
    body = table[(table["structure"] == "body") & (table["instance"] == 0)].iloc[0]
    assert body["voxels"] == (voxels == 1).sum()
    voxel_mm3 = abs(np.linalg.det(ras_affine()[:3, :3]))
    # the table has six significant digits
    assert body["volume_mm3"] == pytest.approx(body["voxels"] * voxel_mm3, rel=1e-5)
    assert body["volume_ml"] == pytest.approx(body["volume_mm3"] / 1000, rel=1e-5)


def test_case_that_fails_while_it_is_written_leaves_nothing(
    weights: Path, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OutputError("no space left", code="E-OUT-001")

    monkeypatch.setattr(segment_outputs, "_write_preview", full)
    done = segment_files([weights], image, output=tmp_path / "out")
    assert (done.exit_code, done.report["cases"][0]["code"]) == (4, "E-OUT-001")
    assert names(tmp_path / "out") == ["run_report.json"]


def test_bids_names_are_those_of_derivatives(weights: Path, tmp_path: Path) -> None:
    for name in ("sub-01_ses-a_T2w.nii.gz", "my scan.nii.gz"):
        write_nifti(tmp_path / "in" / name, intensities())
    options = OutputOptions(volumes=False, preview=False, bids=True, instances=False)
    out = tmp_path / "out"
    segment_files([weights], tmp_path / "in", output=out, options=options)
    found = {str(path.relative_to(out)) for path in out.rglob("*.*")}
    first = "sub-01/ses-a/anat/sub-01_ses-a_desc-spinesynthT2w_dseg"
    second = "sub-myscan/anat/sub-myscan_desc-spinesynth_dseg"
    assert found >= {s + end for s in (first, second) for end in (".nii.gz", ".json", ".tsv")}
    description = json.loads((out / "dataset_description.json").read_text())
    assert description["DatasetType"] == "derivative"
    table = (out / f"{first}.tsv").read_text().splitlines()
    assert table[0] == "index\tname\tcolor"
    assert table[3].split("\t")[:2] == ["2", "posterior elements"]


def test_names_are_those_that_viewers_read() -> None:
    legend = legend_of(get_scheme("spider"))
    snap = [line for line in itksnap_text(legend).splitlines() if not line.startswith("#")]
    assert snap[0].split() == ["0", "0", "0", "0", "0", "0", "0", '"Clear', 'Label"']
    assert all(len(line.split('"')[0].split()) == 7 for line in snap)
    slicer = [line.split() for line in slicer_text(legend, title="spider").splitlines()[2:]]
    assert {len(words) for words in slicer} == {6}
    assert [words[1] for words in slicer[:2]] == ["background", "vertebra_1"]
    assert legend[1].colour != legend[2].colour  # neighbours are told apart


def test_strange_names_are_kept_or_made_printable(weights: Path, tmp_path: Path) -> None:
    for name in ("-o ünï 🦴.nii", "two\nlines.nii", "l" * 240 + ".nii"):
        write_nifti(tmp_path / "in" / name, intensities())
    done = segmented(weights, tmp_path / "in", tmp_path / "out")
    assert done.exit_code == 0
    written = [path.name for path in done.written]
    assert written[0] == "-o ünï 🦴_seg.nii"
    assert len(written[1]) < 255
    assert written[2] == "two_lines_seg.nii"


@pytest.mark.slow  # highdicom takes seconds to be imported
def test_dicom_series_gives_the_labels_of_its_nifti_twin_and_a_segmentation(
    weights: Path, tmp_path: Path
) -> None:
    pytest.importorskip("highdicom", exc_type=ImportError)
    folder = write_series(tmp_path / "series", slices(*volume()))
    twin = write_nifti(tmp_path / "twin.nii.gz", intensities())
    done = segmented(weights, folder, tmp_path / "out")
    (path,) = done.written
    assert path.name == "series_seg.nii.gz"
    (other,) = segmented(weights, twin, tmp_path / "other").written
    found, expected = read_label(path), read_label(other)
    np.testing.assert_array_equal(found.numpy(), expected.numpy())
    # decimal strings of DICOM have 16 characters
    np.testing.assert_allclose(found.affine.numpy(), expected.affine.numpy(), atol=1e-4)
    written = {Path(name).name for name in done.report["cases"][0]["files"]}
    assert ("series_seg.dcm" in written) == bool(found.any())
