#!/usr/bin/env python3
"""The language model of peers_text.py on several processes: PyTorch's DistributedDataParallel over gloo, each with its
streams of the same batch, as `mpirun -n N refrain train language` has them.

    torchrun --nproc-per-node N ddp.py CORPUS [--unit words] [--hidden 512] [--layers 2] [--embedding 64] [--batch 32]
                                              [--steps 128] [--epochs 2] [--threads 1]

Without torchrun it trains alone. The first process prints a line of JSON an epoch.
"""

import argparse
import json
import os
import pathlib
import sys
import time

import torch
import torch.distributed as dist
from torch import nn

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import peers_text  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--unit", choices=["characters", "words"], default="characters")
    for name, value in [("hidden", 512), ("layers", 2), ("embedding", 64), ("batch", 32), ("steps", 128), ("epochs", 2),
                        ("threads", 1), ("vocabulary", 20000), ("updates", 0)]:
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--dropout", type=float, default=0.3)
    parser.add_argument("--tied", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    if world > 1:
        dist.init_process_group("gloo")

    texts = [list(line) if options.unit == "characters" else line.split() for line in peers_text.lines(options.corpus)]
    table = peers_text.vocabulary(texts, options.vocabulary)
    tokens = [token for text in peers_text.encode(texts, table) for token in text + [peers_text.END]]
    corpus = torch.tensor([peers_text.END] + tokens)
    length = (len(corpus) - 1) // options.batch
    inputs = corpus[:length * options.batch].view(options.batch, length)[rank::world]
    targets = corpus[1:length * options.batch + 1].view(options.batch, length)[rank::world]
    network = peers_text.Language(len(table) + 4, options)
    model = nn.parallel.DistributedDataParallel(network) if world > 1 else network
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    network.train()
    for number in range(1, options.epochs + 1):
        start, states, total, read = time.perf_counter(), None, 0.0, 0
        for update, first in enumerate(range(0, length, options.steps)):
            if options.updates and update == options.updates:
                break
            steps = slice(first, first + options.steps)
            logits, states = model(inputs[:, steps], states)
            loss = nn.functional.cross_entropy(logits.flatten(0, 1), targets[:, steps].flatten())
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1)
            optimizer.step()
            total += loss.item() * targets[:, steps].numel()
            read += targets[:, steps].numel()
        seconds = time.perf_counter() - start
        if rank == 0:
            print(json.dumps({"peer": "torch", "processes": world, "epoch": number, "threads": options.threads,
                              "loss": round(total / read, 4), "tokens": read * world, "seconds": round(seconds, 2),
                              "tokensPerSecond": round(read * world / seconds)}), flush=True)
    if world > 1:
        dist.destroy_process_group()


main()
