"""Spans and their scores by seqeval, which follows conlleval: spans.json.

Random tags, valid in their scheme and not; each case is some sentences with true tags and found ones.
"""

import json
import os
import random

from seqeval.metrics import accuracy_score, classification_report
from seqeval.metrics.sequence_labeling import get_entities

random.seed(14)
ALPHABETS = {"bio": "BIO", "bioes": "BIESO", "inside": "IO"}


def tags(alphabet, types, length):
    result = []
    for _ in range(length):
        position = random.choice(alphabet)
        result.append("O" if position == "O" else f"{position}-{random.choice(types)}")
    return result


cases = []
for number in range(30):
    alphabet = list(ALPHABETS.values())[number % 3]
    types = ["NP", "VP", "B-PP"][: 1 + number % 3]
    truth = [tags(alphabet, types, random.randint(1, 9)) for _ in range(4)]
    # Most tags are found rightly.
    found = [[tag if random.random() < 0.7 else tags(alphabet, types, 1)[0] for tag in sentence] for sentence in truth]
    report = classification_report(truth, found, output_dict=True, zero_division=0)
    scores = {name: [report[name][key] for key in ["precision", "recall", "f1-score"]]
              for name in report if name not in ["macro avg", "weighted avg"]}
    cases.append({
        "truth": truth, "found": found, "accuracy": accuracy_score(truth, found), "scores": scores,
        "spans": [[[str(kind), start, end + 1] for kind, start, end in get_entities(sentence)] for sentence in truth],
    })

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "spans.json")
with open(path, "w") as file:
    json.dump(cases, file, default=float)
print(len(cases), "cases,", os.path.getsize(path), "bytes")
