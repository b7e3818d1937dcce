import functools
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxdl import optimizers, schedules

EACH = [
    (schedules.constant, (0.3,), {}),
    (schedules.step, (0.3,), {"every": 4, "factor": 0.5}),
    (schedules.exponential, (0.3,), {"factor": 0.9}),
    (schedules.linear_warmup, (0.3,), {"warmup": 7, "initial": 0.1}),
    (schedules.cosine, (0.3,), {"steps": 13, "final": 0.01}),
    (schedules.warmup_cosine, (0.3,), {"warmup": 4, "steps": 13, "initial": 0.1, "final": 0.01}),
    (schedules.one_cycle, (0.3,), {"steps": 13, "warmup_share": 0.4, "initial_divisor": 9.0, "final_divisor": 100.0}),
    (schedules.cyclic, (0.1, 0.3), {"up": 3, "down": 5, "factor": 0.5}),
    (schedules.exp_range, (0.1, 0.3), {"up": 3, "down": 5, "factor": 0.9}),
]
each = pytest.mark.parametrize(("schedule", "rates", "settings"), EACH, ids=[f.__name__ for f, *_ in EACH])
STEPS = np.arange(30, dtype=np.int32)


def path(schedule, steps=STEPS):
    return np.asarray(jax.jit(jax.vmap(schedule))(jnp.asarray(steps, jnp.int32)))


def torch_path(torch, value, scheduler, steps):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=value)
    scheduler = scheduler(optimizer)
    rates = []
    for step in range(steps):
        if step > 0:
            optimizer.step()
            scheduler.step()
        rates.append(optimizer.param_groups[0]["lr"])
    return rates


def test_no_schedule_is_missing_here():
    own = {name for name, f in inspect.getmembers(schedules, inspect.isfunction) if f.__module__ == schedules.__name__}
    public = {name for name in own if not name.startswith("_")}
    assert public == {*schedules.__all__} == {f.__name__ for f, *_ in EACH}


TORCH = [
    (functools.partial(schedules.step, every=7), "StepLR", {"step_size": 7}, 40),
    (functools.partial(schedules.step, every=1, factor=0.8), "StepLR", {"step_size": 1, "gamma": 0.8}, 40),
    (functools.partial(schedules.exponential, factor=0.97), "ExponentialLR", {"gamma": 0.97}, 200),
    (functools.partial(schedules.cosine, steps=50), "CosineAnnealingLR", {"T_max": 50}, 51),
    (functools.partial(schedules.cosine, steps=7, final=0.05), "CosineAnnealingLR", {"T_max": 7, "eta_min": 0.05}, 8),
    (
        functools.partial(schedules.linear_warmup, warmup=9, initial=0.03),
        "LinearLR",
        {"start_factor": 0.1, "total_iters": 9},
        20,
    ),
    (lambda high: schedules.cyclic(0.01, high, up=4, down=4), "CyclicLR", {"base_lr": 0.01, "step_size_up": 4}, 60),
    (
        lambda high: schedules.cyclic(0.01, high, up=3, down=8),
        "CyclicLR",
        {"base_lr": 0.01, "step_size_up": 3, "step_size_down": 8},
        60,
    ),
    (
        lambda high: schedules.cyclic(0.01, high, up=5, down=2, factor=0.5),
        "CyclicLR",
        {"base_lr": 0.01, "step_size_up": 5, "step_size_down": 2, "mode": "triangular2"},
        60,
    ),
    (
        lambda high: schedules.exp_range(0.01, high, up=5, down=2, factor=0.95),
        "CyclicLR",
        {"base_lr": 0.01, "step_size_up": 5, "step_size_down": 2, "mode": "exp_range", "gamma": 0.95},
        60,
    ),
]


