"""Twenty steps of PyTorch's optimizers, its two ways to clip, and its learning-rate schedules: optimizers.safetensors.

Each optimizer runs twice on parameters a [3, 2] and b [4]: `given`, with the gradient of each step in the file, and
`quadratic`, with the gradient 2 · parameter − target, the target in the file. Options are in OPTIMIZERS below.
"""

import warnings

import numpy as np
import torch

from common import Fixture, close, leaf, normal, single

STEPS = 20
OPTIMIZERS = {
    "sgd": (torch.optim.SGD, dict(lr=0.1)),
    "sgd_momentum": (torch.optim.SGD, dict(lr=0.1, momentum=0.9)),
    "sgd_nesterov": (torch.optim.SGD, dict(lr=0.1, momentum=0.9, nesterov=True)),
    "sgd_decay": (torch.optim.SGD, dict(lr=0.1, weight_decay=0.05)),
    "sgd_nesterov_decay": (torch.optim.SGD, dict(lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.05)),
    "adam": (torch.optim.Adam, dict()),
    "adam_decay": (torch.optim.Adam, dict(lr=0.05, betas=(0.8, 0.99), weight_decay=0.05)),
    "adamw": (torch.optim.AdamW, dict()),
    "adamw_decay": (torch.optim.AdamW, dict(lr=0.05, betas=(0.8, 0.99), weight_decay=0.2)),
    "rmsprop": (torch.optim.RMSprop, dict()),
    "rmsprop_momentum": (torch.optim.RMSprop, dict(lr=0.02, alpha=0.9, momentum=0.9)),
    "rmsprop_centered": (torch.optim.RMSprop, dict(lr=0.02, alpha=0.9, centered=True)),
    "rmsprop_decay": (torch.optim.RMSprop, dict(lr=0.02, weight_decay=0.05)),
    "adagrad": (torch.optim.Adagrad, dict()),
    "adagrad_lr_decay": (torch.optim.Adagrad, dict(lr=0.1, lr_decay=0.1)),
    "adagrad_decay": (torch.optim.Adagrad, dict(lr=0.1, weight_decay=0.05, initial_accumulator_value=0.1)),
}
SHAPES = {"a": (3, 2), "b": (4,)}


def gradients():
    """Sines of a ramp, a different wave for each step; the last of b is so small that the place of epsilon matters."""
    result = {}
    for offset, (name, shape) in enumerate(SHAPES.items()):
        ramp = np.arange(STEPS * np.prod(shape)).reshape(STEPS, *shape)
        result[name] = np.sin(0.7 * ramp + 0.013 * ramp ** 1.5 + offset) + 0.1
    result["b"][:, -1] *= 1e-6
    return {name: single(value) for name, value in result.items()}


initial = {name: normal(f"optimizers {name}", *shape) for name, shape in SHAPES.items()}
target = {name: normal(f"optimizers target {name}", *shape) for name, shape in SHAPES.items()}
given = gradients()


def run(make, options, gradient_of, dtype=torch.float64):
    parameters = {name: torch.nn.Parameter(torch.tensor(value, dtype=dtype)) for name, value in initial.items()}
    optimizer = make(parameters.values(), **options)
    path = {name: [] for name in SHAPES}
    for step in range(STEPS):
        for name, parameter in parameters.items():
            parameter.grad = gradient_of(name, step, parameter.detach()).to(dtype)
        optimizer.step()
        for name, parameter in parameters.items():
            path[name].append(parameter.detach().numpy().copy())
    return {name: np.stack(steps) for name, steps in path.items()}


def adam_by_hand(options, gradient_of, decoupled):
    """The formula of Kingma and Ba (2015), or of Loshchilov and Hutter (2019) if `decoupled`: a check."""
    lr, (b1, b2), eps = options.get("lr", 1e-3), options.get("betas", (0.9, 0.999)), 1e-8
    decay = options.get("weight_decay", 0.01 if decoupled else 0)
    path = {}
    for name, start in initial.items():
        p, m, v, steps = start.copy(), 0, 0, []
        for step in range(STEPS):
            g = gradient_of(name, step, torch.tensor(p)).numpy()
            if decoupled:
                p = p - lr * decay * p
            else:
                g = g + decay * p
            m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
            p = p - lr * (m / (1 - b1 ** (step + 1))) / (np.sqrt(v / (1 - b2 ** (step + 1))) + eps)
            steps.append(p)
        path[name] = np.stack(steps)
    return path


fixture = Fixture("optimizers.safetensors")
fixture.add_all("initial", initial)
fixture.add_all("target", target)
fixture.add_all("gradients", given)

