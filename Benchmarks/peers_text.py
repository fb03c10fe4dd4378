#!/usr/bin/env python3
"""The networks of `refrain train classify`, `language` and `translate` in PyTorch: the same layers, sizes, batches and
optimizer, timed over whole epochs.

    peers_text.py classify TABLE [--hidden 64] [--embedding 64] [--batch 32] [--dropout 0.5] [--epochs 2] [--threads N]
    peers_text.py language CORPUS [--unit characters|words] [--hidden 512] [--layers 2] [--embedding 64] [--tied]
                           [--batch 32] [--steps 128] [--dropout 0.3] [--epochs 2] [--threads N]
    peers_text.py translate SOURCES TARGETS [--hidden 256] [--layers 2] [--embedding 256] [--batch 64] [--dropout 0.3]
                            [--epochs 2] [--threads N]

Prints a line of JSON for each epoch: tokens a second (of the texts, or of the targets with their ends) and the mean loss.
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


class Rows(nn.Embedding):
    """Leaves out whole tokens of the vocabulary, as Refrain's embedding dropout does."""

    def __init__(self, count, size, rate):
        super().__init__(count, size)
        self.rate = rate

    def forward(self, tokens):
        if not self.training or self.rate == 0:
            return super().forward(tokens)
        kept = self.weight.new_empty(len(self.weight), 1).bernoulli_(1 - self.rate) / (1 - self.rate)
        return nn.functional.embedding(tokens, self.weight * kept)


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


class Classify(nn.Module):
    """A bidirectional LSTM; its greatest values, a mean by attention, and the mean of the words' vectors say the class."""

    def __init__(self, size, classes, options):
        super().__init__()
        width = 2 * options.hidden
        self.rows = Rows(size, options.embedding, 0.1)
        self.locked = Locked(options.dropout)
        self.recurrent = nn.LSTM(options.embedding, options.hidden, batch_first=True, bidirectional=True)
        self.inner, self.score = nn.Linear(width, width), nn.Linear(width, 1, bias=False)
        self.drop = nn.Dropout(options.dropout)
        self.head = nn.Linear(2 * width + options.embedding, classes)

    def forward(self, tokens, lengths):
        vectors = self.rows(tokens)
        packed = pack_padded_sequence(self.locked(vectors), lengths, batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(self.recurrent(packed)[0], batch_first=True)
        mask = (torch.arange(states.shape[1])[None] < lengths[:, None])[..., None]
        greatest = states.masked_fill(~mask, -torch.inf).amax(1)
        weights = self.score(torch.tanh(self.inner(states))).masked_fill(~mask, -torch.inf).softmax(1)
        mean = (vectors * mask).sum(1) / lengths[:, None]
        return self.head(self.drop(torch.cat([greatest, (weights * states).sum(1), mean], -1)))


def classify(options):
    rows = [line.rsplit("\t", 1) for line in lines(options.files[0])]
    texts = [text.split() for text, _ in rows]
    table = vocabulary(texts, options.vocabulary)
    texts = encode(texts, table)
    names = sorted({name for _, name in rows})
    targets = torch.tensor([names.index(name) for _, name in rows])
    model = Classify(len(table) + 4, len(names), options)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

    def epoch():
        total, count = 0.0, 0
        for batch in batches(list(map(len, texts)), options.batch):
            read = [texts[i] for i in batch]
            logits = model(padded(read), torch.tensor(list(map(len, read))))
            loss = nn.functional.cross_entropy(logits, targets[batch])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1)
            optimizer.step()
            total, count = total + loss.item() * len(batch), count + sum(map(len, read))
        return total / len(texts), count

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


def batches(lengths, size):
    """As Refrain's LengthBatches: pools of 100 batches, sorted by length, in random order."""
    order = random.sample(range(len(lengths)), len(lengths))
    found = []
    for start in range(0, len(order), 100 * size):
        pool = sorted(order[start:start + 100 * size], key=lambda i: lengths[i])
        found += [pool[i:i + size] for i in range(0, len(pool), size)]
    random.shuffle(found)
    return found


def translate(options):
    sides = [[line.split() for line in lines(path)] for path in options.files]
    pairs = [(s, t) for s, t in zip(*sides) if s and t]
    tables = [vocabulary(side, options.vocabulary) for side in zip(*pairs)]
    sources, targets = (encode(side, table) for side, table in zip(zip(*pairs), tables))
    model = Translate(len(tables[0]) + 4, len(tables[1]) + 4, options)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def epoch():
        total, count = 0.0, 0
        for batch in batches([len(s) + len(t) for s, t in zip(sources, targets)], options.batch):
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
    parser.add_argument("task", choices=["classify", "language", "translate"])
    parser.add_argument("files", nargs="+")
    parser.add_argument("--unit", choices=["characters", "words"], default="characters")
    for name, value in [("hidden", None), ("layers", 2), ("embedding", None), ("batch", None), ("steps", 128),
                        ("epochs", 2), ("threads", 1), ("vocabulary", 20000)]:
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--dropout", type=float, default=0.3)
    parser.add_argument("--tied", action="store_true")
    options = parser.parse_args()
    defaults = {"classify": (64, 64, 32), "language": (512, 64, 32), "translate": (256, 256, 64)}[options.task]
    for name, value in zip(["hidden", "embedding", "batch"], defaults):
        if getattr(options, name) is None:
            setattr(options, name, value)
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    random.seed(0)
    model, epoch = {"classify": classify, "language": language, "translate": translate}[options.task](options)
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
