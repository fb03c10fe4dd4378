#!/usr/bin/env python3
"""The recipe for AN4: unpacks the features that CMU publishes (an4-mfcc.tar.gz), writes tables of them, trains and evaluates.

    Benchmarks/transcribe_an4.py an4-mfcc.tar.gz FOLDER [--command refrain] [-- options of train]

FOLDER takes the tables train.csv and test.csv (path, text, speaker), the model, and a checkpoint after each epoch: called
again, it goes on. The 948 recordings of the training part are learned from, 64 of them held out to tune the search by;
the 130 of the test part (773 words) are looked at once, at the end.
"""

import argparse
import csv
import os
import re
import subprocess
import sys
import tarfile

# 3 x 256 units in both directions, a step of three frames (30 ms), normalized by speaker, on 13 cepstra with changes.
RECIPE = ["--layers", "3", "--hidden", "256", "--dropout", "0.35", "--epochs", "40", "--batch", "10"]


def tables(archive, folder):
    """Unpacks, and writes a table of each part."""
    data = os.path.join(folder, "an4")
    if not os.path.isdir(data):
        with tarfile.open(archive) as file:
            file.extractall(data, filter="data")
    for part in ["train", "test"]:
        names = open(os.path.join(data, "etc", f"an4_{part}.fileids")).read().split()
        texts = {}
        for line in open(os.path.join(data, "etc", f"an4_{part}.transcription")):
            text, name = re.fullmatch(r"(.*)\((\S+)\)\s*", line).groups()
            texts[name] = " ".join(word for word in text.split() if word not in ("<s>", "</s>"))
        with open(os.path.join(folder, part + ".csv"), "w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["path", "text", "speaker"])
            for name in names:
                base = os.path.basename(name)
                path = f"an4/feat/{name}.mfc"
                assert os.path.exists(os.path.join(folder, path)), path
                table.writerow([path, texts[base], os.path.basename(os.path.dirname(name))])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive")
    parser.add_argument("folder")
    parser.add_argument("--command", default="refrain")
    parser.add_argument("--tables-only", action="store_true")
    arguments, others = parser.parse_known_args()
    os.makedirs(arguments.folder, exist_ok=True)
    tables(arguments.archive, arguments.folder)
    if arguments.tables_only:
        return
    path = lambda name: os.path.join(arguments.folder, name)
    saved = path("checkpoint")
    again = os.path.exists(os.path.join(saved, "training.json"))
    train = ["train", "transcribe", path("train.csv"), "--speaker", "speaker", "--save", path("model"),
             *(["--resume", saved] if again else ["--checkpoint", saved, "--every", "1epoch"])]
    options = [option for option in others if option != "--"]
    command = arguments.command.split()
    subprocess.run(command + train + RECIPE + options, check=True)
    subprocess.run(command + ["evaluate", path("model"), path("test.csv")], check=True)


if __name__ == "__main__":
    sys.exit(main())
