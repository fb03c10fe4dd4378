"""The network of `refrain train tag` in PyTorch, with pytorch-crf, as people write it: embeddings of words, prefixes,
suffixes and shapes, a bidirectional LSTM over the characters of the different words of a batch, a bidirectional LSTM over
the words, a conditional random field, Adam. `peers_tasks.py` trains and asks it. Needs torch and pytorch-crf.
"""

import collections
import random

import torch
from torchcrf import CRF

CHARACTERS = 24


def read(path):
    sentences, current = [], []
    for line in open(path, encoding="utf-8"):
        fields = line.split()
        if fields:
            current.append((fields[0], fields[-1]))
        elif current:
            sentences.append(current)
            current = []
    return sentences + ([current] if current else [])


def bioes(tags):
    result = []
    for place, tag in enumerate(tags):
        following = tags[place + 1] if place + 1 < len(tags) else "O"
        ends = not following.startswith("I-")
        if tag.startswith("B-"):
            tag = ("S-" if ends else "B-") + tag[2:]
        elif tag.startswith("I-"):
            tag = ("E-" if ends else "I-") + tag[2:]
        result.append(tag)
    return result


def forms(word):
    normal = "".join("0" if c.isdigit() else c for c in word.lower())
    shape, last, run = "", None, 0
    for c in word:
        kind = "d" if c.isdigit() else c if not c.isalpha() else "X" if c.isupper() else "x"
        run = run + 1 if kind == last else 1
        last = kind
        if run <= 3:
            shape += kind
    half = CHARACTERS // 2
    return normal, normal[:3], normal[-3:], shape, word if len(word) <= CHARACTERS else word[:half] + word[-half:]


class Vocabulary(dict):
    """0 is padding, 1 unknown."""

    def __init__(self, counts, least=1):
        super().__init__()
        for item, count in counts.most_common():
            if count >= least:
                self[item] = len(self) + 2

    @property
    def size(self):
        return len(self) + 2

    def of(self, item):
        return self.get(item, 1)


class Tagger(torch.nn.Module):
    def __init__(self, sizes, tags, hidden, dropout):
        super().__init__()
        widths = [100, 24, 24, 16]
        self.tables = torch.nn.ModuleList(torch.nn.Embedding(n, w) for n, w in zip(sizes, widths))
        self.characters = torch.nn.Embedding(sizes[4], 32)
        self.spelling = torch.nn.LSTM(32, 32, batch_first=True, bidirectional=True)
        self.recurrent = torch.nn.LSTM(sum(widths) + 64, hidden, batch_first=True, bidirectional=True)
        self.head = torch.nn.Linear(2 * hidden, tags)
        self.field = CRF(tags, batch_first=True)
        self.dropout = torch.nn.Dropout(dropout)

    def forward(self, batch):
        packed = torch.nn.utils.rnn.pack_padded_sequence(
            self.characters(batch["characters"]), batch["spellings"], batch_first=True, enforce_sorted=False)
        _, (state, _) = self.spelling(packed)
        spelled = torch.cat([state[0], state[1]], 1)[batch["rows"]]
        inputs = torch.cat([table(ids) for table, ids in zip(self.tables, batch["ids"])] + [spelled], 2)
        packed = torch.nn.utils.rnn.pack_padded_sequence(
            self.dropout(inputs), batch["lengths"], batch_first=True, enforce_sorted=False)
        states, _ = self.recurrent(packed)
        states, _ = torch.nn.utils.rnn.pad_packed_sequence(states, batch_first=True)
        return self.head(self.dropout(states))


