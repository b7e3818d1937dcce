"""How long does an MLP take as a member of a population: in jaxdl, and elsewhere?

    python -m benchmarks run populations

Of 128 networks 64-64-10 one takes 0.93 ms for three epochs of digits with jaxdl. PyTorch's loop takes 36 times as long
(35 to 37), scikit-learn 25 times (24 to 26) and with joblib 18 times (16 to 19), `torch.func.vmap` 1.4 times (1.3 to
1.5), and `jax.vmap` over Flax 1.6 times (1.6 to 1.7). Of 32 networks 784-256-128-10 one takes 16.0 ms for 20 steps:
PyTorch's loop takes 2.5 times as long (2.1 to 3.4), `torch.func.vmap` 1.6 times (1.5 to 2.2), `jax.vmap` over Flax 1.7
times (1.6 to 1.9), scikit-learn 3.3 times (3.0 to 4.6). Alone such a network takes PyTorch as long (1.05; 0.81 to
1.19). Median and interval of 6 rounds on 2 CPU cores, jax 0.10.2, PyTorch 2.13.0, scikit-learn 1.9.1.

The work: networks 64-64-10 on the digits, three epochs of 33 batches of 32; and networks 784-256-128-10 on images of
MNIST, 20 batches of 128, which each competitor keeps as bytes or as numbers, whichever is faster. All with Adam, each
member with first weights and an order of its own. Times are for one member; those who train one after another do so for
few, since their time for a member does not depend on how many follow. `jax.vmap` is applied to the step of the plain
Flax loop.
"""

import functools

from benchmarks import competitors
from benchmarks.benchmark import Benchmark, Case, Target
from benchmarks.competitors import work

LOOPED = 4  # members of those who train one after another
EPOCHS, STEPS = 3, 20
WHY = (
    "of its 0.80 ms a step, products take 0.66 at the rate of a large one, as `limits` measures: PyTorch's 1.95 ms are "
    "2.96 times that, and nothing else could take any time; Adam's update and the gathering of batches take the rest"
)
DIGITS, MNIST = (1, 8, 128, 1024), (1, 8, 32, 64)


def everybody(made, members, one_by_one):
    """All who train many MLPs."""
    of = made()
    return [
        competitors.jaxdl_population(of, members),
        competitors.flax_vmap(of, members),
        competitors.pytorch_vmap(of, members),
        *(_loops(of, min(LOOPED, members)) if one_by_one else ()),
    ]


def _loops(of, members):
    """Those who train one network after another."""
    return (
        competitors.pytorch_loop(of, members, name="PyTorch, one after another"),
        competitors.scikit_learn_loop(of, members),
        *((competitors.scikit_learn_joblib(of, members),) if members > 1 else ()),
    )


def _case(said, duration, made, members, targets, same_work):
    """So many members; those who train one after another beside one of them, and where there are targets."""
    of = functools.partial(everybody, made, members, members == 1 or bool(targets))
    axis = f"members, {said}"
    return Case(f"{members} × {said}, {duration}", of, same_work, "member", targets, axis, members)


def _digits(members):
    wanted = {"PyTorch, one after another": 30, "scikit-learn": 18, "scikit-learn with joblib": 18}
    targets = tuple(map(Target, wanted, wanted.values())) if members == 128 else ()
    made = functools.partial(work.digits_mlp, epochs=EPOCHS)
    return _case("64-64-10 on digits", f"{EPOCHS} epochs", made, members, targets, 0.25)


def _mnist(members):
    wanted = (Target("PyTorch, one after another", 3, WHY), Target("torch.func.vmap", 1.4))
    made = functools.partial(work.mnist_mlp, steps=STEPS)
    said = "784-256-128-10 on MNIST"
    return _case(said, f"{STEPS} steps", made, members, wanted if members == 32 else (), 0.1)


benchmark = Benchmark(
    name="populations",
    question="How long does an MLP take as a member of a population?",
    cases=(*map(_digits, DIGITS), *map(_mnist, MNIST)),
    rounds=6,
)
