"""The `jaxdl` command line: argument parsing, printing and exit codes. Everything else belongs to the library.

`entry` parses and reports mistakes, `settings` holds the arguments of each command, and every command has a file of its
own: `check`, `train`, `predict`, `export`, `report`, `shapes`, `trace`, `claims`, `launch`. This
package is a private part of jaxdl: its interface are the commands.
"""

__all__: list[str] = []
