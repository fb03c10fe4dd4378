#!/usr/bin/env python3
"""The networks of `refrain train language` and `refrain train translate` in PyTorch: the same layers, sizes, batches and
optimizer, timed over whole epochs.

    peers_text.py language CORPUS [--unit characters|words] [--hidden 512] [--layers 2] [--embedding 64] [--tied]
                           [--batch 32] [--steps 128] [--dropout 0.3] [--epochs 2] [--threads N]
    peers_text.py translate SOURCES TARGETS [--hidden 256] [--layers 2] [--embedding 256] [--batch 64] [--dropout 0.3]
                            [--epochs 2] [--threads N]

Prints a line of JSON for each epoch: tokens a second (of the corpus, or of the targets with their ends) and the mean loss.
`compare_text.py` runs it and Refrain in turn. Tokens are characters or words between spaces: a piece costs what a word does.
"""

import argparse
import collections
import json
import random
import time

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

PAD, UNKNOWN, BEGIN, END = range(4)


def vocabulary(texts, size):
    counts = collections.Counter(token for text in texts for token in text)
    return {token: index + 4 for index, (token, _) in enumerate(counts.most_common(size - 4))}


def encode(texts, table):
    return [[table.get(token, UNKNOWN) for token in text] for text in texts]


def lines(path):
    with open(path, encoding="utf-8") as file:
        return file.read().splitlines()


class Locked(nn.Module):
    """One mask a sequence, the same at every step, as Refrain's."""

    def __init__(self, rate):
        super().__init__()
        self.rate = rate

    def forward(self, x):
        if not self.training or self.rate == 0:
            return x
        return x * x.new_empty(x.shape[0], 1, x.shape[2]).bernoulli_(1 - self.rate) / (1 - self.rate)


class Language(nn.Module):
    def __init__(self, size, options):
        super().__init__()
        sizes = [options.hidden] * options.layers
        if options.tied:
            sizes[-1] = options.embedding
        self.rows = nn.Embedding(size, options.embedding)
        self.layers = nn.ModuleList(
            nn.LSTM(inputs, outputs, batch_first=True) for inputs, outputs in zip([options.embedding] + sizes, sizes))
        self.drop = Locked(options.dropout)
        self.head = nn.Linear(sizes[-1], size)
        if options.tied:
            self.head.weight = self.rows.weight

    def forward(self, tokens, states):
        x, after = self.rows(tokens), []
        for layer, state in zip(self.layers, states or [None] * len(self.layers)):
            x, state = layer(x, state)
            after.append(tuple(part.detach() for part in state))
            x = self.drop(x)
        return self.head(x), after


def language(options):
    texts = [list(line) if options.unit == "characters" else line.split() for line in lines(options.files[0])]
    table = vocabulary(texts, options.vocabulary)
    corpus = torch.tensor([END] + [token for text in encode(texts, table) for token in text + [END]])
    model = Language(len(table) + 4, options)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    length = (len(corpus) - 1) // options.batch
    inputs = corpus[:length * options.batch].view(options.batch, length)
    targets = corpus[1:length * options.batch + 1].view(options.batch, length)

    def epoch():
        states, total = None, 0.0
        for start in range(0, length, options.steps):
            steps = slice(start, start + options.steps)
            logits, states = model(inputs[:, steps], states)
            loss = nn.functional.cross_entropy(logits.flatten(0, 1), targets[:, steps].flatten())
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1)
            optimizer.step()
            total += loss.item() * targets[:, steps].numel()
        return total / targets.numel(), targets.numel()

    return model, epoch


