import numpy as np
import pytest

from jaxdl.data.preprocessing.pixels import pixels_of


@pytest.mark.parametrize(
    "images",
    [
        np.full((2, 4, 4, 1), 0.3, np.float32),
        np.full((2, 4, 4, 1), np.nextafter(np.float32(0.2), np.float32(1))),
        np.full((2, 4, 4, 1), np.float32(256) / 255),
        np.full((2, 4, 4, 1), -np.float32(1) / 255),
        np.full((2, 4, 4, 1), np.nan, np.float32),
        np.full((2, 4), 0.2, np.float32),
    ],
)
def test_other_inputs_than_bytes_over_255_have_no_pixels(images):
    assert pixels_of(images) is None
    assert pixels_of(np.full((2, 4, 4, 1), 0.2, np.float32)).tolist() == np.full((2, 4, 4, 1), 51).tolist()


def test_images_of_bytes_over_255_give_the_bytes_back(random):
    pixels = random.integers(0, 256, (1500, 2, 3, 1), np.uint8)  # more than one block
    np.testing.assert_array_equal(pixels_of(pixels / np.float32(255)), pixels, strict=True)
