-- The first schema: one row per item with its state in a column, attempts and their runs, the event log, saved
-- documents and finished answers. Constraints repeat the rules, so that an illegal state is refused here as well.

PRAGMA application_id = 0x4375654C; -- "CueL"

-- One row: whose data this is, how often it was opened, and whether the last user left it in order.
CREATE TABLE meta (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    instance TEXT NOT NULL CHECK (instance <> ''),
    created  REAL NOT NULL,                                   -- seconds since 1970-01-01 UTC
    epoch    INTEGER NOT NULL CHECK (epoch >= 0),             -- grows by 1 with each opening
    opened   REAL NOT NULL,
    closed   INTEGER NOT NULL CHECK (closed IN (0, 1)),       -- 1: every change is in the main file, no log is needed
    finished INTEGER NOT NULL CHECK (finished >= 0)           -- the number of the newest history entry ever made
) STRICT;

CREATE TRIGGER meta_goes_forward BEFORE UPDATE ON meta
WHEN NEW.instance <> OLD.instance OR NEW.epoch < OLD.epoch OR NEW.finished < OLD.finished
BEGIN SELECT RAISE(ABORT, 'the instance is fixed, and epoch and history number only grow'); END;

CREATE TABLE items (
    uid        TEXT NOT NULL PRIMARY KEY CHECK (uid <> ''),
    lane       TEXT NOT NULL CHECK (lane <> ''),
    submission TEXT NOT NULL CHECK (submission <> ''),
    state      TEXT NOT NULL CHECK (state IN ('queued', 'held', 'running', 'finished')),
    position   INTEGER,                                       -- order within the queue of the lane, with gaps
    attempt    INTEGER NOT NULL CHECK (attempt >= 0),
    reason     TEXT NOT NULL,                                 -- why the item is held
    content    TEXT NOT NULL,                                 -- JSON
    number     INTEGER,                                       -- order of finishing
    result     TEXT,                                          -- JSON
    CHECK ((state IN ('queued', 'held')) = (position IS NOT NULL)),
    CHECK ((state = 'finished') = (number IS NOT NULL)),
    CHECK ((state = 'finished') = (result IS NOT NULL)),
    CHECK (state NOT IN ('running', 'finished') OR attempt >= 1)
) STRICT;

CREATE UNIQUE INDEX items_in_order ON items (lane, position) WHERE position IS NOT NULL;
CREATE UNIQUE INDEX items_one_running ON items (lane) WHERE state = 'running';
CREATE UNIQUE INDEX items_in_history ON items (number) WHERE number IS NOT NULL;
CREATE INDEX items_of_submission ON items (submission);

CREATE TRIGGER items_go_forward BEFORE UPDATE OF state ON items
WHEN OLD.state = 'finished' OR (OLD.state = 'running' AND NEW.state <> 'finished')
BEGIN SELECT RAISE(ABORT, 'a running item can only finish, and a finished one stays finished'); END;

-- An attempt outlives the row of its item as long as its number must not be given again.
CREATE TABLE attempts (
    submission TEXT NOT NULL,
    number     INTEGER NOT NULL CHECK (number >= 1),
    item_uid   TEXT UNIQUE REFERENCES items (uid) ON DELETE SET NULL,
    lane       TEXT NOT NULL,
    epoch      INTEGER NOT NULL CHECK (epoch >= 1),
    phase      TEXT NOT NULL CHECK (phase IN ('dispatched', 'acknowledged', 'running', 'finished')),
    outcome    TEXT CHECK (outcome IN ('completed', 'stopped', 'aborted', 'halted', 'failed', 'unknown')),
    time_start REAL NOT NULL,
    PRIMARY KEY (submission, number),
    CHECK ((phase = 'finished') = (outcome IS NOT NULL)),
    CHECK (phase = 'finished' OR item_uid IS NOT NULL)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX attempts_one_open ON attempts (lane) WHERE phase <> 'finished';

CREATE TRIGGER attempts_end_once BEFORE UPDATE OF phase, outcome, epoch ON attempts
WHEN OLD.phase = 'finished'
BEGIN SELECT RAISE(ABORT, 'an attempt ends once'); END;

CREATE TABLE runs (
    place       INTEGER PRIMARY KEY,                          -- order of opening
    submission  TEXT NOT NULL,
    attempt     INTEGER NOT NULL,
    uid         TEXT NOT NULL CHECK (uid <> ''),
    scan_id     INTEGER,
    is_open     INTEGER NOT NULL CHECK (is_open IN (0, 1)),
    exit_status TEXT,
    UNIQUE (submission, attempt, uid),
    FOREIGN KEY (submission, attempt) REFERENCES attempts (submission, number) ON DELETE CASCADE
) STRICT;

CREATE TABLE events (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    kind       TEXT NOT NULL,
    time       REAL NOT NULL,
    epoch      INTEGER NOT NULL,
    lane       TEXT NOT NULL,
    item_uid   TEXT NOT NULL,
    submission TEXT NOT NULL,
    attempt    INTEGER NOT NULL,
    origin     TEXT NOT NULL,                                 -- JSON; empty: nobody in particular
    data       TEXT NOT NULL                                  -- JSON
) STRICT;

CREATE TRIGGER events_stay_as_written BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END;

CREATE TRIGGER events_stay BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END;

CREATE TABLE documents (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

CREATE TABLE replies (
    key    TEXT NOT NULL PRIMARY KEY,
    digest BLOB NOT NULL,
    reply  BLOB NOT NULL,
    time   REAL NOT NULL
) STRICT;
