"""The work with scikit-learn's `MLPClassifier`, with joblib over the members where there are many."""

import functools
import os
import warnings

import joblib
import numpy as np
import threadpoolctl
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from benchmarks.benchmark import Prepared
from benchmarks.competitors.settings import Setting, fastest, on_cpus_alone, thread_counts, threads
from benchmarks.competitors.work import Work

COUNTS = thread_counts()
warnings.simplefilter("ignore", ConvergenceWarning)  # in the processes of joblib too: that all epochs were taken


def fitted(work: Work, seed: int) -> float:
    """Train one network; the mean loss over its last epoch."""
    network = MLPClassifier(
        work.hidden,
        solver="adam",
        alpha=0.0,
        batch_size=work.batch,
        learning_rate_init=work.rate,
        max_iter=work.epochs,
        n_iter_no_change=work.epochs + 1,
        tol=0.0,
        random_state=seed,
    )
    network.fit(work.inputs, work.labels)
    return network.loss_


def loop(work: Work, members: int = 1) -> Prepared:
    """So many networks, one after another."""
    on_cpus_alone()
    work = work.as_float32()  # all that it takes

    def setting(count):
        def train():
            with threadpoolctl.threadpool_limits(count):
                return float(np.mean([fitted(work, seed) for seed in range(members)]))

        return Setting(train, train)

    return fastest({threads(count): functools.partial(setting, count) for count in COUNTS})


def by_joblib(work: Work, members: int) -> Prepared:
    """So many networks, as many at once as there are cores: in processes or in threads, whichever is faster."""
    on_cpus_alone()
    work, cores = work.as_float32(), os.cpu_count() or 1

    def setting(backend):
        pool = joblib.Parallel(n_jobs=cores, backend=backend)

        def train():
            with threadpoolctl.threadpool_limits(1):
                return float(np.mean(pool(joblib.delayed(fitted)(work, seed) for seed in range(members))))

        return Setting(train, train)

    kinds = {"processes": "loky", "threads": "threading"}
    return fastest({f"{cores} {kind}": functools.partial(setting, backend) for kind, backend in kinds.items()})