@pytest.mark.parametrize(("schedule", "name", "settings", "steps"), TORCH)
def test_every_step_equals_pytorch(torch, double, schedule, name, settings, steps):
    def scheduler(optimizer):
        extra = {"CyclicLR": {"max_lr": 0.3, "cycle_momentum": False}}.get(name, {})
        return getattr(torch.optim.lr_scheduler, name)(optimizer, **settings, **extra)

    expected = torch_path(torch, 0.3, scheduler, steps)
    np.testing.assert_allclose(path(schedule(0.3), range(steps)), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("ours", "torchs"),
    [
        ({}, {}),
        ({"warmup_share": 0.55}, {"pct_start": 0.55}),
        ({"warmup_share": 0.0}, {"pct_start": 0.0}),
        ({"warmup_share": 1.0}, {"pct_start": 1.0}),
        ({"initial_divisor": 4.0, "final_divisor": 7.0}, {"div_factor": 4.0, "final_div_factor": 7.0}),
    ],
)
def test_every_step_of_one_cycle_equals_pytorch(torch, double, ours, torchs):
    lengths = (2, 3, 11, 38, 101)
    one_cycle = lambda steps: jax.vmap(schedules.one_cycle(0.3, steps=steps, **ours))(jnp.arange(steps, dtype="int32"))
    paths = jax.jit(lambda: [one_cycle(length) for length in lengths])()
    for steps, path in zip(lengths, paths, strict=True):
        scheduler = lambda optimizer: torch.optim.lr_scheduler.OneCycleLR(
            optimizer, 0.3, total_steps=steps, cycle_momentum=False, **torchs
        )
        np.testing.assert_allclose(path, torch_path(torch, 0.3, scheduler, steps), rtol=1e-12, atol=1e-14)


OPTAXS = [
    (schedules.constant(0.3), optax.constant_schedule(0.3)),
    (schedules.exponential(0.3, factor=0.9), optax.exponential_decay(0.3, 1, 0.9)),
    (schedules.step(0.3, every=4, factor=0.5), optax.exponential_decay(0.3, 4, 0.5, staircase=True)),
    (schedules.linear_warmup(0.3, warmup=7, initial=0.1), optax.linear_schedule(0.1, 0.3, 7)),
    (schedules.linear_warmup(0.3, warmup=7), optax.linear_schedule(0.0, 0.3, 7)),
    (schedules.warmup_cosine(0.3, warmup=4, steps=13), optax.warmup_cosine_decay_schedule(0.0, 0.3, 4, 13)),
    (schedules.cosine(0.3, steps=13, final=0.03), optax.cosine_decay_schedule(0.3, 13, 0.1)),
    (
        schedules.warmup_cosine(0.3, warmup=4, steps=13, initial=0.1, final=0.01),
        optax.warmup_cosine_decay_schedule(0.1, 0.3, 4, 13, 0.01),
    ),
    (schedules.warmup_cosine(0.3, warmup=0, steps=13), optax.warmup_cosine_decay_schedule(0.0, 0.3, 0, 13)),
]


def test_every_step_equals_optax(double):
    """Steps of dtype float64 make optax compute in float64."""
    both = lambda steps: [(jax.vmap(ours)(steps), jax.vmap(optaxs)(1.0 * steps)) for ours, optaxs in OPTAXS]
    for number, (ours, optaxs) in enumerate(jax.jit(both)(STEPS)):
        np.testing.assert_allclose(ours, optaxs, rtol=1e-12, atol=1e-14, err_msg=f"schedule {number} of OPTAXS")


def test_the_shortest_schedules():
    np.testing.assert_allclose(path(schedules.cosine(0.3, steps=1), [0, 1, 2]), [0.3, 0, 0], atol=1e-9)
    triangle = schedules.cyclic(0.1, 0.3, up=1, down=1)
    np.testing.assert_allclose(path(triangle, [0, 1, 2, 3]), [0.1, 0.3, 0.1, 0.3], rtol=1e-6)


def test_the_first_the_last_and_the_turning_points():
    cosine = schedules.cosine(0.3, steps=10, final=0.1)
    np.testing.assert_allclose(path(cosine, [0, 5, 10, 11, 10**9]), [0.3, 0.2, 0.1, 0.1, 0.1], rtol=1e-6)
    warmed = schedules.warmup_cosine(0.3, warmup=4, steps=14, initial=0.1)
    np.testing.assert_allclose(path(warmed, [0, 2, 4, 9, 14, 15]), [0.1, 0.2, 0.3, 0.15, 0, 0], rtol=1e-6)
    cycle = schedules.one_cycle(0.5, steps=11, warmup_share=6 / 11, initial_divisor=5.0, final_divisor=10.0)
    np.testing.assert_allclose(path(cycle, [0, 5, 10, 11, 10**9]), [0.1, 0.5, 0.01, 0.01, 0.01], rtol=1e-6)
    triangle = schedules.cyclic(0.1, 0.3, up=2, down=4, factor=0.5)
    np.testing.assert_allclose(path(triangle, [0, 2, 4, 6, 8, 12, 14]), [0.1, 0.3, 0.2, 0.1, 0.2, 0.1, 0.15], rtol=1e-6)
    staircase = schedules.step(0.3, every=2)
    np.testing.assert_allclose(path(staircase, [0, 1, 2, 3, 4]), [0.3, 0.3, 0.03, 0.03, 0.003], rtol=1e-6)
    halved = schedules.exponential(0.3, factor=2 ** (-1 / 5))
    np.testing.assert_allclose(path(halved, [0, 5, 10]), [0.3, 0.15, 0.075], rtol=1e-6)
    assert path(schedules.linear_warmup(0.3, warmup=0), [0, 1]).tolist() == [np.float32(0.3)] * 2