KINDS = {
    "given": lambda name, step, p: torch.tensor(given[name][step]),
    "quadratic": lambda name, step, p: 2 * p - torch.tensor(target[name]).to(p.dtype),
}
worst = 0
for label, (make, options) in OPTIMIZERS.items():
    for kind, gradient_of in KINDS.items():
        path = run(make, options, gradient_of)
        inexact = run(make, options, gradient_of, torch.float32)
        worst = max(worst, max(np.abs(inexact[n] - path[n]).max() / np.abs(path[n]).max() for n in SHAPES))
        if label.startswith("adam"):
            expected = adam_by_hand(options, gradient_of, decoupled=label.startswith("adamw"))
            for name in SHAPES:
                close(path[name], expected[name], 1e-12, f"{label}.{kind}.{name}")
        fixture.add_all(f"{label}.{kind}", path)

# Clipping. The gradients of step 0 have a norm between the two limits.
before = {name: value[0] for name, value in given.items()}
fixture.add_all("clip.before", before)
for label, limit in [("norm_1", 1.0), ("norm_100", 100.0), ("value_half", 0.5)]:
    parameters = {name: leaf(value) for name, value in initial.items()}
    for name, parameter in parameters.items():
        parameter.grad = torch.tensor(before[name])
    if label.startswith("norm"):
        total = torch.nn.utils.clip_grad_norm_(parameters.values(), limit)
        fixture.add(f"clip.{label}.total", total)
    else:
        torch.nn.utils.clip_grad_value_(parameters.values(), limit)
    fixture.add_all(f"clip.{label}", {name: parameter.grad for name, parameter in parameters.items()})

# Schedules: element k is the learning rate that step k uses, counted from 0.
LENGTH, RATE = 30, 0.1
schedule = torch.optim.lr_scheduler
SCHEDULES = {
    "step": lambda o: schedule.StepLR(o, step_size=7, gamma=0.5),
    "exponential": lambda o: schedule.ExponentialLR(o, gamma=0.9),
    "cosine": lambda o: schedule.CosineAnnealingLR(o, T_max=30),
    "cosine_minimum": lambda o: schedule.CosineAnnealingLR(o, T_max=29, eta_min=0.01),
    "one_cycle": lambda o: schedule.OneCycleLR(o, max_lr=RATE, total_steps=LENGTH),
    "warm_up": lambda o: schedule.LinearLR(o, start_factor=0.1, end_factor=1.0, total_iters=5),
    "warm_up_cosine": lambda o: schedule.SequentialLR(o, [
        schedule.LinearLR(o, start_factor=0.1, end_factor=1.0, total_iters=5),
        schedule.CosineAnnealingLR(o, T_max=25)], milestones=[5]),
}


def optimizer_for_schedule():
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=RATE, momentum=0.9)


for label, make in SCHEDULES.items():
    optimizer = optimizer_for_schedule()
    scheduler = make(optimizer)
    rates, momenta = [], []
    for step in range(LENGTH):
        rates.append(optimizer.param_groups[0]["lr"])
        momenta.append(optimizer.param_groups[0]["momentum"])
        optimizer.step()
        if step + 1 < LENGTH:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # SequentialLR calls its parts in a way that they deprecate
                scheduler.step()
    fixture.add(f"schedule.{label}", rates)
    if label == "one_cycle":
        fixture.add(f"schedule.{label}.momentum", momenta)
steps = np.arange(LENGTH)
close(fixture.tensors["schedule.cosine"], RATE * (1 + np.cos(np.pi * steps / 30)) / 2, 1e-6, "cosine")

# On a plateau: element k is the rate after the scheduler has seen losses 0 … k.
losses = single([1, 0.8, 0.7, 0.7, 0.69999, 0.7, 0.71, 0.6, 0.61, 0.62, 0.63, 0.64, 0.65, 0.66, 0.67, 0.68, 0.5, 0.5,
                 0.5, 0.5, 0.5, 0.5, 0.4, 0.45, 0.44, 0.43, 0.42, 0.41, 0.399, 0.4])
fixture.add("schedule.plateau.losses", losses)
for label, options in {"plateau": dict(factor=0.5, patience=2),
                       "plateau_cooldown": dict(factor=0.3, patience=1, cooldown=2, min_lr=0.002)}.items():
    optimizer = optimizer_for_schedule()
    scheduler = schedule.ReduceLROnPlateau(optimizer, **options)
    rates = []
    for loss in losses:
        scheduler.step(loss)
        rates.append(optimizer.param_groups[0]["lr"])
    fixture.add(f"schedule.{label}", rates)

fixture.save()
print(f"  PyTorch's own float32 differs by up to {worst:.1e} of the largest parameter")
