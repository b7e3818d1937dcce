"""Where activations are tried."""


def points(random, *kinks):
    """Two arrays: standard normal numbers; and each kink with its neighbours in float32, ±10⁴ and NaN among others."""
    yield random.standard_normal((7, 5))
    z = random.standard_normal(3 * len(kinks) + 9)
    z[:3] = 1e4, -1e4, float("nan")
    for place, kink in enumerate(kinks, start=1):
        step = abs(kink) * 2**-23 or 1e-30
        z[3 * place : 3 * place + 3] = kink - step, kink, kink + step
    yield z
