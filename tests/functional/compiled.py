"""Run a function as one compiled program, because compiling its operations one by one takes longer."""

import functools

import jax


def run(f, *arguments, **settings):
    """Return f(*arguments, **settings) as NumPy arrays; the settings are constants of the program."""
    return jax.device_get(_call(functools.partial(f, **settings) if settings else f, *arguments))


def run_with_gradient(f, x, *others):
    """Return f(x, *others) and the gradient of its sum with respect to x as NumPy arrays."""
    return jax.device_get(_with_gradient(f, x, *others))


@functools.partial(jax.jit, static_argnums=0)
def _call(f, *arguments):
    return f(*arguments)


@functools.partial(jax.jit, static_argnums=0)
def _with_gradient(f, x, *others):
    y, pull = jax.vjp(lambda x: f(x, *others), x)
    return y, pull(jax.numpy.ones_like(y))[0]
