"""The root names give the package's own objects."""

from __future__ import annotations

import importlib
import pkgutil
import re

import pytest

ROOMS = ("transforms", "networks", "pipelines")


@pytest.mark.parametrize("room", ROOMS)
def test_root_name_gives_the_same_objects(room: str) -> None:
    short, home = importlib.import_module(room), importlib.import_module(f"spinesynth.{room}")
    assert list(short.__all__) == list(home.__all__)
    assert [name for name in home.__all__ if getattr(short, name) is not getattr(home, name)] == []


@pytest.mark.parametrize("room", ROOMS)
def test_public_names_are_sorted_and_documented(room: str) -> None:
    names = list(importlib.import_module(room).__all__)
    home = importlib.import_module(f"spinesynth.{room}")
    assert names
    assert names == sorted(set(names))
    assert [name for name in names if not getattr(home, name).__doc__] == []


@pytest.mark.parametrize("room", ROOMS)
def test_no_public_name_is_hidden_by_a_module(room: str) -> None:
    home = importlib.import_module(f"spinesynth.{room}")
    # Importing `room.thing` makes `thing` an attribute of the room, whatever it was before.
    modules = {module.name for module in pkgutil.iter_modules(home.__path__)}
    assert modules & set(home.__all__) == set()


@pytest.mark.parametrize("room", ROOMS)
def test_catalogue_describes_every_public_name(room: str) -> None:
    short = importlib.import_module(room)
    described = set(re.findall(r"^``(\w+)`` +\w", short.__doc__ or "", re.MULTILINE))
    # A dictionary form goes without saying: it is its array form with a d.
    described |= {f"{name}d" for name in described if f"{name}d" in short.__all__}
    assert described == set(short.__all__)


@pytest.mark.parametrize("room", ROOMS)
def test_root_name_refuses_an_unknown_name(room: str) -> None:
    with pytest.raises(AttributeError, match="has no attribute 'NoSuchThing'"):
        importlib.import_module(room).NoSuchThing  # noqa: B018 the access is the test
