"""The networks of `refrain train classify`, `language` and `translate` in PyTorch: the same layers, sizes, batches and
optimizer. `peers_tasks.py` trains and asks them. Tokens are characters or words between spaces.
"""

import collections
import math
import random

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


def streams(texts, table, count):
    """The texts one after another, cut into as many streams: what is read, and what follows it, `[B, T]` each."""
    corpus = torch.tensor([END] + [token for text in encode(texts, table) for token in text + [END]])
    length = (len(corpus) - 1) // count
    return corpus[:length * count].view(count, length), corpus[1:length * count + 1].view(count, length)


def language(options):
    texts = [list(line) for line in lines(options.files[0])]
    table = vocabulary(texts, options.vocabulary)
    model = Language(len(table) + 4, options)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    inputs, targets = streams(texts, table, options.batch)
    length = inputs.shape[1]

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

    return model, table, epoch


def answer_perplexity(model, table, options):
    """The perplexity of a text. Returns how many characters it has."""
    inputs, targets = streams([list(line) for line in lines(options.files[0])], table, options.batch)
    states, total = None, 0.0
    for start in range(0, inputs.shape[1], options.steps):
        steps = slice(start, start + options.steps)
        logits, states = model(inputs[:, steps], states)
        total += nn.functional.cross_entropy(logits.flatten(0, 1), targets[:, steps].flatten(), reduction="sum").item()
    options.report["perplexity"] = round(math.exp(total / targets.numel()), 4)
    return targets.numel()


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

    return model, (table, names), epoch


def answer_classes(model, tables, options):
    """The classes of the texts of a file and their probabilities. Returns how many words were read."""
    table, names = tables
    texts = encode([line.rsplit("\t", 1)[0].split() for line in lines(options.files[0])], table)
    found = [None] * len(texts)
    for batch in in_order(list(map(len, texts)), options.batch):
        read = [texts[i] for i in batch]
        shares = model(padded(read), torch.tensor(list(map(len, read)))).softmax(-1)
        for i, row in zip(batch, shares.tolist()):
            found[i] = (names[max(range(len(row)), key=row.__getitem__)], row)
    return sum(map(len, texts))


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

    def read(self, sources, lengths):
        """What the decoder attends to, `[B, S, H]`, where there is something, `[B, 1, S]`, and its first states."""
        packed = pack_padded_sequence(self.drop(self.source(sources)), lengths, batch_first=True, enforce_sorted=False)
        keys, _ = pad_packed_sequence(self.encoder(packed)[0], batch_first=True)
        first = torch.tanh(self.bridge(keys.sum(1) / lengths[:, None])).view(len(lengths), -1, self.hidden).transpose(0, 1)
        mask = (torch.arange(keys.shape[1])[None] < lengths[:, None])[:, None]
        return keys, mask, (first[:1].contiguous(), first[1:].contiguous())

    def write(self, before, keys, mask, states):
        """What the head makes logits of, after the tokens `before`, `[B, T]`, and the states after them."""
        lower, upper = states
        asked, lower = self.lower(self.drop(self.target(before)), lower)
        scores = self.query(asked) @ keys.mT
        context = scores.masked_fill(~mask, -torch.inf).softmax(-1) @ keys
        said = asked
        if self.upper is not None:
            said, upper = self.upper(self.drop(torch.cat([asked, context], -1)), upper)
        return self.drop(torch.tanh(self.readout(torch.cat([said, context], -1)))), (lower, upper)

    def forward(self, sources, lengths, before, valid):
        return self.head(self.write(before, *self.read(sources, lengths))[0][valid])

    def next(self, tokens, keys, mask, states):
        """The logits of the tokens after `tokens`, `[B, V]`, of which some are never written."""
        r, states = self.write(tokens[:, None], keys, mask, states)
        logits = self.head(r[:, 0])
        logits[:, [PAD, BEGIN]] = -torch.inf
        return logits, states


def padded(texts):
    longest = max(map(len, texts))
    return torch.tensor([text + [PAD] * (longest - len(text)) for text in texts])


def in_order(lengths, size):
    """Batches of texts of about one length, for answers."""
    order = sorted(range(len(lengths)), key=lambda i: lengths[i])
    return [order[start:start + size] for start in range(0, len(order), size)]


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

    return model, tables, epoch


def greedy(model, read, limits):
    """The most probable token at each step, `[B, T]`, until all texts have ended or are as long as they may be."""
    keys, mask, states = read
    tokens, ended, written = torch.full((len(keys),), BEGIN), torch.zeros(len(keys), dtype=torch.bool), []
    while not ended.all():
        logits, states = model.next(tokens, keys, mask, states)
        tokens = logits.argmax(-1)
        written.append(tokens)
        ended |= (tokens == END) | (limits <= len(written))
    return torch.stack(written, 1)


def beam(model, read, limits, width):
    """As `greedy`, but the texts that are most probable as a whole, of as many as `width` at each step."""
    keys, mask, (lower, upper) = read
    count = len(keys)
    keys, mask, limits = (part.repeat_interleave(width, 0) for part in (keys, mask, limits))
    states = tuple(part.repeat_interleave(width, 1) for part in (lower, upper))
    tokens, ended = torch.full((count * width,), BEGIN), torch.zeros(count * width, dtype=torch.bool)
    # All answers of a text are the same at first: one of them goes on.
    sums = torch.full((count, width), -torch.inf)
    sums[:, 0] = 0
    lengths, written = torch.zeros(count * width), torch.empty(count * width, 0, dtype=torch.long)
    while not ended.all():
        logits, states = model.next(tokens, keys, mask, states)
        logarithms = logits.log_softmax(-1)
        # An answer that has ended stays as it is.
        logarithms[ended] = -torch.inf
        logarithms[ended, PAD] = 0
        size = logarithms.shape[-1]
        sums, best = (sums[..., None] + logarithms.view(count, width, size)).flatten(1).topk(width)
        rows = (torch.arange(count)[:, None] * width + best // size).flatten()
        tokens, ended = (best % size).flatten(), ended[rows]
        states = tuple(part[:, rows] for part in states)
        written, lengths = torch.cat([written[rows], tokens[:, None]], 1), lengths[rows] + ~ended
        ended = ended | (tokens == END) | (limits <= written.shape[1])
    # The length penalty of Wu et al. 2016.
    best = (sums / ((5 + lengths.view(count, width)) / 6)).argmax(-1)
    return written[torch.arange(count) * width + best]


def answer_texts(model, tables, options):
    """Texts made of those of a file. Returns how many tokens they have, with the ends of those that ended."""
    texts = encode([line.split() for line in lines(options.files[0])], tables[0])
    names = {index: token for token, index in tables[1].items()}
    found, count = [""] * len(texts), 0
    for batch in in_order(list(map(len, texts)), options.batch):
        lengths = torch.tensor([len(texts[i]) for i in batch])
        read, limits = model.read(padded([texts[i] for i in batch]), lengths), 2 * lengths + 10
        written = greedy(model, read, limits) if options.beam == 1 else beam(model, read, limits, options.beam)
        for i, row, limit in zip(batch, written.tolist(), limits.tolist()):
            row = row[:min(limit, row.index(END) + 1 if END in row else limit)]
            found[i] = " ".join(names.get(token, "<unknown>") for token in row if token != END)
            count += len(row)
    return count


TASKS = {
    "classify": (classify, answer_classes),
    "language": (language, answer_perplexity),
    "translate": (translate, answer_texts),
}
