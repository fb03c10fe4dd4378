"""The networks of the text tasks by PyTorch, from the same weights: text_networks.safetensors; and scores of answers by
sacrebleu and rouge-score: text_scores.json. Needs sacrebleu and rouge-score besides what all scripts need.

`language.<tied|untied>`: a language model of two LSTM layers; `text` [T], `log_probabilities` [T − 1] of each token after
those before it, and `perplexity`. `translate`: an encoder of two bidirectional GRU layers and a decoder of two, with
general attention and a tied output; `sources`, `targets` padded with 0 and their lengths, `log_probabilities` of the
targets' tokens and their ends, one target after another, and `loss` with a label smoothing of 0.1.
"""

import json
import os
import random

import numpy as np
import torch

from common import FOLDER, Fixture, load_torch, normal, shapes, torch_module

fixture = Fixture("text_networks.safetensors")


def layer(name, cell, inputs, hidden, directions=1):
    """A recurrent layer by PyTorch, its weights saved under Refrain's names."""
    module = torch_module(cell, inputs, hidden, directions=directions)
    for suffix in ["_l0", "_l0_reverse"][:directions]:
        values = {key: normal(f"{name} {key}", *shape, scale=0.6)
                  for key, shape in shapes(cell, inputs, hidden, suffix).items()}
        load_torch(module, cell, values, suffix, suffix)
        fixture.add_all(name, values)
    return module


def matrix(name, *shape):
    value = normal(name, *shape, scale=0.6)
    fixture.add(name, value)
    return torch.tensor(value)