class Data:
    def __init__(self, sentences):
        counts = [collections.Counter() for _ in range(5)]
        self.cache = {}
        for sentence in sentences:
            for word, _ in sentence:
                form = self.cache.setdefault(word, forms(word))
                for counter, part in zip(counts, form[:4]):
                    counter[part] += 1
                counts[4].update(form[4])
        self.vocabularies = [Vocabulary(c, least) for c, least in zip(counts, [1, 3, 3, 3, 1])]
        self.singletons = {self.vocabularies[0].of(w) for w, n in counts[0].items() if n == 1}
        tags = sorted({tag for sentence in sentences for tag in bioes([t for _, t in sentence])})
        self.tags = {tag: index for index, tag in enumerate(tags)}

    def encode(self, sentence):
        rows = []
        for word, _ in sentence:
            form = self.cache.setdefault(word, forms(word))
            rows.append([v.of(part) for v, part in zip(self.vocabularies[:4], form[:4])] + [word])
        return rows, [self.tags.get(tag, 0) for tag in bioes([t for _, t in sentence])]

    def batch(self, encoded, training):
        lengths = [len(rows) for rows, _ in encoded]
        longest = max(lengths)
        distinct, spellings = {}, []
        ids = torch.zeros(4, len(encoded), longest, dtype=torch.long)
        rows_of = torch.zeros(len(encoded), longest, dtype=torch.long)
        tags = torch.zeros(len(encoded), longest, dtype=torch.long)
        for b, (rows, own) in enumerate(encoded):
            values = []
            for row in rows:
                word = row[0]
                if training and word in self.singletons and random.random() < 0.5:
                    word = 1
                if row[4] not in distinct:
                    distinct[row[4]] = len(distinct)
                    spellings.append([self.vocabularies[4].of(c) for c in self.cache[row[4]][4]])
                values.append([word] + row[1:4] + [distinct[row[4]]])
            values = torch.tensor(values)
            ids[:, b, : len(rows)] = values[:, :4].T
            rows_of[b, : len(rows)] = values[:, 4]
            tags[b, : len(rows)] = torch.tensor(own)
        characters = torch.nn.utils.rnn.pad_sequence([torch.tensor(s) for s in spellings], batch_first=True)
        mask = torch.arange(longest)[None] < torch.tensor(lengths)[:, None]
        return {"ids": ids, "rows": rows_of, "tags": tags, "lengths": torch.tensor(lengths), "mask": mask,
                "characters": characters, "spellings": torch.tensor([len(s) for s in spellings])}


def batches(encoded, size):
    order = list(range(len(encoded)))
    random.shuffle(order)
    result = []
    for start in range(0, len(order), size * 20):
        pool = sorted(order[start:start + size * 20], key=lambda i: len(encoded[i][0]))
        result += [pool[i:i + size] for i in range(0, len(pool), size)]
    random.shuffle(result)
    return result


def tag(options):
    sentences = read(options.files[0])
    data = Data(sentences)
    encoded = [data.encode(sentence) for sentence in sentences]
    model = Tagger([v.size for v in data.vocabularies], len(data.tags), options.hidden, options.dropout)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    steps = options.epochs * ((len(encoded) + options.batch - 1) // options.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps, pct_start=0.1, div_factor=10,
                                                   final_div_factor=100, cycle_momentum=False)

    def epoch():
        total, words = 0.0, 0
        for chosen in batches(encoded, options.batch):
            batch = data.batch([encoded[i] for i in chosen], True)
            optimizer.zero_grad()
            loss = -model.field(model(batch), batch["tags"], mask=batch["mask"], reduction="token_mean")
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1)
            optimizer.step()
            schedule.step()
            count = int(batch["lengths"].sum())
            total, words = total + loss.item() * count, words + count
        return total / words, words

    return model, data, epoch


def answer_tags(model, data, options):
    """The most probable tags of the sentences of a file, by Viterbi's algorithm. Returns how many words they have."""
    encoded = [data.encode(sentence) for sentence in read(options.files[0])]
    names = {index: tag for tag, index in data.tags.items()}
    order = sorted(range(len(encoded)), key=lambda i: len(encoded[i][0]))
    found = [None] * len(encoded)
    for start in range(0, len(order), options.batch):
        chosen = order[start:start + options.batch]
        batch = data.batch([encoded[i] for i in chosen], False)
        for i, path in zip(chosen, model.field.decode(model(batch), mask=batch["mask"])):
            found[i] = [{"S": "B", "E": "I"}.get(names[k][0], names[k][0]) + names[k][1:] for k in path]
    return sum(map(len, found))


TASKS = {"tag": (tag, answer_tags)}
