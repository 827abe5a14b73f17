-- Batches, whose items are submissions, and answers that are given again when a request is repeated. A batch is never
-- changed; what has become of its items is read from them.

CREATE TABLE batches (
    place    INTEGER PRIMARY KEY,                             -- order of creation
    id       TEXT NOT NULL UNIQUE CHECK (id <> ''),
    name     TEXT NOT NULL,
    project  TEXT NOT NULL,
    owner    TEXT NOT NULL,
    workflow TEXT NOT NULL,
    lane     TEXT NOT NULL CHECK (lane <> ''),
    size     INTEGER NOT NULL CHECK (size >= 1),
    created  REAL NOT NULL,                                   -- seconds since 1970-01-01 UTC
    checksum INTEGER NOT NULL
) STRICT;

CREATE INDEX batches_of_project ON batches (project, place);

CREATE TRIGGER batches_stay_as_written BEFORE UPDATE ON batches
BEGIN SELECT RAISE(ABORT, 'a batch never changes'); END;

CREATE TABLE answers (
    place       INTEGER PRIMARY KEY,
    person      TEXT NOT NULL,                                -- whose key it is
    endpoint    TEXT NOT NULL,
    key         TEXT NOT NULL CHECK (key <> ''),
    fingerprint TEXT NOT NULL,
    status      INTEGER NOT NULL CHECK (status BETWEEN 200 AND 399),
    media_type  TEXT NOT NULL,
    body        TEXT NOT NULL,                                -- JSON
    stored      REAL NOT NULL,
    expires     REAL NOT NULL,
    checksum    INTEGER NOT NULL,
    UNIQUE (person, endpoint, key)
) STRICT;

CREATE INDEX answers_by_expiry ON answers (expires);

CREATE TRIGGER answers_stay_as_written BEFORE UPDATE ON answers
BEGIN SELECT RAISE(ABORT, 'an answer never changes'); END;
