"""The set `tasks` of `compare`: Refrain, the program itself, and PyTorch (peers_tasks.py) in turn, on the same texts and with
the same networks, batches and threads. Rates are tokens a second.

Refrain is timed twice in training, with fewer epochs and with more, and twice in prediction, on a shorter file and on a
longer one: what lies between the two is learning and answering, without start, loading and the measures at the end. PyTorch
times itself: the epochs after the first, and the texts that the longer file has beyond the shorter one. Both learn from the
same texts and answer the same. Only in translation each writes what it has learned, and is counted by what it wrote.
"""

import dataclasses
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

PEERS = pathlib.Path(__file__).resolve().parent / "peers_tasks.py"


@dataclasses.dataclass
class Task:
    """What a task is timed on, and how. Amounts are sentences, rows, characters or pairs."""

    # In the folder of the data.
    files: list
    learned: int
    # The lengths of the shorter and of the longer file to be answered, which come after what is learned.
    answered: tuple
    # The fewer and the more epochs.
    epochs: tuple
    # Flags that both programs know.
    sizes: dict
    # Flags of `refrain train` besides.
    own: dict
    # How many texts PyTorch answers together.
    together: int
    # The verb with which Refrain answers.
    verb: str = "predict"
    # The beams of each way to predict.
    beams: dict = dataclasses.field(default_factory=lambda: {"prediction": None})

    def amounts(self, part):
        """What is learned, and the shorter and the longer file."""
        learned, few, many = (max(1, round(count * part)) for count in (self.learned, *self.answered))
        return learned, few, max(many, few + 1)


TASKS = {
    "tag": Task(
        ["conll2000/train.txt"], 1500, (200, 3200), (1, 3), {"hidden": 128, "layers": 1, "batch": 16, "dropout": 0.5},
        {}, together=64),
    "classify": Task(
        ["sst2/train.tsv"], 2000, (500, 20_500), (1, 3),
        {"hidden": 64, "layers": 1, "embedding": 64, "batch": 32, "dropout": 0.5},
        {"unit": "words", "members": 1}, together=128),
    # From 64,000 characters on Refrain reads 32 streams side by side, as many as PyTorch here.
    "language": Task(
        ["tinyshakespeare.txt"], 200_000, (65_000, 165_000), (1, 2),
        {"hidden": 512, "layers": 2, "embedding": 64, "batch": 32, "steps": 128, "dropout": 0.3},
        {"unit": "characters", "tied": "no"}, together=32, verb="evaluate"),
    "translate": Task(
        ["multi30k/train.en", "multi30k/train.de"], 5000, (200, 1200), (1, 2),
        {"hidden": 256, "layers": 2, "embedding": 256, "batch": 64, "dropout": 0.3, "vocabulary": 20_000},
        {"unit": "words", "choose-by": "loss"}, together=64,
        beams={"prediction, greedy": 1, "prediction, beam of 5": 5}),
}
FILES = [file for task in TASKS.values() for file in task.files]
# What is judged by in training is small, so that the epochs are what is timed.
HELD = {"language": 1000}
HEADING = "Tasks, tokens a second (of translations those written), and peak memory as a share of PyTorch's"


def flags(values):
    return [part for name, value in values.items() for part in (f"--{name}", value)]


def texts(name, folder, file):
    """The sentences, rows, characters or lines of a file: what joins to it again."""
    path = pathlib.Path(folder) / file
    try:
        text = path.read_text(encoding="utf-8").rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        sys.exit(f"compare: {path} cannot be read: {reason}; --data FOLDER wants {', '.join(FILES)} in it")
    if name == "language":
        return text
    between, end = (r"\n\s*\n", "\n\n") if name == "tag" else (r"\n", "\n")
    return [part + end for part in re.split(between, text)]


def check(options):
    """Ends with a line on standard error if a file is not there, or is too short."""
    for name, task in TASKS.items():
        counts = {len(texts(name, options.data, file)) for file in task.files}
        if len(counts) > 1:
            sys.exit(
                f"compare: {' and '.join(task.files)} in {options.data} have not as many lines as each other; take them "
                "as their source gives them")
        learned, few, _ = task.amounts(options.part)
        if min(counts) < learned + few:
            sys.exit(
                f"compare: {task.files[0]} in {options.data} is too short: the task {name} wants {learned + few:,} "
                f"{'characters' if name == 'language' else 'texts'}; take the whole file, or a smaller --part")


