-- Tasks: functions and scripts that were sent to a worker, and how they ended.

CREATE TABLE tasks (
    uid           TEXT NOT NULL PRIMARY KEY CHECK (uid <> ''),
    lane          TEXT NOT NULL CHECK (lane <> ''),
    kind          TEXT NOT NULL CHECK (kind IN ('function', 'script', 'update')),
    in_background INTEGER NOT NULL CHECK (in_background IN (0, 1)),
    time_start    REAL NOT NULL,                              -- seconds since 1970-01-01 UTC
    time_stop     REAL,                                       -- NULL while it runs
    result        TEXT,                                       -- JSON
    CHECK ((time_stop IS NULL) = (result IS NULL))
) STRICT;

CREATE INDEX tasks_by_end ON tasks (time_stop);
CREATE UNIQUE INDEX tasks_one_in_foreground ON tasks (lane) WHERE time_stop IS NULL AND in_background = 0;

CREATE TRIGGER tasks_end_once BEFORE UPDATE ON tasks WHEN OLD.time_stop IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a task ends once'); END;