def test_one_cycle_without_warmup_starts_at_the_peak():
    assert float(schedules.one_cycle(0.3, steps=10, warmup_share=0.1)(0)) == pytest.approx(0.3)
    assert float(schedules.one_cycle(0.3, steps=1, warmup_share=1.0)(0)) == pytest.approx(0.3)


def test_a_long_cosine_is_accurate_near_its_end_in_float32():
    last = float(schedules.cosine(1.0, steps=100_000)(99_999))
    assert last == pytest.approx(np.sin(np.pi / 2 / 100_000) ** 2, rel=1e-5)


@each
def test_a_vmap_over_steps_equals_the_loop(schedule, rates, settings):
    schedule = schedule(*rates, **settings)
    together, loop = jax.jit(lambda steps: (jax.vmap(schedule)(steps), jax.lax.map(schedule, steps)))(STEPS)
    assert together.dtype == jnp.float32
    np.testing.assert_allclose(together, loop, rtol=1e-5)


@each
def test_int32_steps_give_float64_if_it_is_enabled(double, schedule, rates, settings):
    learning_rate = jax.eval_shape(schedule(*rates, **settings), jnp.int32(3))
    assert learning_rate.dtype == jnp.float64


@each
def test_a_vmap_over_traced_settings_equals_the_loop(double, schedule, rates, settings):
    def all_steps(rates, settings):
        return jax.vmap(schedule(*rates, **settings))(jnp.asarray(STEPS))

    def another(value):
        return value + 2 if isinstance(value, int) else 0.75 * value

    members = [(rates, settings), jax.tree.map(another, (rates, settings))]
    stacked = jax.tree.map(lambda *values: jnp.array(values), *members)
    both = jax.jit(lambda stacked: (jax.vmap(all_steps)(*stacked), [all_steps(*member) for member in members]))
    swept, loop = jax.device_get(both(stacked))
    assert np.isfinite(swept).all()
    np.testing.assert_allclose(swept, np.stack(loop), rtol=1e-12)


@each
def test_the_gradient_with_respect_to_the_learning_rate_is_exact(double, schedule, rates, settings):
    def total(rate):
        return jax.vmap(schedule(*rates[:-1], rate, **settings))(jnp.asarray(STEPS)).sum()

    gradient, difference = jax.jit(lambda rate: (jax.grad(total)(rate), total(1.3) - total(0.3)))(rates[-1])
    assert float(gradient) == pytest.approx(float(difference), rel=1e-9)


@each
def test_optax_accepts_it_as_a_learning_rate_in_a_compiled_scan(schedule, rates, settings):
    optimizer = optax.chain(optax.scale_by_learning_rate(schedule(*rates, **settings)))

    @jax.jit
    def descend(params):
        def one_step(carry, _):
            params, state = carry
            updates, state = optimizer.update(jnp.ones_like(params), state, params)
            return (optax.apply_updates(params, updates), state), updates

        updates = jax.lax.scan(one_step, (params, optimizer.init(params)), length=len(STEPS))[1]
        return updates, jax.vmap(schedule(*rates, **settings))(jnp.asarray(STEPS))

    updates, path = jax.device_get(descend(np.zeros(2, np.float32)))
    np.testing.assert_allclose(updates[:, 0], -path, rtol=1e-5)


def test_an_optimizer_accepts_a_schedule_as_its_learning_rate():
    optimizer = optimizers.momentum(schedules.cosine(0.1, steps=2), decay=0.0)
    params = jnp.array(1.0)
    state = optimizer.init(params)
    for _ in range(3):
        updates, state = optimizer.update(jnp.array(1.0), state, params)
        params = optax.apply_updates(params, updates)
    assert float(params) == pytest.approx(1 - 0.1 - 0.05 - 0)