with torch.no_grad():
    V, E, H = 11, 6, 8
    text = torch.tensor(np.random.RandomState(5).randint(0, V, 60))
    for case, sizes in [("tied", [H, E]), ("untied", [H, H])]:
        prefix = f"language.{case}"
        table = matrix(f"{prefix}.trunk.0.weight", V, E)
        x = table[text[:-1]][None]
        size = E
        for index, hidden in enumerate(sizes):
            x, _ = layer(f"{prefix}.trunk.{index + 1}", "lstm", size, hidden)(x)
            size = hidden
        weight = table if case == "tied" else matrix(f"{prefix}.weight", V, H)
        logits = x[0] @ weight.T + matrix(f"{prefix}.bias", V)
        found = logits.log_softmax(-1).gather(1, text[1:, None])[:, 0]
        fixture.add(f"{prefix}.text", text)
        fixture.add(f"{prefix}.log_probabilities", found)
        fixture.add(f"{prefix}.perplexity", [(-found.mean()).exp()])

    # Special tokens: 0 padding, 2 begin, 3 end.
    S, V, E, H = 9, 12, 6, 8
    sources = [[5, 8, 4, 7, 6], [4], [6, 6, 5]]
    targets = [[4, 9], [11, 5, 10, 7], [8, 8, 4]]
    source_table, target_table = matrix("translate.source.weight", S, E), matrix("translate.target.weight", V, E)
    encoder = [layer(f"translate.encoder.{index}", "gru_after", size, H // 2, 2) for index, size in enumerate([E, H])]
    bridge = matrix("translate.bridge.weight", 2 * H, H), matrix("translate.bridge.bias", 2 * H)
    lower = layer("translate.lower.0", "gru_after", E, H)
    query = matrix("translate.attention.weight_query", H, H)
    upper = layer("translate.upper.0", "gru_after", 2 * H, H)
    readout = matrix("translate.readout.weight", E, 2 * H), matrix("translate.readout.bias", E)
    bias = matrix("translate.output.bias", V)
    found, loss = [], 0
    for source, target in zip(sources, targets):
        keys = source_table[source][None]
        for module in encoder:
            keys, _ = module(keys)
        first = torch.tanh(keys.mean(1) @ bridge[0].T + bridge[1])[:, None].transpose(0, 1)
        asked, _ = lower(target_table[[2] + target][None], first[..., :H].contiguous())
        weights = (asked @ query @ keys.mT).softmax(-1)
        context = weights @ keys
        said, _ = upper(torch.cat([asked, context], -1), first[..., H:].contiguous())
        r = torch.tanh(torch.cat([said, context], -1) @ readout[0].T + readout[1])
        logits = r[0] @ target_table.T + bias
        after = torch.tensor(target + [3])
        found.append(logits.log_softmax(-1).gather(1, after[:, None])[:, 0])
        loss = loss + torch.nn.functional.cross_entropy(logits, after, label_smoothing=0.1, reduction="sum")
    for name, rows in [("sources", sources), ("targets", targets)]:
        longest = max(map(len, rows))
        fixture.add(f"translate.{name}", [row + [0] * (longest - len(row)) for row in rows])
        fixture.add(f"translate.{name}_lengths", list(map(len, rows)))
    found = torch.cat(found)
    fixture.add("translate.log_probabilities", found)
    fixture.add("translate.loss", [loss / len(found)])
fixture.save()

# Texts that differ a little or much from their references, with all that a tokenizer has to know.
try:
    import sacrebleu
    from rouge_score import rouge_scorer
except ImportError:
    raise SystemExit("sacrebleu and rouge-score are not installed: text_scores.json stays as it is")

generator = random.Random(7)
WORDS = """the a dog Katze läuft über runs , . ! ? 3.14 1,000 10-20 don't l'eau (and) "quoted" e.g. U.S. &amp; &quot;x&quot; $5.00
50% a/b x=y well-known 3-4 . , ... naïve Straße 中文 字 😀 co-operate [1] {2} <skipped> re: 9. ,5 #tag @name 7,a b,8""".split()


def line(length):
    return " ".join(generator.choice(WORDS) for _ in range(length))


def changed(text, rate):
    words = [generator.choice(WORDS) if generator.random() < rate else word for word in text.split(" ")]
    if generator.random() < rate and len(words) > 2:
        del words[generator.randrange(len(words))]
    if generator.random() < rate:
        words.insert(generator.randrange(len(words) + 1), generator.choice(WORDS))
    return " ".join(words)


references = [line(generator.randint(1, 25)) for _ in range(400)]
texts = [changed(reference, generator.choice([0, 0.1, 0.4, 0.9])) for reference in references]
cases = {
    "all": (texts, references),
    "short": ([" ".join(text.split(" ")[:-3]) for text in texts[:60]], references[:60]),
    "long": ([text + " and more of it" for text in texts[:60]], references[:60]),
    "poor": ([line(6) for _ in range(20)], references[:20]),
    "hopeless": (["q"] * 3, ["a b c d e"] * 3),
    "tiny": (["a b"], ["a b"]),
    "unmatched": (["a b c x y z w", "d e"], ["a c b y x w z", "e d"]),
    "empty": (["", "a b c d e"], ["a b", "a b c d e"]),
}
result = {"cases": {}}
for name, (found, wanted) in cases.items():
    scores = {}
    for tokens, theirs in [("13a", "13a"), ("none", "none"), ("characters", "char")]:
        score = sacrebleu.corpus_bleu(found, [wanted], tokenize=theirs, force=True)
        scores[tokens] = {"score": score.score, "precisions": score.precisions, "brevityPenalty": score.bp,
                          "length": score.sys_len, "referenceLength": score.ref_len}


    class Spaces:
        def tokenize(self, text):
            return text.split()


    scorer = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"], tokenizer=Spaces())
    measured = [scorer.score(target, prediction) for prediction, target in zip(found, wanted)]
    rouge = [sum(m[key].fmeasure for m in measured) / len(measured) for key in ["rouge1", "rouge2", "rougeL"]]
    result["cases"][name] = {"texts": found, "references": wanted, "bleu": scores, "rouge": rouge}
path = os.path.join(FOLDER, "text_scores.json")
with open(path, "w") as file:
    json.dump(result, file, ensure_ascii=False, indent=0, sort_keys=True)
    file.write("\n")
print(f"text_scores.json: {os.path.getsize(path)} bytes")
