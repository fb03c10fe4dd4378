#!/usr/bin/env python3
"""Holds the search of `refrain tune` against Optuna's (TPE with its median pruner, as they are by default): the same
tasks, spaces, numbers of trials and seeds, and the best measure that each finds, in the median of the repeats.

Usage: Benchmarks/tune_peer.py REFRAIN DATA [REPEATS] [TRIALS] [TASK...]
    DATA has series/, text/atis/ and text/names/, as their sources give them; 20 repeats of 15 trials unless said otherwise.
SEED is the seed of the first repeat (default: 0).
Needs Python with optuna. One of Optuna's trials is a search of Refrain's with a space of a single point, so that both
train and measure alike.
"""
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile

import optuna

refrain, data = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
repeats = int(sys.argv[3]) if len(sys.argv) > 3 else 20
first = int(os.environ.get("SEED", "0"))
trials = int(sys.argv[4]) if len(sys.argv) > 4 else 15
names = sys.argv[5:] or ["classify", "tag", "language"]
optuna.logging.set_verbosity(optuna.logging.ERROR)

SPACE = {"cell": ["lstm", "gru"], "hidden": {"from": 4, "to": 32, "log": True},
         "dropout": {"from": 0.0, "to": 0.5}, "learning-rate": {"from": 0.0003, "to": 0.1, "log": True}}


def files(folder):
    """Small parts of public data, the same for both."""
    generator = random.Random(1)
    rows = []
    for language in sorted(os.listdir(data + "/text/names")):
        if language.endswith(".txt"):
            with open(f"{data}/text/names/{language}", encoding="utf-8") as file:
                rows += [(line.strip(), language[:-4]) for line in file if line.strip() and '"' not in line]
    with open(folder + "/names.csv", "w", encoding="utf-8") as file:
        file.write("name,label\n")
        for name, language in generator.sample(rows, 1200):
            file.write(f'"{name}",{language}\n')
    with open(data + "/text/atis/train/seq.in") as words, open(data + "/text/atis/train/seq.out") as tags:
        sentences = ["".join(f"{word} {tag}\n" for word, tag in zip(one.split(), other.split()))
                     for one, other in zip(words, tags)]
    with open(folder + "/atis.txt", "w") as file:
        file.write("\n".join(generator.sample(sentences, 250)))
    with open(f"{data}/text/tinyshakespeare.txt", encoding="utf-8") as file:
        text = file.read()[:40000]
    with open(folder + "/text.txt", "w", encoding="utf-8") as file:
        file.write(text)


# The arguments, and whether more is better.
TASKS = {"classify": (["classify", "names.csv", "--target", "label", "--epochs", "3"], True),
         "tag": (["tag", "atis.txt", "--epochs", "3"], True),
         "language": (["language", "text.txt", "--unit", "characters", "--layers", "1", "--epochs", "3"], False)}


def search(folder, arguments, space, count, seed):
    """What a search found: the trials of its report."""
    with open(folder + "/space.json", "w") as file:
        json.dump(space, file)
    study = folder + "/a.study"
    for ending in ("", "-wal", "-shm"):
        if os.path.exists(study + ending):
            os.remove(study + ending)
    run = subprocess.run(
        [refrain, "tune", *arguments, "--space", "space.json", "--trials", str(count), "--seed", str(seed), "--threads",
         "1", "--study", "a.study", "--quiet", "--format", "json"],
        cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)["trials"]


def optunas(folder, arguments, seed, isMoreBetter):
    direction = "maximize" if isMoreBetter else "minimize"

    def objective(trial):
        point = {"cell": [trial.suggest_categorical("cell", SPACE["cell"])],
                 "hidden": [trial.suggest_int("hidden", 4, 32, log=True)],
                 "dropout": [round(trial.suggest_float("dropout", 0, 0.5), 4)],
                 "learning-rate": [float(f"{trial.suggest_float('learning-rate', 0.0003, 0.1, log=True):.4g}")]}
        found = search(folder, arguments, {name: [str(value[0])] for name, value in point.items()}, 1, seed)[0]
        # The losses on the way are of less is better, whatever the measure.
        for report in found["reports"]:
            trial.report(-report["value"] if isMoreBetter else report["value"], report["step"])
            if trial.should_prune():
                raise optuna.TrialPruned()
        return found["result"]

    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=seed), pruner=optuna.pruners.MedianPruner(), direction=direction)
    study.optimize(objective, n_trials=trials)
    return study.best_value


with tempfile.TemporaryDirectory() as folder:
    files(folder)
    for name in names:
        arguments, isMoreBetter = TASKS[name]
        ours, theirs = [], []
        for seed in range(first, first + repeats):
            results = [trial["result"] for trial in search(folder, arguments, SPACE, trials, seed)
                       if trial["state"] == "finished"]
            ours.append(max(results) if isMoreBetter else min(results))
            theirs.append(optunas(folder, arguments, seed, isMoreBetter))
            print(f"{name} {seed}: {ours[-1]:.4f}, Optuna {theirs[-1]:.4f}", file=sys.stderr, flush=True)
        print(f"{name}: median of {repeats} searches of {trials} trials {statistics.median(ours):.4f}, "
              f"Optuna {statistics.median(theirs):.4f} ({'more' if isMoreBetter else 'less'} is better)", flush=True)
