import pytest

from jaxdl import initializers

FANS = {(400, 300): (400, 300), (90, 700): (90, 700), (3, 3, 50, 60): (450, 540), (5, 30, 80): (150, 400)}


@pytest.mark.parametrize("shape", FANS)
def test_fans_equal_those_of_pytorch(torch, shape):
    *window, inputs, outputs = shape
    expected = torch.nn.init._calculate_fan_in_and_fan_out(torch.zeros(outputs, inputs, *window))
    assert (initializers.fan_in(shape), initializers.fan_out(shape)) == expected == FANS[shape]
    assert initializers.fan_average(shape) == sum(expected) / 2


def test_the_fan_in_of_pytorchs_transposed_convolutions_is_our_fan_out(torch):
    layer = torch.nn.ConvTranspose2d(7, 5, (3, 2))
    assert torch.nn.init._calculate_fan_in_and_fan_out(layer.weight)[0] == initializers.fan_out((3, 2, 7, 5))


@pytest.mark.parametrize("fan", [initializers.fan_in, initializers.fan_out, initializers.fan_average])
def test_the_shape_of_a_bias_raises(fan):
    with pytest.raises(ValueError, match=r"at least two axes, inputs and outputs, got the shape \(5,\)\. For a bias"):
        fan((5,))
