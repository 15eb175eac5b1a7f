from __future__ import annotations

import json
from importlib import metadata

from spinesynth.pipelines import installation


def test_missing_packages_have_no_version() -> None:
    facts = installation.describe_installation()
    assert facts["packages"]["numpy"] == metadata.version("numpy")
    assert installation._version("no-such-package-anywhere") is None


def test_description_is_plain_json() -> None:
    facts = installation.describe_installation()
    assert json.loads(json.dumps(facts)) == facts
