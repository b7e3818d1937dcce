"""Inputs on which activation functions are checked."""


def points(random, *kinks):
    """Yield normal numbers; and 20 numbers: each kink with its neighbors in float32, ±10⁴, NaN and normal numbers."""
    yield random.standard_normal((7, 5))
    z = random.standard_normal(20)
    z[:3] = 1e4, -1e4, float("nan")
    for number, kink in enumerate(kinks, start=1):
        step = abs(kink) * 2**-23 or 1e-30
        z[3 * number : 3 * number + 3] = kink - step, kink, kink + step
    yield z
