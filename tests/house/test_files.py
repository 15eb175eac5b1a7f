"""What the checkout may hold."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

import spinesynth
from spinesynth.io.shipped_weights import list_weights

#: Volumes, arrays and weights; the .gitignore names the same.
DATA = {
    *(".dcm", ".img", ".mha", ".mhd", ".nhdr", ".nii", ".npy", ".npz", ".nrrd", ".raw"),
    *(".onnx", ".pt", ".pth", ".safetensors", ".ckpt", ".pkl", ".h5", ".gz", ".zip", ".tar"),
}
#: Weights that the package ships; their index holds their digests.
SHIPPED = Path("spinesynth", "weights")
PICTURES = {".png", ".jpg", ".jpeg", ".gif", ".svg", ".tif", ".tiff", ".webp", ".bmp", ".pdf"}
#: Pictures are curves of tables, or drawn from the phantom for the documentation.
PICTURE_FOLDERS = re.compile(r"^(docs/|results/[^/]+/curves/)")

# Written so that this file does not hold what it looks for.
MACHINE_PATH = re.compile(r"(?<![\w.\-/}~])/(?:home|root|Users|work|tmp|mnt|opt)" + r"/\w")
REGISTRY_HOST = re.compile(r"pypi[.]org|pythonhosted[.]org|registry[.]npmjs|download[.]pytorch")


def _texts(files: list[Path]) -> dict[Path, str]:
    binary = PICTURES | {".safetensors"}
    return {path: path.read_text() for path in files if path.suffix not in binary}


def _lines_matching(pattern: re.Pattern[str], files: list[Path]) -> list[str]:
    return [
        f"{path.name}:{number}: {line.strip()}"
        for path, text in _texts(files).items()
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]


def test_no_file_names_a_path_of_one_machine(kept_files: list[Path]) -> None:
    assert _lines_matching(MACHINE_PATH, kept_files) == []


def test_no_file_names_the_host_of_a_package_registry(kept_files: list[Path]) -> None:
    others = [path for path in kept_files if path != Path(__file__)]
    assert _lines_matching(REGISTRY_HOST, others) == []


def test_no_volume_or_weight_is_kept_but_those_that_are_shipped(
    kept_files: list[Path], root: Path
) -> None:
    shipped = {weights.path for weights in list_weights()}
    assert all(path.parent == root / SHIPPED for path in shipped)
    assert [path for path in kept_files if DATA & set(path.suffixes) and path not in shipped] == []


def test_pictures_are_curves_or_documentation(kept_files: list[Path], root: Path) -> None:
    pictures = [str(f.relative_to(root)) for f in kept_files if f.suffix in PICTURES]
    assert [name for name in pictures if not PICTURE_FOLDERS.match(name)] == []


def test_every_configuration_is_a_mapping_with_string_keys(root: Path) -> None:
    files = sorted((root / "configs").glob("*.yaml"))
    assert {"demo", "real_cpu", "smoke"} <= {path.stem for path in files}
    for path in files:
        content = yaml.safe_load(path.read_text())
        assert isinstance(content, dict), path.name
        assert all(isinstance(key, str) for key in content), path.name


def test_changelog_and_citation_tell_the_version_of_the_package(root: Path) -> None:
    heading = re.search(
        r"^## \[(.+?)\] - (\S+)$", (root / "CHANGELOG.md").read_text(), re.MULTILINE
    )
    assert heading
    citation = yaml.safe_load((root / "CITATION.cff").read_text())
    assert heading.groups() == (spinesynth.__version__, citation["date-released"])
    assert citation["version"] == spinesynth.__version__


def test_root_scripts_stay_short(root: Path) -> None:
    scripts = sorted(root.glob("*.py"))
    assert [path.name for path in scripts] == ["evaluate_robustness.py", "run_experiment.py"]
    assert [path.name for path in scripts if len(path.read_text().splitlines()) >= 40] == []


def test_licence_is_apache_2_in_full(root: Path) -> None:
    text = (root / "LICENSE").read_text()
    assert "Apache License\n" in text
    assert "Version 2.0, January 2004" in text
    assert "9. Accepting Warranty or Additional Liability." in text
    assert "END OF TERMS AND CONDITIONS" in text
