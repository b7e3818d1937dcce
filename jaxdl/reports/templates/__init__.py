"""Jinja templates of the pages: `page.html` is the frame, `report.html` a run, `book.html` and `claims.html` claims.

This package is a private part of `jaxdl.reports`.
"""

__all__: list[str] = []
