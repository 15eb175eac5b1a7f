"""Random fields that move every surface a little, so that no edge stays straight."""

from __future__ import annotations

from spinesynth.anatomy.phantom.waves import WaveField
from spinesynth.seeding import make_generator

DISPLACEMENT_FIELDS = 4  # along R, A and S, and roughness


def displacement_fields(seed: int) -> list[WaveField]:
    """Return the fields of the smooth displacement along R, A and S, and of the roughness."""
    generator = make_generator(seed, "phantom", "displacement")
    waves = [WaveField.draw(generator, wavelengths_mm=(24.0, 120.0)) for _ in range(3)]
    return [*waves, WaveField.draw(generator, wavelengths_mm=(5.0, 16.0))]
