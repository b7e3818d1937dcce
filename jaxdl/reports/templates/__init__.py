"""Templates of the pages: `page.html` is the frame, `report.html` a run, `book.html` and `chapter.html` claims.

The other files are fragments, which `jaxdl.reports.book` renders, with their style (`book.css`) and their scripts. This
package is a private part of `jaxdl.reports`.
"""

__all__: list[str] = []
