#!/usr/bin/env python3
"""Makes the pack of PTX that the CUDA plugin carries: tools/pack_kernels.py TEXTS PACK [--keep FOLDER] [--jobs N].

TEXTS holds what the plugin of tests/plugins/record.c wrote there: KEY_LENGTH.cu, KEY being kit_hash of the text. NVRTC compiles each
(tools/check_kernels.py finds it); with --keep, what was compiled before is taken from that folder. The pack, which plugins/cuda/pack.h
reads, little-endian: "TNPTX001", u32 kernels, u32 groups; for each kernel, by key, u64 key, u32 length of its text, u32 group, u32
place in the group, u32 length of the PTX; for each group u32 place in the pack, u32 bytes, u32 bytes inflated; the groups, zlib
streams of texts that each end in a zero byte. Registers are numbered anew in the order in which they come, and said against the
newest of their kind: %f+ is the next one, %f-3 the one three before the newest. So unrolled code reads alike, and deflates to half.
Kernels of one source, those that begin alike side by side, share a stream."""
import argparse, concurrent.futures, glob, os, re, struct, sys, time, zlib
import check_kernels

GROUP = 128 << 10  # bytes of text: what a lookup inflates, in about a millisecond
# NVRTC names the newest PTX there is, and older drivers refuse that name, not what is in it. 7.4 came with CUDA 11.4, whose drivers
# are the oldest that the plugin runs on.
VERSION = re.compile(r"^\.version \d+\.\d+", re.M)
REGISTER = re.compile(r"%([a-z]{1,2})(\d+)\b")
TAIL = 9  # lines at a text's end that tell its source


def compact(ptx):
    """Without comments, blanks and empty lines."""
    lines = [" ".join(line.split("//")[0].split()) for line in VERSION.sub(".version 7.4", ptx).splitlines()]
    return "\n".join(line for line in lines if line) + "\n"


def renumbered(ptx):
    new, newest, declared = {}, {}, set(re.findall(r"^\.reg \.\w+ %(\w+)<", ptx, re.M))

    def name(m):
        kind = m.group(1)
        if kind not in declared:
            raise SystemExit("%s is no register that the kernel declares" % m.group(0))
        if m.group(0) not in new:
            newest[kind] = newest.get(kind, 0) + 1
            new[m.group(0)] = newest[kind]
        return "%%%s%d" % (kind, new[m.group(0)])

    return REGISTER.sub(name, ptx)


def relative(ptx):
    newest = {}

    def name(m):
        kind, number = m.group(1), int(m.group(2))
        if number > newest.get(kind, 0):
            newest[kind] = number
            return "%%%s+" % kind
        return "%%%s-%d" % (kind, newest[kind] - number)

    return REGISTER.sub(name, ptx)


def compiled(nvrtc, path, keep):
    kept = os.path.join(keep, os.path.basename(path)[:-3] + ".ptx") if keep else None
    if kept and os.path.exists(kept):
        return open(kept).read()
    ptx, log = check_kernels.cuda(nvrtc, path)
    if ptx is None:
        raise SystemExit("%s\n%s" % (path, log[:1500]))
    ptx = renumbered(compact(ptx))
    if kept:
        with open(kept + ".new", "w") as f:
            f.write(ptx)
        os.replace(kept + ".new", kept)
    return ptx


def pack(kernels):
    """kernels: (key, length, PTX), in the order in which they are to stand. The pack, and how much text is in it."""
    entries, groups, raw = [], [], b""
    for key, length, ptx in kernels:
        said = relative(ptx).encode() + b"\0"
        if raw and len(raw) + len(said) > GROUP:
            groups.append(raw)
            raw = b""
        entries.append((key, length, len(groups), len(raw), len(ptx)))
        raw += said
    groups.append(raw)
    streams = [zlib.compress(g, 9) for g in groups]
    at = 16 + 24 * len(entries) + 12 * len(groups)
    out = [b"TNPTX001", struct.pack("<II", len(entries), len(groups))]
    out += [struct.pack("<QIIII", *e) for e in sorted(entries)]
    for stream, group in zip(streams, groups):
        out.append(struct.pack("<III", at, len(stream), len(group)))
        at += len(stream)
    return b"".join(out + streams)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("texts")
    parser.add_argument("pack")
    parser.add_argument("--keep")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    args = parser.parse_args()
    start = time.time()
    files = sorted(glob.glob(os.path.join(args.texts, "*_*.cu")))
    nvrtc = check_kernels.find_nvrtc()
    if not nvrtc or not files:
        raise SystemExit("no NVRTC: pip install nvidia-cuda-nvrtc" if files else "no texts in " + args.texts)
    if args.keep:
        os.makedirs(args.keep, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        ptx = list(pool.map(lambda f: compiled(nvrtc, f, args.keep), files))
    kernels = []
    for path, text in zip(files, ptx):
        key, length = os.path.basename(path)[:-3].split("_")
        kernels.append((open(path).read().split("\n")[-TAIL:], text.split("\n"), int(key, 16), int(length)))
    out = pack([(key, length, "\n".join(lines)) for _, lines, key, length in sorted(kernels)])
    with open(args.pack, "wb") as f:
        f.write(out)
    print("%s: %d kernels, %d bytes of %d of PTX, %.0f s" % (args.pack, len(files), len(out), sum(map(len, ptx)), time.time() - start))


if __name__ == "__main__":
    sys.exit(main())
