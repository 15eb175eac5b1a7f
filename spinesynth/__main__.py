"""``python -m spinesynth`` is the command ``spinesynth``."""

from __future__ import annotations

from spinesynth.cli import main

if __name__ == "__main__":
    main()