INVALID = [
    (schedules.step, (0.3,), {"every": 0}, "every must be at least 1 step, got 0. Count batches"),
    (schedules.linear_warmup, (0.3,), {"warmup": -1}, "warmup must be at least 0 steps, got -1"),
    (schedules.cosine, (0.3,), {"steps": 0}, "steps must be at least 1 step, got 0. Count batches"),
    (schedules.warmup_cosine, (0.3,), {"warmup": 5, "steps": 5}, "less than steps, .*, got warmup 5 and steps 5"),
    (schedules.warmup_cosine, (0.3,), {"warmup": -1, "steps": 5}, "at least 0 .*, got warmup -1 and steps 5"),
    (schedules.one_cycle, (0.3,), {"steps": 0}, "steps must be at least 1 step, got 0. Count batches"),
    (schedules.one_cycle, (0.3,), {"steps": 9, "warmup_share": -0.1}, "between 0 and 1, got -0.1"),
    (schedules.one_cycle, (0.3,), {"steps": 9, "warmup_share": 1.1}, "between 0 and 1, got 1.1"),
    (schedules.one_cycle, (0.3,), {"steps": 9, "initial_divisor": 0.0}, "positive, got 0.0 and 10000.0"),
    (schedules.one_cycle, (0.3,), {"steps": 9, "final_divisor": 0.0}, "positive, got 25.0 and 0.0"),
    (schedules.one_cycle, (0.3,), {"steps": 9, "final_divisor": -2.0}, "positive, got 25.0 and -2.0"),
    (schedules.cyclic, (0.1, 0.3), {"up": 0, "down": 3}, "up must be at least 1 step, got 0. Count batches"),
    (schedules.exp_range, (0.1, 0.3), {"up": 1, "down": 0, "factor": 0.9}, "down must be at least 1 step, got 0"),
]


@pytest.mark.parametrize(("schedule", "rates", "settings", "message"), INVALID)
def test_an_invalid_setting_raises(schedule, rates, settings, message):
    with pytest.raises(ValueError, match=message):
        schedule(*rates, **settings)
    with pytest.raises(ValueError, match=message):
        schedule(*rates, **jax.tree.map(jnp.asarray, settings))


def test_an_invalid_traced_setting_gives_nan():
    def traced(all_settings):
        schedules = [
            schedule(*rates, **settings) for (schedule, rates, *_), settings in zip(INVALID, all_settings, strict=True)
        ]
        return [jax.vmap(schedule)(jnp.asarray(STEPS)) for schedule in schedules]

    paths = jax.jit(traced)([settings for *_, settings, _ in INVALID])
    assert [bool(np.isnan(path).all()) for path in paths] == [True] * len(INVALID)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda f: f(schedules.constant)("0.1"), "value must be a number, got '0.1'"),
        (lambda f: f(schedules.step)("0.1", every=2), "value must be a number, got '0.1'"),
        (lambda f: f(schedules.exponential)(0.1, factor="a"), "factor must be a number, got 'a'"),
        (lambda f: f(schedules.linear_warmup)(0.1, warmup="5"), "warmup must be a number, got '5'"),
        (lambda f: f(schedules.cosine)(None, steps=10), "value must be a number, got None"),
        (lambda f: f(schedules.cosine)(lambda t: t, steps=10), "value must be a number, got .*: .* only an optimizer"),
        (lambda f: f(schedules.warmup_cosine)(0.1, warmup=1, steps="9"), "steps must be a number, got '9'"),
        (
            lambda f: f(schedules.warmup_cosine)(0.1, warmup=0.1, steps=9),
            "warmup must be a whole number of steps",
        ),
        (lambda f: f(schedules.one_cycle)([0.1], steps=10), "peak must be a number, got list"),
        (lambda f: f(schedules.cyclic)(0.0, 1.0, up=None, down=2), "up must be a number, got None"),
        (lambda f: f(schedules.exp_range)(0.0, 1.0, up=1, down=2, factor="a"), "factor must be a number, got 'a'"),
    ],
)
def test_a_setting_that_is_not_a_number_raises(unchecked, call, sentence):
    with pytest.raises(TypeError, match=sentence):
        call(unchecked)
