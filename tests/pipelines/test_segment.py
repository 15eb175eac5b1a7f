"""Files are segmented in the scheme asked for, or refused before any is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spinesynth.cli import run
from spinesynth.errors import ConfigError, InputError
from spinesynth.pipelines.segment import find_images, segment_files
from tests.fabricate import SHAPE, intensities, nib, write_nifti
from tests.pipelines.tiny_checkpoint import write_checkpoint


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
    scheme: str, said: str, image: Path, tmp_path: Path
) -> None:
    checkpoint = write_checkpoint(tmp_path / "m.pt")
    with pytest.raises(ConfigError, match=rf"E-CONF-005.*{said}"):
        segment_files([checkpoint], image, output=tmp_path / "out", scheme=scheme)
    assert not (tmp_path / "out").exists()


def test_whole_vertebrae_are_not_promised_as_parts(image: Path, tmp_path: Path) -> None:
    checkpoint = write_checkpoint(tmp_path / "m.pt", target_scheme="semantic4")
    with pytest.raises(ConfigError, match=r"E-CONF-005.*splits vertebrae"):
        segment_files([checkpoint], image, output=tmp_path / "out", scheme="spine6")
    assert not (tmp_path / "out").exists()


def test_unknown_scheme_is_one_line_on_the_terminal(
    image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = str(write_checkpoint(tmp_path / "m.pt"))
    words = ["predict", "--checkpoint", checkpoint, "-i", str(image), "-o", str(tmp_path / "o")]
    assert run([*words, "--scheme", "foo"], command="test") == 2
    assert capsys.readouterr().err.startswith("spinesynth: [E-CONF-005] scheme must be one of")


@pytest.mark.parametrize(("target", "highest"), [("spine6", 5), ("semantic4", 3)])
def test_scheme_is_the_networks_own_unless_named(
    target: str, highest: int, image: Path, tmp_path: Path
) -> None:
    checkpoint = write_checkpoint(tmp_path / "m.pt", target_scheme=target)
    written, refused = segment_files([checkpoint], image, output=tmp_path / "own")
    assert refused == []
    (named,), _ = segment_files([checkpoint], image, output=tmp_path / "named", scheme=target)
    own, same = (np.asarray(nib.load(path).dataobj) for path in (written[0], named))
    assert own.shape == SHAPE
    assert own.max() <= highest
    assert np.array_equal(own, same)


def test_damaged_file_of_a_folder_does_not_stop_the_others(tmp_path: Path) -> None:
    folder = tmp_path / "scans"
    write_nifti(folder / "b.nii.gz", intensities())
    (folder / "a.nii.gz").write_bytes(b"no image")
    checkpoint = write_checkpoint(tmp_path / "m.pt")
    written, refused = segment_files([checkpoint], folder, output=tmp_path / "out")
    assert [path.name for path in written] == ["b_seg.nii.gz"]
    assert len(refused) == 1
    assert "a.nii.gz" in refused[0]


def test_folder_without_images_leaves_no_output(tmp_path: Path) -> None:
    (tmp_path / "scans").mkdir()
    checkpoint = write_checkpoint(tmp_path / "m.pt")
    with pytest.raises(InputError, match="no image file"):
        segment_files([checkpoint], tmp_path / "scans", output=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_two_images_of_one_name_are_refused(tmp_path: Path) -> None:
    for name in ("a.nii", "a.nii.gz"):
        write_nifti(tmp_path / name, intensities())
    with pytest.raises(InputError, match="a would be written twice"):
        find_images(tmp_path)
