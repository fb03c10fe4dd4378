"""Language models of n-grams by KenLM's lmplz (0.3.0): ngrams/.

    python make_ngrams.py /path/to/lmplz

`corpus.txt` is a text that a grammar of our own makes up, `corpus.arpa` its model of order 3. `few.txt` is so small that
discounts cannot be estimated, and `few.arpa` has those that lmplz falls back to. Other numbers follow from these by hand:
what a sentence scores is computed in scores.json by the definition of backing off.
"""

import json
import math
import os
import random
import subprocess
import sys

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ngrams")
os.makedirs(FOLDER, exist_ok=True)
rng = random.Random(6)
subjects = ["the dog", "a dog", "the cat", "my neighbor", "she", "he", "nobody", "the old clock", "rain", "every red bird", "an old woman", "some boys",
            "the last leaf", "Anna", "Otto", "a wise king", "two stones"]
verbs = ["sees", "hears", "likes", "sings", "falls", "waits for", "never sees", "remembers", "builds", "asks for", "throws", "cooks", "breaks", "paints", "buys", "sells"]
objects = ["the dog", "a song", "the cat", "it", "a red house", "my neighbor", "the rain", "nothing", "stones", "a blue door", "seven pots", "an apple", "gold",
           "some bread", "the last word", "every leaf"]
ends = ["", "", "", "today", "again", "and again", "in the house", "at night"]


def sentence():
    weight = lambda words: [1 / (index + 1) for index in range(len(words))]
    parts = [rng.choices(words, weight(words))[0] for words in (subjects, verbs, objects, ends)]
    if rng.random() < 0.2:
        rng.shuffle(parts)
    return " ".join(part for part in parts if part)


# The last word is there once: lmplz counts the last n-gram of an order otherwise than the others.
texts = {"corpus": [sentence() for _ in range(300)] + ["the rain falls once"], "few": ["a b c", "a b c", ""]}
for name, lines in texts.items():
    path = os.path.join(FOLDER, name + ".txt")
    with open(path, "w") as file:
        file.write("\n".join(lines) + "\n")
    fallback = ["--discount_fallback"] if name == "few" else []
    subprocess.run(
        [sys.argv[1], "-o", "3", "-S", "50M", "--text", path, "--arpa", os.path.join(FOLDER, name + ".arpa")] + fallback,
        check=True, stderr=subprocess.DEVNULL)

grams = {}
for line in open(os.path.join(FOLDER, "corpus.arpa")):
    fields = line.rstrip("\n").split("\t")
    if len(fields) > 1:
        grams[fields[1]] = (float(fields[0]), float(fields[2]) if len(fields) > 2 else 0.0)


def score(words):
    """log10 of the probability of a word after those before it."""
    if " ".join(words) in grams:
        return grams[" ".join(words)][0]
    return grams.get(" ".join(words[:-1]), (0, 0.0))[1] + score(words[1:])


cases = []
for text in ["the dog sees the cat", "rain falls", "", "the cat cat sees", "the unicorn sings a song", "at night she sings"]:
    words = ["<s>"] + [word if word in grams else "<unk>" for word in text.split()] + ["</s>"]
    total = sum(score(words[max(0, end - 2):end + 1]) for end in range(1, len(words)))
    cases.append({"text": text, "logProbability": total})
with open(os.path.join(FOLDER, "scores.json"), "w") as file:
    json.dump(cases, file, indent=1)
    file.write("\n")