class Comparison:
    """One task in a folder of its own."""

    def __init__(self, name, place, options, refrain, python):
        self.name, self.task, self.place = name, TASKS[name], pathlib.Path(place)
        self.options, self.refrain, self.python = options, refrain, python
        learned, few, many = self.task.amounts(options.part)
        for number, file in enumerate(self.task.files):
            parts = texts(name, options.data, file)
            asked = parts[learned:]
            asked *= -(-many // len(asked))
            for kind, chosen in [
                ("train", parts[:learned]), ("held", parts[:HELD.get(name, 20)]), ("few", asked[:few]),
                ("many", asked[:many]), ("rest", asked[few:many]),
            ]:
                self.file(kind, number).write_text("".join(chosen), encoding="utf-8")

    def file(self, kind, number=0):
        suffix = pathlib.Path(self.task.files[number]).suffix
        return self.place / f"{kind}{number}{suffix}"

    def files(self, kind):
        return [self.file(kind, number) for number in range(len(self.task.files))]

    def run(self, arguments, threads):
        """Seconds, peak memory, and what was written."""
        environment = dict(os.environ, REFRAIN_THREADS=str(threads), OMP_NUM_THREADS=str(threads))
        if self.options.isa:
            environment["REFRAIN_ISA"] = self.options.isa
        start = time.perf_counter()
        process = subprocess.Popen([str(part) for part in arguments], stdout=subprocess.PIPE, text=True, env=environment)
        try:
            output = process.stdout.read()
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - start
        if process.returncode != 0:
            program = "Refrain" if arguments[0] == self.refrain else "PyTorch"
            sys.exit(
                f"compare: {program} ended with status {process.returncode} in the task {self.name} (see above)")
        return seconds, usage.ru_maxrss, output

    def peer(self, mode, files, sizes, others, threads):
        """What peers_tasks.py says, and its peak memory."""
        arguments = [self.python, PEERS, self.name, mode, *files, *flags(sizes), *others, "--threads", threads]
        _, memory, output = self.run(arguments, threads)
        return json.loads(output.splitlines()[-1]), memory

    def training(self, threads):
        """The rates of both, and the ratio of their peak memory."""
        task, seconds = self.task, []
        for epochs in task.epochs:
            took, memory, _ = self.run(
                [self.refrain, "train", self.name, *self.files("train"), "--validation", *self.files("held"),
                 *flags(task.sizes | task.own), "--epochs", epochs, "--save", self.place / "model", "--quiet"], threads)
            seconds.append(took)
        theirs, other = self.peer(
            "train", self.files("train"), task.sizes,
            ["--epochs", task.epochs[1], "--save", self.place / "model.pt"], threads)
        tokens = theirs["tokens"] / (task.epochs[1] - 1) * (task.epochs[1] - task.epochs[0])
        return tokens / (seconds[1] - seconds[0]), theirs["tokensPerSecond"], memory / other

    def prediction(self, beam, threads):
        """The same of answers."""
        beams, seconds, written = [] if beam is None else ["--beam", beam], [], []
        for kind in ("few", "many"):
            output = self.place / "answers"
            took, memory, _ = self.run(
                [self.refrain, self.task.verb, self.place / "model", self.file(kind), *beams, "--quiet", "--output", output,
                 "--format", "json" if self.task.verb == "evaluate" else "jsonl"], threads)
            seconds.append(took)
            if beam is not None:
                written.append(self.written(self.file(kind), output))
        theirs, other = self.peer(
            "predict", [self.file("rest")], self.task.sizes | {"batch": self.task.together},
            ["--load", self.place / "model.pt", "--warm", self.file("few"), *beams], threads)
        tokens = written[1] - written[0] if written else theirs["tokens"]
        return tokens / (seconds[1] - seconds[0]), theirs["tokensPerSecond"], memory / other

    def written(self, sources, answers):
        """How many tokens the answers have, and the ends of those that were not cut off at twice their source and ten."""
        total = 0
        with open(sources, encoding="utf-8") as read, open(answers, encoding="utf-8") as found:
            for source, answer in zip(read, found):
                words = len(json.loads(answer)["text"].split())
                total += words + (words < 2 * len(source.split()) + 10)
        return total


def table(options, refrain, python, note):
    """A heading, and rows: task, training or a way to predict, threads, rates, their ratio, the ratio of memory."""
    rows = [["Task", "Mode", "Threads", "Refrain", "PyTorch", "Ratio", "Memory"]]
    for name, task in TASKS.items():
        samples = {(mode, threads): [] for mode in ["training", *task.beams] for threads in options.threads}
        with tempfile.TemporaryDirectory() as place:
            comparison = Comparison(name, place, options, refrain, python)
            for threads in options.threads:
                for number in range(options.rounds):
                    for mode in ["training", *task.beams]:
                        what = f"{name}, {mode}, threads {threads}, round {number + 1} of {options.rounds}"
                        note(what)
                        found = (
                            comparison.training(threads) if mode == "training"
                            else comparison.prediction(task.beams[mode], threads))
                        note(f"{what}: {found[0]:,.0f} and {found[1]:,.0f} tokens a second")
                        if found[0] > 0:
                            samples[mode, threads].append(found)
                        else:
                            note(f"{what}: more work took no longer, which says nothing; --part may be too small")
        for (mode, threads), found in samples.items():
            cells = [""] * 4
            if found:
                ours, theirs, memory = map(statistics.median, zip(*found))
                cells = [f"{ours:,.0f}", f"{theirs:,.0f}", f"{ours / theirs:.2f}", f"{memory:.2f}"]
            rows.append([name, mode, str(threads), *cells])
    return HEADING, rows
