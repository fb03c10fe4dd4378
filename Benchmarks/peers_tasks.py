#!/usr/bin/env python3
"""Times PyTorch on the tasks of `refrain`: the same networks, trained over whole epochs, and asked for answers.

    peers_tasks.py tag|classify|language|translate train FILE… --save MODEL [--epochs 2] [--hidden H] … [--threads N]
    peers_tasks.py tag|classify|language|translate predict FILE --load MODEL --warm FILE [--beam K] … [--threads N]

The last line is a JSON object: tokens, seconds, and how many tokens a second. In training those are the epochs after the
first, of texts that are in memory; in prediction a file is answered, its reading included, after the one of --warm. What
a token is: a word that is read (tag, classify), a character that is read (language), a token that is written (translate).

Needs torch, and pytorch-crf for tag. `compare --set tasks` runs it and Refrain in turn.
"""

import argparse
import importlib
import json
import random
import sys
import time

import torch

MODULES = {"tag": "peers_tag", "classify": "peers_text", "language": "peers_text", "translate": "peers_text"}


def train(learn, options):
    """Trains and saves. Returns tokens and seconds of the epochs after the first, which warms up."""
    model, tables, epoch = learn(options)
    model.train()
    tokens, seconds = 0, 0.0
    for number in range(options.epochs):
        start = time.perf_counter()
        loss, count = epoch()
        if number > 0:
            tokens, seconds = tokens + count, seconds + time.perf_counter() - start
    options.report["loss"] = round(loss, 4)
    torch.save((model, tables), options.save)
    return tokens, seconds


def predict(answer, options):
    """Answers two files. Returns the tokens of the second, and the seconds that it took."""
    model, tables = torch.load(options.load, weights_only=False)
    model.eval()
    timed = options.files
    with torch.inference_mode():
        options.files = [options.warm]
        answer(model, tables, options)
        options.files = timed
        start = time.perf_counter()
        tokens = answer(model, tables, options)
        return tokens, time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=MODULES)
    parser.add_argument("mode", choices=["train", "predict"])
    parser.add_argument("files", nargs="+")
    parser.add_argument("--save", help="where the trained model goes")
    parser.add_argument("--load", help="the model that answers")
    parser.add_argument("--warm", help="a file that is answered before time is taken")
    for name, value in [("hidden", 64), ("layers", 2), ("embedding", 64), ("batch", 32), ("steps", 128), ("epochs", 2),
                        ("vocabulary", 20000), ("beam", 1), ("threads", 1)]:
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--dropout", type=float, default=0.3)
    parser.add_argument("--tied", action="store_true")
    options = parser.parse_args()
    if options.mode == "train" and not options.save or options.mode == "predict" and not (options.load and options.warm):
        parser.error("train needs --save, and predict needs --load and --warm")
    if options.epochs < 2:
        parser.error("--epochs must be at least 2: the first warms up")
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    random.seed(0)
    options.report = {"peer": "torch", "name": options.task, "mode": options.mode, "threads": options.threads}
    learn, answer = importlib.import_module(MODULES[options.task]).TASKS[options.task]
    tokens, seconds = train(learn, options) if options.mode == "train" else predict(answer, options)
    print(json.dumps(options.report | {
        "tokens": tokens, "seconds": round(seconds, 4), "tokensPerSecond": round(tokens / seconds, 1)}))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
