"""The wheel: one top-level name, complete, and safe beside a user's own modules."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

HOSTILE = 'raise SystemExit("the hostile file was imported")\n'


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy, because the build leaves its own files beside the source."""
    source = tmp_path_factory.mktemp("source")
    ignore = shutil.ignore_patterns("__pycache__")
    for folder in ("spinesynth", "transforms", "networks", "pipelines", "configs", "tests"):
        shutil.copytree(root / folder, source / folder, ignore=ignore)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(root / name, source)
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(target)]
    subprocess.run([*command, str(source)], check=True, capture_output=True, cwd=target)
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture
def user_folder(wheel: Path, tmp_path: Path) -> Path:
    """Return a folder of a user who has modules with our root names, beside the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    (tmp_path / "work").mkdir()
    for name in ("transforms", "networks", "pipelines", "io", "metrics"):
        if name not in sys.stdlib_module_names:
            (tmp_path / "work" / f"{name}.py").write_text(HOSTILE)
    return tmp_path


def _python(user_folder: Path, code: str) -> str:
    """Run code in the user's folder, which comes before the wheel on the path."""
    program = f"import sys; sys.path[:0] = ['', {str(user_folder / 'site')!r}]; {code}"
    command = [sys.executable, "-I", "-c", program]
    run = subprocess.run(command, cwd=user_folder / "work", capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def test_wheel_installs_exactly_one_top_level_name(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"spinesynth"}


def test_wheel_holds_every_file_of_the_package(
    wheel: Path, root: Path, kept_files: list[Path]
) -> None:
    wanted = {str(f.relative_to(root)) for f in kept_files if root / "spinesynth" in f.parents}
    with zipfile.ZipFile(wheel) as archive:
        assert wanted - set(archive.namelist()) == set()


def test_wheel_carries_the_licence_and_the_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        texts = {
            name.split("/", 1)[1]: archive.read(name).decode()
            for name in archive.namelist()
            if ".dist-info/" in name
        }
    assert "spinesynth = spinesynth.cli:main" in texts["entry_points.txt"]
    assert "segment_spine = spinesynth.cli:segment_spine" in texts["entry_points.txt"]
    assert "License-Expression: Apache-2.0" in texts["METADATA"]
    assert "licenses/LICENSE" in texts


@pytest.mark.slow
@pytest.mark.parametrize("room", ["transforms", "networks", "pipelines"])
def test_wheel_works_beside_hostile_modules(room: str, user_folder: Path) -> None:
    code = (
        f"import spinesynth.{room} as room; "
        "objects = [getattr(room, name) for name in room.__all__]; print(room.__file__)"
    )
    assert _python(user_folder, code) == str(
        user_folder / "site" / "spinesynth" / room / "__init__.py"
    )


def test_hostile_module_would_have_been_seen(user_folder: Path) -> None:
    code = "import importlib; importlib.import_module('transforms')"
    with pytest.raises(AssertionError, match="the hostile file was imported"):
        _python(user_folder, code)
