#!/usr/bin/env python3
"""Times training of the text tasks by Refrain and by PyTorch (peers_text.py) in turn: the same network, batches and threads.

    compare_text.py --refrain PATH --python PYTHON classify TABLE [--rounds 3] [--threads 1]
    compare_text.py --refrain PATH --python PYTHON language CORPUS [--unit characters] [--rounds 3] [--threads 1]
    compare_text.py --refrain PATH --python PYTHON translate SOURCES TARGETS [--rounds 3] [--threads 1]

Refrain is the program itself, with one epoch and with two: the difference is what an epoch takes, without reading and the
measures at the end. TABLE has a text, a tab and a class in each line, and no header. Each round times both; the median is printed, and the peak memory of each.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

SIZES = {
    "classify": {"hidden": 64, "layers": 1, "embedding": 64, "dropout": 0.5},
    "language": {"hidden": 512, "layers": 2, "embedding": 64, "batch": 32, "steps": 128, "dropout": 0.3},
    "translate": {"hidden": 256, "layers": 2, "embedding": 256, "batch": 64, "dropout": 0.3},
}


def run(command, threads):
    """Seconds, peak memory in MB, and what was written."""
    environment = dict(os.environ, REFRAIN_THREADS=str(threads), OMP_NUM_THREADS=str(threads))
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{' '.join(command)} ended with status {status}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024, output


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--refrain", required=True)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("task", choices=SIZES)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--unit", default=None)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    flags = [text for name, value in SIZES[options.task].items() for text in (f"--{name}", str(value))]
    unit = options.unit or ("characters" if options.task == "language" else "words")
    peers = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers_text.py")
    with tempfile.TemporaryDirectory() as folder:
        # What is judged by is small, so that the epochs are what is timed.
        held = []
        for index, path in enumerate(options.files):
            held.append(os.path.join(folder, f"held{index}.txt"))
            with open(path, encoding="utf-8") as source, open(held[-1], "w", encoding="utf-8") as target:
                target.writelines(line for _, line in zip(range(20), source))
        ours = [options.refrain, "train", options.task, *options.files, "--unit", unit, "--validation", *held, *flags,
                "--save", os.path.join(folder, "model"), "--quiet"]
        ours += {"classify": ["--members", "1"], "language": ["--tied", "no"],
                 "translate": ["--choose-by", "loss", "--vocabulary", "20000"]}[options.task]
        theirs = [options.python, peers, options.task, *options.files, *flags, "--threads", str(options.threads)]
        theirs += ["--unit", unit] if options.task == "language" else []
        rates, memory = {"refrain": [], "torch": []}, {}
        for number in range(options.rounds):
            one, _, _ = run(ours + ["--epochs", "1"], options.threads)
            two, peak, _ = run(ours + ["--epochs", "2"], options.threads)
            _, other, output = run(theirs + ["--epochs", "2"], options.threads)
            last = json.loads(output.splitlines()[-1])
            rates["refrain"].append(last["tokens"] / (two - one))
            rates["torch"].append(last["tokensPerSecond"])
            memory = {"refrain": peak, "torch": other}
            print(f"round {number + 1}: {rates['refrain'][-1]:.0f} and {rates['torch'][-1]:.0f} tokens a second", file=sys.stderr)
    medians = {peer: statistics.median(values) for peer, values in rates.items()}
    print(json.dumps({"name": options.task, "threads": options.threads, "tokensPerSecond": medians,
                      "ratio": round(medians["refrain"] / medians["torch"], 2), "megabytes": memory}))


main()
