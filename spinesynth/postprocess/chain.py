"""Which bodies and discs follow each other along one spine."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np

from spinesynth.postprocess.pieces import FloatArray

# Distances of neighbouring centres and turns between them are nominal. Bodies of T10 to L5 are
# 28 to 41 mm apart (body and disc heights of phantom/morphometry.py); a missing one doubles it.
_CLOSEST_MM = {(True, True): 16.0, (True, False): 6.0, (False, True): 6.0, (False, False): 16.0}
_FARTHEST_MM = 130.0
_FREE_MM, _COST_OF_MM = 48.0, 0.006  # no cost up to there, then per mm
_STEEPEST = 0.3  # share of the way between two centres that goes up, at least
_FREE_TURN_DEG, _COST_OF_DEG = 18.0, 0.04
_FREE_LATERAL, _COST_OF_LATERAL = 0.35, 3.0  # share of the way that goes sideways
_MOST_NODES = 48


class Node(NamedTuple):
    """A candidate for the chain.

    Attributes:
        centre_mm: along the axes of the grid, ``(3,)``.
        weight: what it is worth, 1 for a whole body.
        is_body: False for a disc.
    """

    centre_mm: FloatArray
    weight: float
    is_body: bool


def find_chain(nodes: list[Node]) -> list[int]:
    """Return the nodes of the best chain, from below upwards.

    The chain with the largest sum of weights, less a cost for long ways, for ways to the
    side and for turns that no spine makes. A blob in the abdomen costs more than it is worth.

    Args:
        nodes: in any order.

    Example:
        >>> spine = [Node(np.array([0.0, 0.0, z]), 1.0, True) for z in (0.0, 35.0, 70.0)]
        >>> find_chain([*spine, Node(np.array([0.0, 60.0, 40.0]), 0.8, True)])
        [0, 1, 2]
    """
    order = sorted(range(len(nodes)), key=lambda n: -nodes[n].weight)[:_MOST_NODES]
    order.sort(key=lambda n: nodes[n].centre_mm[2])
    chosen = [nodes[n] for n in order]
    if not chosen:
        return []
    heaviest = max(range(len(chosen)), key=lambda n: chosen[n].weight)
    best, path = chosen[heaviest].weight, [heaviest]
    ends = _grow(chosen)
    for end, (score, _) in ends.items():
        if score > best:
            best, path = score, _trace(ends, end)
    return [order[n] for n in path]


Link = tuple[int, int]


def _grow(nodes: list[Node]) -> dict[Link, tuple[float, Link | None]]:
    """Return the best chain that ends in each link of two nodes, and the link before it."""
    ways = {
        (low, high): nodes[high].centre_mm - nodes[low].centre_mm
        for low, high in product(range(len(nodes)), repeat=2)
        if low < high
    }
    costs = {link: _cost(nodes, link, way) for link, way in ways.items()}
    links = sorted((link for link, cost in costs.items() if cost is not None), key=lambda x: x[1])
    ends: dict[Link, tuple[float, Link | None]] = {}
    into: dict[int, list[Link]] = {}
    for link in links:
        low, high = link
        cost = costs[link] or 0.0
        score, before = nodes[low].weight, None
        for earlier in into.get(low, []):
            total = ends[earlier][0] - _cost_of_turn(ways[earlier], ways[link])
            if total > score:
                score, before = total, earlier
        ends[link] = (score + nodes[high].weight - cost, before)
        into.setdefault(high, []).append(link)
    return ends


def _trace(ends: dict[Link, tuple[float, Link | None]], end: Link) -> list[int]:
    """Return the nodes of the chain that ends in a link."""
    path = [end[1]]
    link: Link | None = end
    while link is not None:
        path.append(link[0])
        link = ends[link][1]
    return path[::-1]


def _cost(nodes: list[Node], link: Link, way: FloatArray) -> float | None:
    """Return the cost of a link, or None where no spine can go."""
    length = float(np.linalg.norm(way))
    kinds = (nodes[link[0]].is_body, nodes[link[1]].is_body)
    if not _CLOSEST_MM[kinds] <= length <= _FARTHEST_MM or way[2] < _STEEPEST * length:
        return None
    lateral = max(0.0, abs(float(way[0])) / length - _FREE_LATERAL)
    return _COST_OF_MM * max(0.0, length - _FREE_MM) + _COST_OF_LATERAL * lateral


def _cost_of_turn(first: FloatArray, second: FloatArray) -> float:
    """Return the cost of two ways that follow each other, by the angle between them."""
    cosine = first @ second / (np.linalg.norm(first) * np.linalg.norm(second))
    degrees = float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))
    return _COST_OF_DEG * max(0.0, degrees - _FREE_TURN_DEG)
