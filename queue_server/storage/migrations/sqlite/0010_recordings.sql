-- The index of recorded runs. It outlives items, attempts and the history, so that it refers to nothing.

CREATE TABLE recordings (
    place       INTEGER PRIMARY KEY,                          -- order of writing
    uid         TEXT NOT NULL CHECK (uid <> ''),
    submission  TEXT NOT NULL,
    attempt     INTEGER NOT NULL CHECK (attempt >= 0),
    item_uid    TEXT NOT NULL,
    lane        TEXT NOT NULL,
    epoch       INTEGER NOT NULL,
    scan_id     INTEGER,
    plan_name   TEXT NOT NULL,
    file        TEXT NOT NULL,                                -- relative to the data directory; empty: none
    host        TEXT NOT NULL,                                -- empty: the manager's
    time_start  REAL NOT NULL,                                -- seconds since 1970-01-01 UTC
    time_stop   REAL,
    exit_status TEXT,                                         -- NULL: no end is known
    num_events  TEXT NOT NULL,                                -- JSON: events by stream
    checksum    INTEGER NOT NULL,
    UNIQUE (uid, submission, attempt, file),
    CHECK ((time_stop IS NULL) = (exit_status IS NULL))
) STRICT;

CREATE INDEX recordings_by_time ON recordings (time_start);
CREATE INDEX recordings_of_item ON recordings (item_uid, time_start);
CREATE INDEX recordings_of_submission ON recordings (submission, time_start);
CREATE INDEX recordings_of_scan ON recordings (scan_id, time_start) WHERE scan_id IS NOT NULL;
CREATE INDEX recordings_of_plan ON recordings (plan_name, time_start);
CREATE INDEX recordings_of_lane ON recordings (lane, time_start);

CREATE TRIGGER recordings_end_once BEFORE UPDATE ON recordings
WHEN OLD.exit_status IS NOT NULL OR NEW.exit_status IS NULL OR NEW.place <> OLD.place OR NEW.uid <> OLD.uid
    OR NEW.submission <> OLD.submission OR NEW.attempt <> OLD.attempt OR NEW.file <> OLD.file
BEGIN SELECT RAISE(ABORT, 'a run ends once, and nothing else of it changes'); END;
