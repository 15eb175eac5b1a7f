"""Pure tensor functions: warp, paint, bias, motion, resolution, noise."""
