"""The experiments of the course in an installed jaxdl, a private part of jaxdl: its interface is `jaxdl claims`.

A wheel holds the repository's folder `experiments` as `jaxdl.course.experiments`, with the kept results. In a clone the
folder stays where it is, and `jaxdl claims` finds it there.
"""

__all__: list[str] = []
