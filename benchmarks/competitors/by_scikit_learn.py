"""The work with scikit-learn's `MLPClassifier`, with joblib over the members where there are many."""

import functools
import os
import warnings
from collections.abc import Callable

import joblib
import numpy as np
import threadpoolctl
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from benchmarks.benchmark import Prepared
from benchmarks.competitors.settings import Setting, fastest, thread_counts, threads
from benchmarks.competitors.work import Work

COUNTS = thread_counts()


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
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        network.fit(work.inputs, work.labels)
    return network.loss_


def loop(work: Work, members: int = 1) -> Prepared:
    """So many networks: one after another, or by joblib in threads and in processes, whichever is fastest."""
    alone = functools.partial(_one_after_another, work, members)
    settings: dict[str, Callable[[], Setting]] = {threads(count): functools.partial(alone, count) for count in COUNTS}
    cores = os.cpu_count() or 1
    if members > 1 and cores > 1:
        for kind, backend in (("processes", "loky"), ("threads", "threading")):
            settings[f"joblib, {cores} {kind}"] = functools.partial(_by_joblib, work, members, cores, backend)
    return fastest(settings)


def _one_after_another(work, members, count) -> Setting:
    def train(work, members):
        with threadpoolctl.threadpool_limits(count):
            return float(np.mean([fitted(work, seed) for seed in range(members)]))

    return Setting(lambda: train(_short(work), members), lambda: train(work, members))


def _by_joblib(work, members, cores, backend) -> Setting:
    pool = joblib.Parallel(n_jobs=cores, backend=backend)

    def train(work):
        with threadpoolctl.threadpool_limits(1):
            return float(np.mean(pool(joblib.delayed(fitted)(work, seed) for seed in range(members))))

    return Setting(lambda: train(_short(work)), lambda: train(work))


def _short(work) -> Work:
    """An eighth of the examples."""
    count = max(2, work.steps // 8) * work.batch
    return work._replace(inputs=work.inputs[:count], labels=work.labels[:count])
