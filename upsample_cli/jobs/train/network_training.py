"""Train a network by Adam on patches, and test it on held-out crops.

The learning rate falls as a cosine, and a moving average of the weights is kept. The loss is the
mean absolute error, and in the last tenth of the training the mean squared error.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import cos, pi
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from upsample_cli import process
from upsample_cli.errors import SettingError
from upsample_cli.images.places.place import Place
from upsample_cli.jobs.train.network_model import Model, deepened, untrained
from upsample_cli.jobs.train.pairs import (
    LEAST_SIDE,
    Pairs,
    held_out,
    none_usable,
    readable,
    usable,
)
from upsample_cli.kernels.network_weights import ResidualNetwork, load_network

_LAYERS = 5  # of the body of a new network
_KEPT = 0.9  # share of its input that a new layer of a trained network passes on
_BATCH, _SIDE = 16, 48  # patches per step, and input pixels along the side of each
_RATE, _RATE_ON = 2e-3, 1e-3  # learning rate of a new network; of one trained before
_WARMUP = 200  # steps in which the learning rate rises
_CLIP = 0.5  # norm to which longer gradients are clipped
_AVERAGE = 0.999  # share of the averaged weights that a step keeps
_LAST = 0.9  # share of the training after which the loss is the squared error
_TEST_INTERVAL = 500  # steps from one test on the held-out crops to the next
_POOL, _HELD_OUT = 128, 24  # crops to learn from at a time, and to test on


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """How to train a network.

    Args:
        stride: Output pixels per input pixel, 2..4.
        start: `photo`, `clean` or a .npz to begin with; None for random features.
        layers: Convolutions of the body; None for as many as `start` has, or 5.
        steps: Steps to train; None for as many as `minutes` allows.
        minutes: How long to train if `steps` is None.
        degrade: `photo` damages a quarter of the crops by noise and JPEG, `web` two in five and
            more strongly, `clean` none.
        seed: Seed of all random choices.
        holdout: Share of the pictures to test on, not to learn from.

    Raises:
        SettingError: The stride is not 2, 3 or 4.
    """

    stride: int
    start: str | None
    layers: int | None
    steps: int | None
    minutes: float
    degrade: str
    seed: int
    holdout: float

    def __post_init__(self) -> None:
        """Check the stride."""
        if self.stride not in (2, 3, 4):
            raise SettingError(f"--stride {self.stride} is not for networks; give 2, 3 or 4")

    def initial_network(self, rng: np.random.Generator) -> ResidualNetwork:
        """Return the first network; if `start` is for another stride, only its body is used."""
        if self.start is None:
            return untrained(self.stride, self.layers or _LAYERS, rng)
        old = load_network(self.start, self.stride)
        if self.layers is not None and self.layers < len(old.body):
            raise SettingError(
                f"--layers {self.layers} is fewer than the {len(old.body)} of {self.start}; "
                f"give {len(old.body)} or more"
            )
        if old.stride != self.stride:
            old = old._replace(head=np.zeros((self.stride**2, *old.head.shape[1:]), np.float32))
        return deepened(old, self.layers or 0, _KEPT, rng)


class Evaluation(NamedTuple):
    """A test on held-out crops: step, share done, and PSNR by method, in dB (empty: no crops)."""

    step: int
    done: float
    psnr: dict[str, float]


Watch = Callable[[Evaluation, ResidualNetwork], None]


class TrainedNetwork(NamedTuple):
    """The best network of a training, and what became of the training.

    Args:
        network: The best network.
        evaluation: Its test.
        skipped: Pictures that could not be used, with the reasons.
        seconds: How long the training took.
        code: The exit code of the signal that ended it; 0 if none did, or Ctrl-C.
    """

    network: ResidualNetwork
    evaluation: Evaluation
    skipped: tuple[str, ...]
    seconds: float
    code: int


def train(sources: Sequence[Place], settings: NetworkSettings, watch: Watch) -> TrainedNetwork:
    """Train a network, and return its best state by held-out crops; a signal ends the steps early.

    Args:
        sources: Pictures to learn from and to test on.
        settings: How to train.
        watch: Called with the figures of each test, and the best network so far.

    Raises:
        ImageFileError: No picture can be used.
        SettingError: The network to begin with cannot be read, or has more layers than asked for.
    """
    start, skipped = perf_counter(), list[str]()
    initial = settings.initial_network(np.random.default_rng(settings.seed))
    rng = np.random.default_rng(settings.seed)  # anew: with `start`, the same pictures are held out
    least = settings.stride * LEAST_SIDE
    paths = usable(sources, least, skipped)
    pictures = [np.asarray(luma + 0.5, np.uint8) for _, luma in readable(paths, skipped)]
    if not pictures:
        raise none_usable(least, skipped)
    order = rng.permutation(len(pictures)).tolist()
    tests = order[: held_out(len(order), settings.holdout)]

    def pairs(chosen: list[int], count: int) -> Pairs:
        """Return a pool of `count` crops of the chosen pictures."""
        photographs = [pictures[i] for i in sorted(chosen)]
        return Pairs(photographs, settings.stride, initial.halo, settings.degrade, rng, count)

    test_pairs = pairs(tests, _HELD_OUT) if tests else None
    training = order[len(tests) :]
    initial = initial._replace(about={
        "degrade": settings.degrade, "seed": settings.seed, "start": settings.start,
        "pictures": len(training),
    })  # fmt: skip
    steps = _steps(initial, pairs(training, _POOL), settings)
    best, evaluation, code = _best(initial, steps, test_pairs, watch)
    return TrainedNetwork(best, evaluation, tuple(skipped), perf_counter() - start, code)


def _best(
    initial: ResidualNetwork, steps: Iterator[tuple[int, float, Model]], test_pairs: Pairs | None,
    watch: Watch,
) -> tuple[ResidualNetwork, Evaluation, int]:  # fmt: skip
    """Return the best network of all tests, its test, and the exit code of a signal.

    The first test is before any step.
    """
    evaluation = Evaluation(0, 0.0, _scores(Model(initial), test_pairs) if test_pairs else {})
    best = _described(initial, initial, evaluation)
    watch(evaluation, best)

    def judge(step: int, done: float, model: Model) -> None:
        """Test a model, and keep it if it is the best so far."""
        nonlocal best, evaluation
        now = Evaluation(step, done, _scores(model, test_pairs) if test_pairs else {})
        if now.psnr.get("network", 0) >= evaluation.psnr.get("network", 0):
            best, evaluation = _described(model.network(), initial, now), now
        watch(now, best)

    latest, code = None, 0
    try:
        for latest in steps:
            if latest[0] % _TEST_INTERVAL == 0 or latest[1] >= 1:
                judge(*latest)
    except (KeyboardInterrupt, SystemExit) as stop:
        if latest is None:
            raise
        with suppress(KeyboardInterrupt):  # a second one keeps the best so far
            judge(*latest)
        process.forget_signals()
        code = int(stop.code or 0) if isinstance(stop, SystemExit) else 0
    return best, evaluation, code


def _described(
    network: ResidualNetwork, initial: ResidualNetwork, test: Evaluation
) -> ResidualNetwork:
    """Return a network that says how it was trained from the initial one, and what it scored."""
    return network._replace(about={"steps": test.step, **initial.about, "psnr": test.psnr})


def _steps(
    network: ResidualNetwork, pairs: Pairs, settings: NetworkSettings
) -> Iterator[tuple[int, float, Model]]:
    """Train; yield after every step its number, the share done, 0..1, and the averaged model."""
    torch.manual_seed(settings.seed)
    torch.set_num_threads(process.cores())
    model = Model(network)
    average = copy.deepcopy(model)
    averages, weights = list(average.parameters()), list(model.parameters())
    rate = _RATE if settings.start is None else _RATE_ON
    adam = torch.optim.Adam(weights, rate, betas=(0.9, 0.99), fused=True)
    # Processors without bfloat16 emulate it, which takes up to ten times as long. Older versions of
    # PyTorch do not say whether the processor has it.
    abilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    has_bfloat16 = abilities.get("avx512_bf16", False)
    begin, step, done = perf_counter(), 0, 0.0
    while done < 1:
        adam.param_groups[0]["lr"] = rate * min(1, (step + 1) / _WARMUP) * (cos(pi * done) + 1) / 2
        low, residual = map(torch.from_numpy, pairs.batch(_BATCH, _SIDE))
        with torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16):
            added = model(low.to(memory_format=torch.channels_last))
        error = added.float() - residual
        loss = error.abs().mean() if done < _LAST else 8 * error.square().mean()
        adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(weights, _CLIP)
        adam.step()
        step += 1
        minutes = (perf_counter() - begin) / 60
        done = step / settings.steps if settings.steps else min(1.0, minutes / settings.minutes)
        with torch.no_grad():
            for old, new in zip(averages, weights, strict=True):
                old.lerp_(new, 1 - min(_AVERAGE, step / (step + 20)))
        yield step, done, average


@torch.no_grad()
def _scores(model: Model, pairs: Pairs) -> dict[str, float]:
    """Return the mean PSNR, in dB on whole crops, of network, learned kernel and bicubic."""
    errors = []
    for low, residual, bicubic in pairs.pool:
        added = model(torch.from_numpy(low)[None, None])[0].numpy()
        errors.append([np.square(residual - added).mean(), np.square(residual).mean(), bicubic])
    psnr = -10 * np.log10(np.maximum(errors, 1e-10)).mean(0)
    return dict(zip(("network", "learned", "bicubic"), psnr.round(3).tolist(), strict=True))
