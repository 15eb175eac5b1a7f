"""The names of contrast priors, shared by transforms, configuration and command line."""

from __future__ import annotations

from typing import Literal

ContrastName = Literal["t1", "t2", "interpolated", "random", "mixed", "clipped"]
