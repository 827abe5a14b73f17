"""Console output is kept within bounds, and goes in frames that many slow readers can have at once."""

from __future__ import annotations

import orjson

from http_gateway.stream_console import CONSOLE_CHARACTERS, CONSOLE_CHUNKS, FRAME_CHARACTERS, Console


def written(texts):
    """A console with these texts, one each second."""
    console = Console()
    for number, text in enumerate(texts):
        console.add(float(number), text)
    return console


def read(frames):
    """The texts in frames."""
    return [chunk["text"] for frame in frames for chunk in orjson.loads(frame.text)["data"]["chunks"]]


def test_a_large_batch_is_several_frames_with_everything_in_order():
    texts = [f"{number:05}" + "x" * 7_000 for number in range(40)]
    frames = written(texts).take_batch()
    assert read(frames) == texts
    assert len(frames) > 1
    assert max(len(frame.text) for frame in frames) < 2 * FRAME_CHARACTERS
    assert sum(frame.size for frame in frames) == 40


def test_only_the_first_frame_of_a_snapshot_says_that_it_is_one():
    console = written(["x" * 8_000] * 20)
    console.take_batch()
    frames = console.since(None)
    assert [orjson.loads(frame.text).get("snapshot", False) for frame in frames] == [True, False, False]
    assert frames[-1].seq == round(19e6)


def test_it_resumes_across_frames():
    console = written(["x" * 8_000] * 20)
    console.take_batch()
    seqs = [chunk["seq"] for frame in console.since(0) for chunk in orjson.loads(frame.text)["data"]["chunks"]]
    assert len(read(console.since(seqs[4]))) == 15
    assert console.since(seqs[-1]) == []


def test_what_is_too_much_goes_and_is_told():
    console = written(["x" * 8_000] * 200)
    notice, *frames = console.take_batch()
    kept = read(frames)
    assert sum(map(len, kept)) <= CONSOLE_CHARACTERS
    assert orjson.loads(notice.text) == {"op": "gap", "topic": "console", "gap": 200 - len(kept)}
    assert len(read(written(["x"] * (CONSOLE_CHUNKS + 7)).take_batch()[1:])) == CONSOLE_CHUNKS
