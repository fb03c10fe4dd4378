"""Byte-pair encoding by the program `tokenizers` (Hugging Face) on a small corpus: the pieces, the pairs in the order in
which they are learned, and encodings.

    pip install tokenizers==0.23.3 && python make_pieces.py
"""

import json
import pathlib

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

CORPUS = """
the quick brown fox jumps over the lazy dog and the dog sleeps
a newer lower wider widest newest lowest slow slower slowest low low low
der schnelle braune fuchs springt über den faulen hund und die hunde schlafen
größer größte größen grün grüner straße straßen
banana bananas bandana ananas aaaa aaa aa
今天 天气 很好 今天 天天 很好
""".strip().split("\n")
TEXTS = CORPUS + ["the lowest banana über straße", "unseen wörter 天气 aaaaa", "z"]


def main():
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always", split=True)
    trainer = trainers.BpeTrainer(vocab_size=120, special_tokens=["<pad>", "<unk>", "<s>", "</s>"], show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    merges = [merge if isinstance(merge, list) else merge.split(" ") for merge in model["merges"]]
    result = {
        "corpus": CORPUS,
        "size": 120,
        "pieces": sorted(model["vocab"], key=model["vocab"].get),
        "merges": merges,
        "encodings": [{"text": text, "pieces": tokenizer.encode(text).tokens} for text in TEXTS],
    }
    path = pathlib.Path(__file__).parent / "pieces.json"
    path.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n")


main()
