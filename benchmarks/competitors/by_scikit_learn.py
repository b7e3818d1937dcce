"""Train the workload with scikit-learn's `MLPClassifier`; several networks with joblib."""

import functools
import os
import warnings

import joblib
import numpy as np
import threadpoolctl
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from benchmarks.competitors.tuning import (
    Configuration,
    core_counts,
    counted,
    fastest_configuration,
    require_cpu_backend,
)
from benchmarks.competitors.workload import Workload
from benchmarks.harness.measure import PreparedCompetitor

COUNTS = core_counts()
# scikit-learn warns when all epochs are used up, which is intended here. Set on import, for joblib's processes too.
warnings.simplefilter("ignore", ConvergenceWarning)


def train_one(workload: Workload, seed: int) -> float:
    """Train one network and return the mean loss of its last epoch."""
    network = MLPClassifier(
        workload.hidden,
        solver="adam",
        alpha=0.0,
        batch_size=workload.batch,
        learning_rate_init=workload.learning_rate,
        max_iter=workload.epochs,
        n_iter_no_change=workload.epochs + 1,
        tol=0.0,
        random_state=seed,
    )
    network.fit(workload.inputs, workload.labels)
    return network.loss_


def loop(workload: Workload, members: int = 1) -> PreparedCompetitor:
    """Prepare `members` networks, trained one after another with the fastest number of threads."""
    require_cpu_backend()
    workload = workload.as_float32()  # MLPClassifier computes with floating-point inputs only

    def build(count):
        def train():
            with threadpoolctl.threadpool_limits(count):
                return float(np.mean([train_one(workload, seed) for seed in range(members)]))

        return Configuration(train, train)

    return fastest_configuration({counted(count, "thread"): functools.partial(build, count) for count in COUNTS})


def by_joblib(workload: Workload, members: int) -> PreparedCompetitor:
    """Prepare `members` networks, one on each core at a time: in processes or in threads, whichever is faster."""
    require_cpu_backend()
    workload, cores = workload.as_float32(), os.cpu_count() or 1

    def build(backend):
        pool = joblib.Parallel(n_jobs=cores, backend=backend)

        def train():
            with threadpoolctl.threadpool_limits(1):
                return float(np.mean(pool(joblib.delayed(train_one)(workload, seed) for seed in range(members))))

        return Configuration(train, train)

    kinds = {"processes": "loky", "threads": "threading"}
    return fastest_configuration(
        {f"{cores} {kind}": functools.partial(build, backend) for kind, backend in kinds.items()}
    )
