#!/usr/bin/env python3
"""Whether attributions say what a network does, on real data: trains the task classify on the Stanford Sentiment Treebank
(two classes) and on the records of the PhysioNet Challenge 2012 (set A), explains examples of its test part, and holds
the scores as steps are taken out (less is better) and put in (more is better) by integrated gradients' order against
random orders, over all examples.

Usage: Benchmarks/explain_deletion.py DATA [sst2] [clinical]
    DATA has text/sst2/ and clinical/physionet2012-set-a.tar.gz
REFRAIN is the command (default: refrain), EXAMPLES how many are explained (default: 100), ROWS how many are learned from
(default: 4000), EPOCHS (default: 4).
"""
import csv
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tarfile
import tempfile

refrain = os.path.abspath(os.environ["REFRAIN"]) if "REFRAIN" in os.environ else "refrain"
examples = int(os.environ.get("EXAMPLES", "100"))
rows = int(os.environ.get("ROWS", "4000"))
epochs = os.environ.get("EPOCHS", "4")
# The measurements that most patients have.
channels = ["HR", "SysABP", "Temp", "Urine", "GCS", "BUN", "Creatinine", "WBC"]


def run(*arguments, folder):
    done = subprocess.run([refrain, *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def sst2(data, folder):
    for part, most in (("train", rows), ("test", None)):
        with open(f"{data}/text/sst2/{part}.tsv", encoding="utf-8") as file:
            fields = [line.rstrip("\n").split("\t") for line in file]
        table = [{"sentence": row[0], "label": row[1]} for row in fields if len(row) == 2]
        random.Random(1).shuffle(table)
        write(folder, part, table[:most])
    return ["--target", "label"]


def clinical(data, folder):
    """A row a patient: age, and each measurement's last value in each of 48 hours as a series; a death as the label."""
    patients, outcomes = {}, {}
    with tarfile.open(f"{data}/clinical/physionet2012-set-a.tar.gz") as archive:
        for member in archive:
            if not member.isfile():
                continue
            text = archive.extractfile(member).read().decode()
            name = os.path.basename(member.name)
            if name.startswith("Outcomes"):
                for row in csv.DictReader(text.splitlines()):
                    outcomes[row["RecordID"]] = row["In-hospital_death"]
            elif name.endswith(".txt"):
                hours = {channel: ["?"] * 48 for channel in channels}
                age = ""
                for row in csv.DictReader(text.splitlines()):
                    hour = int(row["Time"].split(":")[0])
                    if row["Parameter"] == "Age":
                        age = row["Value"]
                    elif row["Parameter"] in hours and hour < 48 and float(row["Value"]) >= 0:
                        hours[row["Parameter"]][hour] = row["Value"]
                # A series needs a value.
                if all(value == "?" for values in hours.values() for value in values):
                    continue
                patients[name[:-4]] = {"age": age, "series": ":".join(",".join(hours[c]) for c in channels)}
    table = [{**patient, "died": outcomes[name]} for name, patient in sorted(patients.items()) if name in outcomes]
    random.Random(1).shuffle(table)
    write(folder, "test", table[:800])
    write(folder, "train", table[800:800 + rows])
    return ["--target", "died", "--inputs", "age:number,series:series"]


def write(folder, part, table):
    with open(f"{folder}/{part}.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(table[0]))
        writer.writeheader()
        writer.writerows(table)


def measure(name, prepare, data):
    with tempfile.TemporaryDirectory() as folder:
        flags = prepare(data, folder)
        run("train", "classify", "train.csv", *flags, "--epochs", epochs, "--save", "model", "--quiet", folder=folder)
        measures = json.loads(run("evaluate", "model", "test.csv", "--format", "json", folder=folder))["measures"]
        found = json.loads(run("explain", "model", "test.csv", "--examples", str(examples), "--format", "json",
                               folder=folder))["explanations"]
        print(f"{name}: accuracy {measures['accuracy']:.3f} on {len(found)} and more test examples")
        for curve, sign in (("deletion", 1), ("insertion", -1)):
            pairs = [(one["faithfulness"][curve]["area"], one["faithfulness"][curve]["randomArea"])
                     for one in found if one["faithfulness"][curve]]
            # Curves are scaled by the distance of the scores, which may be nearly nothing: medians stand for all.
            better = sum(sign * ordered < sign * chance for ordered, chance in pairs)
            ordered, chance = (statistics.median(pair[i] for pair in pairs) for i in (0, 1))
            z = (better - len(pairs) / 2) / math.sqrt(len(pairs) / 4)
            print(f"  {curve}: {better} of {len(pairs)} better than random orders (z {z:.1f}), "
                  f"median area {ordered:.3f}, random {chance:.3f}")
        for method in ("integratedGradients", "relevance"):
            gaps = [abs(one["methods"][method]["gap"] / (one["score"] or 1)) for one in found if method in one["methods"]]
            if gaps:
                print(f"  {method}: median gap {statistics.median(gaps):.1e} of the score, greatest {max(gaps):.1e}")


data = sys.argv[1]
chosen = sys.argv[2:] or ["sst2", "clinical"]
for name in chosen:
    measure(name, {"sst2": sst2, "clinical": clinical}[name], data)
