"""Write down how the reference cuts the corpus into tokens, for the tests of the Go side, where the text of the corpus has changed and the model has not.

    python testdata/corpus/compile.py > corpus.jsonl
    python tokens.py corpus.jsonl --model second.model --out tokens.json
"""

import argparse
import json
import pathlib
import struct

import second


def pieces(path):
    """The vocabulary of a model file, with its scores."""
    d = pathlib.Path(path).read_bytes()
    (n,) = struct.unpack_from("<I", d, 13)
    at, out = 13 + 4 * (9 + 9 + 4), []
    for _ in range(n):
        out.append(d[at + 1 : at + 1 + d[at]].decode())
        at += 1 + d[at]
    return list(zip(out, struct.unpack_from(f"<{n}f", d, at)))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("corpus", help="labelled messages as JSON Lines, in the order of the corpus")
    p.add_argument("--model", required=True)
    p.add_argument("--out", required=True)
    o = p.parse_args()
    rows = [json.loads(line) for line in open(o.corpus, encoding="utf-8")]
    tokens = second.cut(second.tokenizer(pieces(o.model)), [r["text"] for r in rows])
    second.checksums(o.out, [r["conversation_id"].split("-")[0] for r in rows], tokens)


if __name__ == "__main__":
    main()
