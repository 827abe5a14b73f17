-- What is known of work that came from a workflow or in a batch: submissions, and the results of their attempts. Both
-- stand apart from items and attempts, so that clearing a queue or the history takes nothing of them.

CREATE TABLE submissions (
    place      INTEGER PRIMARY KEY,                           -- order of submission
    uid        TEXT NOT NULL UNIQUE CHECK (uid <> ''),
    lane       TEXT NOT NULL CHECK (lane <> ''),
    creator    TEXT NOT NULL,
    created    REAL NOT NULL,                                 -- seconds since 1970-01-01 UTC
    workflow   TEXT CHECK (workflow <> ''),
    version    INTEGER NOT NULL CHECK (version >= 0),         -- of the workflow
    group_id   TEXT CHECK (group_id <> ''),
    batch      TEXT CHECK (batch <> ''),
    ordinal    INTEGER NOT NULL CHECK (ordinal >= 0),         -- place within the batch
    identity   TEXT CHECK (identity <> ''),                   -- id of the batch item
    reference  TEXT NOT NULL,
    processing TEXT NOT NULL CHECK (processing IN ('waiting', 'running', 'succeeded', 'failed')),
    content    TEXT NOT NULL,                                 -- JSON
    checksum   INTEGER NOT NULL,
    CHECK ((batch IS NULL) = (identity IS NULL)),
    CHECK (batch IS NOT NULL OR ordinal = 0),
    CHECK (workflow IS NOT NULL OR version = 0)
) STRICT;

-- Each with the place behind it, so that they are read in order.
CREATE INDEX submissions_of_workflow ON submissions (workflow) WHERE workflow IS NOT NULL;
CREATE INDEX submissions_of_group ON submissions (group_id) WHERE group_id IS NOT NULL;
CREATE INDEX submissions_of_batch ON submissions (batch) WHERE batch IS NOT NULL;
CREATE UNIQUE INDEX submissions_by_identity ON submissions (identity) WHERE identity IS NOT NULL;
CREATE INDEX submissions_in_work ON submissions (batch, processing) WHERE processing <> 'succeeded';

CREATE TRIGGER submissions_stay_as_written BEFORE UPDATE ON submissions
WHEN NEW.place <> OLD.place OR NEW.uid <> OLD.uid OR NEW.batch IS NOT OLD.batch OR NEW.ordinal <> OLD.ordinal
    OR NEW.identity IS NOT OLD.identity OR NEW.created <> OLD.created OR NEW.creator <> OLD.creator
BEGIN SELECT RAISE(ABORT, 'what a submission is never changes'); END;

CREATE TABLE results (
    submission TEXT NOT NULL REFERENCES submissions (uid) ON DELETE CASCADE,
    attempt    INTEGER NOT NULL CHECK (attempt >= 1),
    item_uid   TEXT NOT NULL,
    outcome    TEXT NOT NULL CHECK (outcome IN ('completed', 'stopped', 'aborted', 'halted', 'failed', 'unknown')),
    time_start REAL NOT NULL,
    time_stop  REAL NOT NULL,
    content    TEXT NOT NULL,                                 -- JSON
    checksum   INTEGER NOT NULL,
    PRIMARY KEY (submission, attempt)
) STRICT, WITHOUT ROWID;
