"""Image files for the tests of their readers."""

import numpy as np
from PIL import Image


def save_image(path, pixels, **options):
    """Save bytes, gray (h, w) or color (h, w, 3), as an image file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path, **options)
    return path
