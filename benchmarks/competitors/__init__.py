"""The libraries that jaxdl is compared with, and the workloads that all of them train.

`libraries` describes each competitor, `by_*` implement them, `workload` defines the training, and `tuning` chooses the
fastest configuration. This file imports nothing, so that programs that are timed from the start of the interpreter
import only what they use.
"""
