"""A program that feeds the decoder of messages with inputs that nobody would send, until one of them does harm.

``python -m tests.faults.decoder_fuzz mutate RUNS SECONDS SEED`` changes the frames of the corpus at random;
``… atheris RUNS SECONDS SEED DIRECTORY`` lets Atheris look for inputs that reach other code, beginning with the corpus.
Both end after so many runs or so much time.
An input does harm if anything but a refusal leaves the decoder, if what was decoded cannot be encoded again, or if it
takes longer than 50 ms. Then it is printed, and the program fails; otherwise it prints as JSON what it has done.
"""

from __future__ import annotations

import importlib
import json
import random
import sys
import time
from contextlib import nullcontext, suppress
from pathlib import Path

from queue_server.protocol.codec import WORKER_BOUNDS, decode, encode
from queue_server.protocol.envelope import read_request
from queue_server.protocol.errors import CuelightError, EnvelopeError
from queue_server.protocol.methods import METHODS
from queue_server.protocol.worker_link import read_from_worker

CORPUS = Path(__file__).parent / "corpora" / "decoder.txt"
MOST_S = 0.05
MOST_BYTES = 4096


class HarmError(Exception):
    """An input has done harm."""


def read_corpus() -> list[bytes]:
    """Return the stored frames: one in each line, in hexadecimal, a remark behind it."""
    lines = CORPUS.read_text(encoding="utf-8").splitlines()
    return [bytes.fromhex(line.partition("#")[0]) for line in lines if line and not line.startswith("#")]


def feed(data: bytes) -> str:
    """Read a frame as manager and worker link do; return what became of it."""
    begin = time.perf_counter()
    try:
        result = _read(data)
    except Exception as error:
        raise HarmError(f"{type(error).__name__}: {error}: {data.hex()}") from error
    seconds = time.perf_counter() - begin
    # A process that was not given the processor is not the fault of the input.
    if seconds > MOST_S and min(_measure(data) for _ in range(3)) > MOST_S:
        raise HarmError(f"took {seconds * 1000:.0f} ms: {data.hex()}")
    return result


def _measure(data: bytes) -> float:
    begin = time.perf_counter()
    _read(data)
    return time.perf_counter() - begin


def _read(data: bytes) -> str:
    with suppress(EnvelopeError):
        read_from_worker(data, WORKER_BOUNDS)
    try:
        message, encoding = decode(data)
    except EnvelopeError:
        return "refused"
    # Lone surrogates and the like can be read from msgpack, and are refused when they are written.
    with suppress(TypeError) if encoding == "msgpack" else nullcontext():
        decode(encode(message, encoding))
    try:
        request = read_request(message)
        if request.method in METHODS:
            METHODS[request.method].parse(dict(request.params))
    except CuelightError:
        return "decoded"
    return "accepted"


def mutate(runs: int, seconds: float, seed: int) -> dict[str, int]:
    """Feed frames of the corpus that were changed at random."""
    chance = random.Random(seed)
    corpus = read_corpus()
    told: dict[str, int] = {"refused": 0, "decoded": 0, "accepted": 0}
    for frame in corpus:
        told[feed(frame)] += 1
    until = time.monotonic() + seconds
    for number in range(runs):
        if number % 1000 == 0 and time.monotonic() > until:
            break
        frame = bytearray(chance.choice(corpus))
        for _ in range(chance.randint(1, 4)):
            _change(frame, corpus, chance)
        told[feed(bytes(frame[:MOST_BYTES]))] += 1
    return told


def _change(frame: bytearray, corpus: list[bytes], chance: random.Random) -> None:
    at = chance.randrange(len(frame) + 1)
    kind = chance.randrange(6)
    if kind == 0 and at < len(frame):
        frame[at] = chance.randrange(256)
    elif kind == 1 and at < len(frame):
        frame[at] ^= 1 << chance.randrange(8)
    elif kind == 2:
        del frame[at : at + chance.randint(1, 8)]
    elif kind == 3:
        frame[at:at] = chance.randbytes(chance.randint(1, 8))
    elif kind == 4:
        other = chance.choice(corpus)
        begin = chance.randrange(len(other) + 1)
        frame[at:at] = other[begin : begin + chance.randint(1, 64)]
    else:
        frame[at:at] = frame[at : at + chance.randint(1, 32)] * chance.randint(1, 64)


def _feed_quietly(data: bytes) -> None:
    feed(data)


def explore(runs: int, seconds: int, seed: int, directory: Path) -> None:
    """Let Atheris feed what it finds; it ends the process itself, with an exit code of its own if there was harm."""
    atheris = importlib.import_module("atheris")

    directory.mkdir(exist_ok=True)
    for number, frame in enumerate(read_corpus()):
        (directory / f"{number:04}").write_bytes(frame)
    for name in ("queue_server.protocol.codec", "queue_server.protocol.envelope", "queue_server.protocol.method"):
        for function in vars(sys.modules[name]).values():
            if getattr(function, "__module__", "") == name and callable(function) and hasattr(function, "__code__"):
                atheris.instrument_func(function)
    options = [
        f"-runs={runs}",
        f"-seed={seed}",
        f"-max_total_time={seconds}",
        f"-max_len={MOST_BYTES}",
        f"-artifact_prefix={directory}/",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, "-verbosity=0", str(directory)], _feed_quietly)
    sys.stdout.flush()
    atheris.Fuzz()


if __name__ == "__main__":
    way, runs, seconds, seed, *place = sys.argv[1:]
    if way == "atheris":
        explore(int(runs), int(seconds), int(seed), Path(place[0]))
    else:
        sys.stdout.write(json.dumps(mutate(int(runs), float(seconds), int(seed))) + "\n")
