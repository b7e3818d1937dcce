"""Jinja templates of the pages: `page.html` is the frame, `report.html` a run, `book.html` and `claims.html` claims."""
