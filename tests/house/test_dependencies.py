"""One list of dependencies, told in three files."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

#: Needed by what lies beside the package: the benchmarks measure against TorchIO, and MONAI's
#: transformers import einops without requiring it.
BESIDE_THE_PACKAGE = {"einops", "torchio"}

#: Needed by comparisons only: `bench` brings them, `make` and the tests do without.
PEERS = {"cornucopia", "torch-distmap", "torch-interpol"}


def _pins(root: Path) -> dict[str, str]:
    lines = (root / "constraints.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def _needed(requirements: list[str]) -> dict[str, str]:
    """Return name and installed version of the requirements and of all that they bring in."""
    found: dict[str, str] = {}
    todo = [(Requirement(text), {""}) for text in requirements]
    while todo:
        requirement, of = todo.pop()  # and the extras of what brings it in
        name = canonicalize_name(requirement.name)
        marker = requirement.marker
        if name in found or (marker and not any(marker.evaluate({"extra": e}) for e in of)):
            continue
        distribution = importlib.metadata.distribution(requirement.name)
        found[name] = Version(distribution.version).public
        extras = requirement.extras or {""}
        todo += [(Requirement(text), extras) for text in distribution.requires or []]
    return found


def test_environment_lists_the_dependencies_of_pyproject(
    root: Path, project: dict[str, Any]
) -> None:
    environment = yaml.safe_load((root / "environment.yml").read_text())
    (pip,) = (entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    assert [line for line in pip if not line.startswith("-")] == project["dependencies"]
    assert [line for line in pip if line.startswith("-")] == ["-c constraints.txt", "-e ."]
    assert f"python{project['requires-python']}" in environment["dependencies"]


def test_constraints_pin_what_is_installed(root: Path, project: dict[str, Any]) -> None:
    extras = project["optional-dependencies"]
    bench = [text for text in extras["bench"] if Requirement(text).name not in PEERS]
    needed = _needed(project["dependencies"] + bench + extras["dev"])
    assert {name: pin for name, pin in _pins(root).items() if name not in PEERS} == needed


def test_constraints_pin_the_peers(root: Path, project: dict[str, Any]) -> None:
    pins, bench = _pins(root), project["optional-dependencies"]["bench"]
    assert set(pins) >= PEERS
    for requirement in map(Requirement, bench):
        assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)])


def test_torch_is_the_build_that_was_tested(root: Path) -> None:
    assert _pins(root)["torch"] == "2.13.0"


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("torch", "2.10"),
        ("monai", "1.6.1"),
        ("pydicom", "3.0.2"),
        ("python-multipart", "0.0.31"),
        ("Jinja2", "3.1.6"),
    ],
)
def test_floor_excludes_releases_with_a_known_hole(
    name: str, safe: str, project: dict[str, Any]
) -> None:
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    found = [r for lines in lists for r in map(Requirement, lines) if r.name == name]
    floors = [s.version for r in found for s in r.specifier if s.operator == ">="]
    assert len(floors) == len(found) > 0
    assert all(Version(floor) >= Version(safe) for floor in floors)


def test_every_requirement_has_its_reason_beside_it(root: Path) -> None:
    text = (root / "pyproject.toml").read_text()
    begin, end = text.index("dependencies = ["), text.index("[project.scripts]")
    lines = [
        line for line in text[begin:end].splitlines() if re.search(r'"[^"]+[<>=]=?[\d.]+', line)
    ]
    assert len(lines) > 25
    assert [line for line in lines if "# " not in line] == []


def _third_party_imports(folder: Path) -> set[str]:
    roots: set[str] = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                roots |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                roots.add(node.module.split(".")[0])
            elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
                roots |= {str(a.value) for a in node.args if isinstance(a, ast.Constant)}
    return roots - sys.stdlib_module_names - {"spinesynth"}


def test_package_imports_only_what_it_declares(root: Path, project: dict[str, Any]) -> None:
    extras = [
        r
        for name, lines in project["optional-dependencies"].items()
        if name != "dev"
        for r in lines
    ]
    declared = {canonicalize_name(Requirement(r).name) for r in project["dependencies"] + extras}
    providers = importlib.metadata.packages_distributions()
    undeclared = {
        module
        for module in _third_party_imports(root / "spinesynth")
        if not declared & {canonicalize_name(name) for name in providers.get(module, [module])}
    }
    assert undeclared == set()


def test_package_declares_only_what_it_imports(root: Path, project: dict[str, Any]) -> None:
    providers = importlib.metadata.packages_distributions()
    imported = {
        canonicalize_name(name)
        for module in _third_party_imports(root / "spinesynth")
        for name in providers.get(module, [module])
    }
    declared = {canonicalize_name(Requirement(r).name) for r in project["dependencies"]}
    assert declared - imported <= BESIDE_THE_PACKAGE
