#!/usr/bin/env bash
# Trains and measures the task classify on public data sets through the command `refrain`, and prints a line of figures for
# each. Defaults throughout: nothing is set for any data set. Every choice is made on rows kept aside from the training set (or
# on the development set, where there is one), and the test set is looked at once. Data sets that are divided into folds are
# divided by the number of the row.
#
# Usage: Benchmarks/classify.sh DATA [NAME…]     DATA has sst2/, trec/, names/, sms-spam.tsv, chnsenticorp-hotel.csv;
#                                                names: sst2 trec sms hotel names (default: all)
# REFRAIN is the command (default: refrain), FOLDS how many folds are run (default: 5), FLAGS more flags for train.
set -euo pipefail

data=${1:?"usage: $0 DATA [NAME…]"}
shift
names=("$@")
[ ${#names[@]} -gt 0 ] || names=(sst2 trec sms hotel names)
command=${REFRAIN:-refrain}
folds=${FOLDS:-5}
read -ra flags <<<"${FLAGS:-}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# figures LABEL TEST: the measures of the model in $work/model on a test file.
figures() {
  local start end
  start=$(date +%s.%N)
  "$command" predict "$work/model" "$2" --format jsonl >"$work/answers.jsonl"
  end=$(date +%s.%N)
  "$command" evaluate "$work/model" "$2" --format json >"$work/measures.json"
  python3 - "$1" "$work/measures.json" "$start" "$end" <<'PYTHON'
import json, sys
label, path, start, end = sys.argv[1:]
found = json.load(open(path))
own, bag = found["measures"], found["baselines"].get("bagOfWords", {})
text = f"{label}: accuracy {own['accuracy']:.4f} (bag of words {bag.get('accuracy', float('nan')):.4f}), F1 {own['f1']:.4f}"
spam = found.get("tables", {}).get("classes", {}).get("spam")
if spam: text += f", F1 of spam {spam['f1']:.4f}"
rate = found["examples"] / (float(end) - float(start))
print(text + f", calibration error {own['calibrationError']:.4f}, {rate:.0f} rows a second with reading the model")
PYTHON
}

# learn TRAIN [FLAG…]: trains on a file.
learn() {
  rm -f "$work/model"
  "$command" train classify "$@" "${flags[@]}" --save "$work/model" >"$work/report.txt"
}

# crossed LABEL FILE [HEADER]: every row once in a test fold, of five.
crossed() {
  local fold
  for ((fold = 0; fold < folds; fold++)); do
    python3 - "$2" "$work" "$fold" "${3:-}" <<'PYTHON'
import pathlib, random, sys
path, work, fold, header = sys.argv[1:]
lines = pathlib.Path(path).read_text(encoding="utf-8").split("\n")
head, rows = ([lines[0]], lines[1:]) if header else ([], lines)
rows = [row for row in rows if row.strip()]
random.Random(0).shuffle(rows)
for name, chosen in (("train", lambda i: i % 5 != int(fold)), ("test", lambda i: i % 5 == int(fold))):
    kept = head + [row for i, row in enumerate(rows) if chosen(i)]
    (pathlib.Path(work) / (name + pathlib.Path(path).suffix)).write_text("\n".join(kept) + "\n", encoding="utf-8")
PYTHON
    learn "$work/train.${2##*.}"
    figures "$1, fold $((fold + 1))" "$work/test.${2##*.}"
  done
}

for name in "${names[@]}"; do
  case $name in
    sst2)
      learn "$data/sst2/train.tsv" --validation "$data/sst2/dev.tsv"
      figures "SST-2, sentences alone" "$data/sst2/test.tsv"
      ;;
    trec)
      for part in train test; do
        iconv -f latin1 -t utf-8 "$data/trec/TREC.$part.all" | sed 's/ /\t/' >"$work/trec-$part.tsv"
      done
      learn "$work/trec-train.tsv"
      figures "TREC-6" "$work/trec-test.tsv"
      ;;
    sms)
      # One message of the collection has a line break in it.
      python3 - "$data/sms-spam.tsv" "$work/sms.tsv" <<'PYTHON'
import pathlib, re, sys
text = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")
pathlib.Path(sys.argv[2]).write_text(re.sub(r"\n(?!(ham|spam)\t)(?=.)", " ", text), encoding="utf-8")
PYTHON
      crossed "SMS spam" "$work/sms.tsv"
      ;;
    hotel) crossed "Chinese hotel reviews" "$data/chnsenticorp-hotel.csv" header ;;
    names)
      python3 - "$data/names" "$work" <<'PYTHON'
import collections, math, pathlib, random, sys
rows = [
    (path.stem, line.strip())
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.txt"))
    for line in path.read_text(encoding="utf-8").split("\n") if line.strip()
]
random.Random(0).shuffle(rows)
parts = {"test": rows[: len(rows) // 5], "train": rows[len(rows) // 5 :]}
for name, part in parts.items():
    text = "name\tlanguage\n" + "".join(f"{text}\t{label}\n" for label, text in part)
    (pathlib.Path(sys.argv[2]) / f"names-{name}.tsv").write_text(text, encoding="utf-8")

# Naive Bayes on runs of one to three characters, with add-one smoothing.
def grams(text):
    text = f"^{text.lower()}$"
    return [text[i : i + n] for n in (1, 2, 3) for i in range(len(text) - n + 1)]
counts, totals, classes, known = collections.defaultdict(collections.Counter), collections.Counter(), collections.Counter(), set()
for label, text in parts["train"]:
    classes[label] += 1
    for gram in grams(text):
        counts[label][gram] += 1
        totals[label] += 1
        known.add(gram)
def best(text):
    def score(label):
        return math.log(classes[label]) + sum(
            math.log((counts[label][g] + 1) / (totals[label] + len(known))) for g in grams(text))
    return max(classes, key=score)
right = sum(best(text) == label for label, text in parts["test"])
print(f"names: naive Bayes on 3-grams: accuracy {right / len(parts['test']):.4f}")
PYTHON
      learn "$work/names-train.tsv" --target language
      figures "names by language" "$work/names-test.tsv"
      ;;
    *) echo "there is no data set '$name'" >&2 && exit 64 ;;
  esac
done
