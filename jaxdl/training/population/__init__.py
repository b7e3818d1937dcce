"""Populations: many members in one compiled program.

`population` computes a function for every member. Inside `fit`, `member` defines one member, `runner` the interface to
the two ways of training (`in_memory`, `streamed`), `sharding` puts members on devices, and `autotune` chooses the
layout. This package is a private part of `jaxdl.training`, which exports its public function.
"""

__all__: list[str] = []
