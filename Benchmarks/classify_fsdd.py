#!/usr/bin/env python3
"""Spoken digits and their speakers: the free spoken digit dataset, takes 0 to 4 of each for test.

    Benchmarks/classify_fsdd.py fsdd/ FOLDER [--command refrain]

FOLDER takes the tables train.csv and test.csv (path, digit, speaker) and the two models.
"""

import argparse
import csv
import os
import subprocess
import sys


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings")
    parser.add_argument("folder")
    parser.add_argument("--command", default="refrain")
    arguments = parser.parse_args()
    os.makedirs(arguments.folder, exist_ok=True)
    rows = {"train": [], "test": []}
    for name in sorted(os.listdir(arguments.recordings)):
        if name.endswith(".wav"):
            digit, speaker, take = name[:-4].split("_")
            path = os.path.abspath(os.path.join(arguments.recordings, name))
            rows["test" if int(take) < 5 else "train"].append([path, "d" + digit, speaker])
    for part, lines in rows.items():
        with open(os.path.join(arguments.folder, part + ".csv"), "w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["path", "digit", "speaker"])
            table.writerows(lines)
    command = arguments.command.split()
    for target in ["digit", "speaker"]:
        model = os.path.join(arguments.folder, target + ".model")
        train = ["train", "classify", os.path.join(arguments.folder, "train.csv"), "--target", target, "--inputs", "path"]
        subprocess.run(command + train + ["--save", model], check=True)
        subprocess.run(command + ["evaluate", model, os.path.join(arguments.folder, "test.csv")], check=True)


if __name__ == "__main__":
    sys.exit(main())
