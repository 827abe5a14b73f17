"""Files of recorded runs for tests: documents as a RunEngine emits them, written line by line."""

from __future__ import annotations

from queue_server.protocol.documents import write_line

RUN_UID = "6b0a6c9e-0b0c-4a53-9d3c-6f1a4c1c7f0e"

KEYS = {
    "det": {"source": "x", "dtype": "number", "shape": []},
    "motor": {"source": "x", "dtype": "number", "shape": []},
    "frames": {"source": "x", "dtype": "integer", "shape": []},
    "shutter": {"source": "x", "dtype": "string", "shape": []},
    "image": {"source": "x", "dtype": "array", "shape": [2, 3], "dtype_numpy": "<u2"},
}


def start(uid=RUN_UID, **more):
    """Return a start document."""
    return "start", {"uid": uid, "time": 100.0, "scan_id": 7, "plan_name": "scan", **more}


def descriptor(keys=None, *, uid="d1", name="primary", run=RUN_UID):
    """Return a descriptor."""
    return "descriptor", {"uid": uid, "run_start": run, "name": name, "time": 100.5, "data_keys": keys or KEYS}


def event(number, data, *, descriptor="d1"):
    """Return an event."""
    timestamps = dict.fromkeys(data, 100.0 + number)
    return "event", {
        "uid": f"{descriptor}-{number}",
        "descriptor": descriptor,
        "seq_num": number,
        "time": 100.0 + number,
        "data": data,
        "timestamps": timestamps,
    }


def stop(run=RUN_UID, exit_status="success", **num_events):
    """Return a stop document."""
    return "stop", {
        "uid": "s",
        "run_start": run,
        "time": 110.0,
        "exit_status": exit_status,
        "num_events": num_events,
    }


def row(number):
    """Return the data of an event with a value for each key."""
    image = [[number, number + 1, number + 2], [10, 20, 60_000]]
    shutter = 'open, "wide"' if number == 1 else "shut"
    return {"det": 0.5 * number, "motor": number, "frames": number, "shutter": shutter, "image": image}


def documents(rows=3):
    """Return the documents of a run with so many events of a primary stream, and one of a baseline."""
    baseline = {"temperature": {"source": "x", "dtype": "number", "shape": []}}
    return [
        start(),
        descriptor(baseline, uid="d0", name="baseline"),
        event(1, {"temperature": 295.5}, descriptor="d0"),
        descriptor(),
        *(event(number, row(number)) for number in range(1, rows + 1)),
        stop(primary=rows, baseline=1),
    ]


def write_run(path, documents):
    """Write documents into a file; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(write_line(name, document) for name, document in documents))
    return path


def recorded(uid=RUN_UID, **more):
    """Return what the manager tells of a run."""
    return {
        "uid": uid,
        "scan_id": 7,
        "plan_name": "scan",
        "lane": "default",
        "item_uid": "item-1",
        "submission": "s-1",
        "attempt": 1,
        "is_open": False,
        "exit_status": "success",
        "time_start": 100.0,
        "time_stop": 110.0,
        "num_events": {"primary": 3, "baseline": 1},
        "file": f"runs/1970-01/{uid}.jsonl",
        "host": "",
    } | more
