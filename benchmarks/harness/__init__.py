"""The benchmark harness: `measure` times competitors, `tables` prints results, `report` writes the HTML page.

`absence` has the error of a missing requirement. This file imports nothing, so that programs that are timed from the
start of the interpreter do not pay for imports that they do not use.
"""