class Translate(nn.Module):
    """A bidirectional encoder; a decoder whose lowest layer asks by general attention, and whose others hear."""

    def __init__(self, sources, targets, options):
        super().__init__()
        size, hidden, layers = options.embedding, options.hidden, options.layers
        self.source, self.target = nn.Embedding(sources, size), nn.Embedding(targets, size)
        self.encoder = nn.GRU(
            size, hidden // 2, layers, batch_first=True, bidirectional=True, dropout=options.dropout if layers > 1 else 0)
        self.bridge = nn.Linear(hidden, layers * hidden)
        self.lower = nn.GRU(size, hidden, batch_first=True)
        self.query = nn.Linear(hidden, hidden, bias=False)
        self.upper = nn.GRU(2 * hidden, hidden, layers - 1, batch_first=True) if layers > 1 else None
        self.readout = nn.Linear(2 * hidden, size)
        self.head = nn.Linear(size, targets)
        self.head.weight = self.target.weight
        self.drop = nn.Dropout(options.dropout)
        self.hidden = hidden

    def forward(self, sources, lengths, before, valid):
        packed = pack_padded_sequence(self.drop(self.source(sources)), lengths, batch_first=True, enforce_sorted=False)
        keys, _ = pad_packed_sequence(self.encoder(packed)[0], batch_first=True)
        first = torch.tanh(self.bridge(keys.sum(1) / lengths[:, None])).view(len(lengths), -1, self.hidden).transpose(0, 1)
        asked, _ = self.lower(self.drop(self.target(before)), first[:1].contiguous())
        scores = self.query(asked) @ keys.mT
        mask = torch.arange(keys.shape[1])[None] < lengths[:, None]
        context = scores.masked_fill(~mask[:, None], -torch.inf).softmax(-1) @ keys
        said = asked
        if self.upper is not None:
            said, _ = self.upper(self.drop(torch.cat([asked, context], -1)), first[1:].contiguous())
        r = self.drop(torch.tanh(self.readout(torch.cat([said, context], -1))))
        return self.head(r[valid])


def padded(texts):
    longest = max(map(len, texts))
    return torch.tensor([text + [PAD] * (longest - len(text)) for text in texts])


def translate(options):
    sides = [[line.split() for line in lines(path)] for path in options.files]
    pairs = [(s, t) for s, t in zip(*sides) if s and t]
    tables = [vocabulary(side, options.vocabulary) for side in zip(*pairs)]
    sources, targets = (encode(side, table) for side, table in zip(zip(*pairs), tables))
    model = Translate(len(tables[0]) + 4, len(tables[1]) + 4, options)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def epoch():
        # As Refrain's LengthBatches: pools of 100 batches, sorted by length, in random order.
        order = random.sample(range(len(sources)), len(sources))
        batches = []
        for start in range(0, len(order), 100 * options.batch):
            pool = sorted(order[start:start + 100 * options.batch], key=lambda i: len(sources[i]) + len(targets[i]))
            batches += [pool[i:i + options.batch] for i in range(0, len(pool), options.batch)]
        random.shuffle(batches)
        total, count = 0.0, 0
        for batch in batches:
            read, written = [sources[i] for i in batch], [targets[i] for i in batch]
            after = padded([text + [END] for text in written])
            valid = after != PAD
            logits = model(
                padded(read), torch.tensor(list(map(len, read))), padded([[BEGIN] + text for text in written]), valid)
            loss = nn.functional.cross_entropy(logits, after[valid], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1)
            optimizer.step()
            tokens = int(valid.sum())
            total, count = total + loss.item() * tokens, count + tokens
        return total / count, count

    return model, epoch


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=["language", "translate"])
    parser.add_argument("files", nargs="+")
    parser.add_argument("--unit", choices=["characters", "words"], default="characters")
    for name, value in [("hidden", None), ("layers", 2), ("embedding", None), ("batch", None), ("steps", 128),
                        ("epochs", 2), ("threads", 1), ("vocabulary", 20000)]:
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--dropout", type=float, default=0.3)
    parser.add_argument("--tied", action="store_true")
    options = parser.parse_args()
    defaults = {"language": (512, 64, 32), "translate": (256, 256, 64)}[options.task]
    for name, value in zip(["hidden", "embedding", "batch"], defaults):
        if getattr(options, name) is None:
            setattr(options, name, value)
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    random.seed(0)
    model, epoch = {"language": language, "translate": translate}[options.task](options)
    model.train()
    for number in range(1, options.epochs + 1):
        start = time.perf_counter()
        loss, tokens = epoch()
        seconds = time.perf_counter() - start
        print(json.dumps({"peer": "torch", "name": options.task, "epoch": number, "threads": options.threads,
                          "loss": round(loss, 4), "tokens": tokens, "seconds": round(seconds, 2),
                          "tokensPerSecond": round(tokens / seconds)}), flush=True)


if __name__ == "__main__":
    main()
