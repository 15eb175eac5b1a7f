"""YAML read strictly: plain data only, no key twice, and ``1e-3`` is a number as it looks.

Files come from anywhere: a few lines of aliases to aliases can stand for a billion
values, and thousands of brackets exhaust the stack. Both are refused.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any

import yaml

_DEEPEST = 50
_MOST_NODES = 100_000


class _StrictLoader(yaml.SafeLoader):
    """Safe YAML that refuses a key given twice, deep nesting and aliases that explode."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._extents: dict[yaml.Node, tuple[int, int]] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:  # noqa: ANN401  # PyYAML's
        """Compose a node and refuse it if it is too much, its aliases written out."""
        again = self.check_event(yaml.AliasEvent)
        self._depth += 1
        if self._depth > _DEEPEST:
            raise yaml.YAMLError(f"nested deeper than {_DEEPEST} levels")
        node = super().compose_node(parent, index)
        self._depth -= 1
        if node is None:
            return None
        if not again:
            self._extents[node] = self._extent(node)
        elif node not in self._extents:
            raise yaml.YAMLError("an alias stands inside of what it names")
        return node

    def _extent(self, node: yaml.Node) -> tuple[int, int]:
        """Return how many nodes a node stands for, itself included, and how deep they go."""
        content = node.value if isinstance(node, yaml.CollectionNode) else []
        mapping = isinstance(node, yaml.MappingNode)
        inside = [part for pair in content for part in pair] if mapping else content
        extents = [self._extents[part] for part in inside]
        count = 1 + sum(count for count, _ in extents)
        depth = 1 + max((depth for _, depth in extents), default=0)
        if count > _MOST_NODES or depth > _DEEPEST:
            raise yaml.YAMLError(
                f"stands for more than {_MOST_NODES} values or {_DEEPEST} levels, aliases included"
            )
        return count, depth


def _unique_mapping(loader: _StrictLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen = set[Any]()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node)
        if not isinstance(key, Hashable):
            raise yaml.YAMLError(f"a key must be a plain value, got a {type(key).__name__}")
        if key in seen:
            raise yaml.YAMLError(f"key {str(key)!r} stands twice")
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_mapping)
_StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


def load_strict(text: str) -> Any:  # noqa: ANN401  # whatever the text holds
    """Return the plain data of a YAML text.

    Raises:
        yaml.YAMLError: if it is no YAML, holds anything but plain data, has a key
            twice in one mapping or a key that is no plain value, nests more than 50
            levels, or stands for more than 100 000 values with its aliases
            written out.

    Example:
        >>> load_strict("rate: 1e-3")
        {'rate': 0.001}
    """
    try:
        return yaml.load(text, Loader=_StrictLoader)
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        # PyYAML lets values through that it cannot build: 2026-13-45, or !!int of a word
        raise yaml.YAMLError(f"holds a value that cannot be read: {error}") from error
