"""The benchmark harness: `measure` times competitors, `tables` prints results, `report` writes the HTML page.

`intervals` computes confidence intervals of medians, and `requirements` defines the error of a missing requirement.
This file imports nothing, so that programs that are timed from the start of the interpreter import only what they use.
"""
