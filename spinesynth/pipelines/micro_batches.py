"""A batch in parts whose gradients are added up, for less memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def micro_batches(batch: dict[str, Any], parts: int) -> Iterator[tuple[dict[str, Any], float]]:
    """Divide a batch.

    Args:
        batch: tensors and lists whose first axis is the sample.
        parts: how many; the last ones are missing where there are fewer samples.

    Yields:
        Each part and its share of the samples.

    Example:
        >>> [(p["groups"], s) for p, s in micro_batches({"groups": [5, 6, 7, 8]}, 2)]
        [([5, 6], 0.5), ([7, 8], 0.5)]
    """
    count = len(batch["groups"])
    size = -(-count // parts)
    for start in range(0, count, size):
        part = {name: values[start : start + size] for name, values in batch.items()}
        yield part, len(part["groups"]) / count
