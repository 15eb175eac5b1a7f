"""YAML read strictly: plain data only, no key twice, and ``1e-3`` is a number as it looks."""

from __future__ import annotations

import re
from typing import Any

import yaml


class _StrictLoader(yaml.SafeLoader):
    """Safe YAML that refuses a key given twice."""


def _unique_mapping(loader: _StrictLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [loader.construct_object(key) for key, _ in node.value]
    doubles = {key for key in keys if keys.count(key) > 1}
    if doubles:
        raise yaml.YAMLError(f"key {sorted(map(str, doubles))} stands twice")
    return loader.construct_mapping(node, deep=True)


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_mapping)
_StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


def load_strict(text: str) -> Any:  # noqa: ANN401  # whatever the text holds
    """Return the plain data of a YAML text.

    Raises:
        yaml.YAMLError: if it is no YAML, holds anything but plain data, or has a
            key twice in one mapping.

    Example:
        >>> load_strict("rate: 1e-3")
        {'rate': 0.001}
    """
    return yaml.load(text, Loader=_StrictLoader)
