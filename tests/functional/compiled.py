"""Run a function as one compiled program, because compiling its operations one by one takes longer."""

import functools

import jax


def run(f, *arguments, **settings):
    """Return f(*arguments, **settings) as NumPy arrays; the settings are constants of the program."""
    return jax.device_get(_call(functools.partial(f, **settings) if settings else f, *arguments))


@functools.partial(jax.jit, static_argnums=0)
def _call(f, *arguments):
    return f(*arguments)
