-- Workflows with their versions, groups of users with their files, and what finds the order of results.

CREATE TABLE workflows (
    place    INTEGER PRIMARY KEY,                             -- order of creation
    id       TEXT NOT NULL UNIQUE CHECK (id <> ''),
    version  INTEGER NOT NULL CHECK (version >= 1),           -- the newest one
    slots    TEXT NOT NULL,                                   -- JSON: the columns of all versions, as ranks has them
    removed  REAL,                                            -- seconds since 1970-01-01 UTC; NULL: it can be used
    checksum INTEGER NOT NULL
) STRICT;

CREATE TRIGGER workflows_go_forward BEFORE UPDATE ON workflows
WHEN NEW.version NOT IN (OLD.version, OLD.version + 1) OR NEW.place <> OLD.place OR NEW.id <> OLD.id
BEGIN SELECT RAISE(ABORT, 'the version of a workflow grows by 1, and what it is never changes'); END;

CREATE TRIGGER workflows_stay BEFORE DELETE ON workflows
BEGIN SELECT RAISE(ABORT, 'a workflow is marked as removed, and stays for those who have submitted it'); END;

CREATE TABLE workflow_versions (
    place    INTEGER PRIMARY KEY,
    workflow TEXT NOT NULL REFERENCES workflows (id),
    version  INTEGER NOT NULL CHECK (version >= 1),
    origin   TEXT NOT NULL CHECK (origin IN ('file', 'request')),
    creator  TEXT NOT NULL,
    created  REAL NOT NULL,
    content  TEXT NOT NULL,                                   -- JSON
    checksum INTEGER NOT NULL,
    UNIQUE (workflow, version)
) STRICT;

CREATE TRIGGER workflow_versions_stay_as_written BEFORE UPDATE ON workflow_versions
BEGIN SELECT RAISE(ABORT, 'a version of a workflow never changes'); END;

CREATE TABLE workflow_groups (
    place    INTEGER PRIMARY KEY,
    id       TEXT NOT NULL UNIQUE CHECK (id <> ''),
    workflow TEXT NOT NULL REFERENCES workflows (id),
    name     TEXT NOT NULL CHECK (name <> ''),
    owner    TEXT NOT NULL,
    members  TEXT NOT NULL,                                   -- JSON: names of users
    created  REAL NOT NULL,
    content  TEXT NOT NULL,                                   -- JSON
    checksum INTEGER NOT NULL,
    UNIQUE (workflow, name)
) STRICT;

CREATE INDEX workflow_groups_in_order ON workflow_groups (workflow, place);

CREATE TRIGGER workflow_groups_stay_what_they_are BEFORE UPDATE ON workflow_groups
WHEN NEW.place <> OLD.place OR NEW.id <> OLD.id OR NEW.workflow <> OLD.workflow OR NEW.owner <> OLD.owner
    OR NEW.created <> OLD.created
BEGIN SELECT RAISE(ABORT, 'what a group is never changes'); END;

CREATE TABLE workflow_files (
    place        INTEGER PRIMARY KEY,
    id           TEXT NOT NULL UNIQUE CHECK (length(id) = 32),
    group_id     TEXT NOT NULL REFERENCES workflow_groups (id) ON DELETE CASCADE,
    name         TEXT NOT NULL CHECK (name <> ''),
    artifact_id  TEXT NOT NULL CHECK (length(artifact_id) = 64),
    size_bytes   INTEGER NOT NULL CHECK (size_bytes >= 0),
    content_type TEXT NOT NULL,
    created      REAL NOT NULL,
    checksum     INTEGER NOT NULL
) STRICT;

CREATE INDEX workflow_files_of_group ON workflow_files (group_id, place);

CREATE TRIGGER workflow_files_stay_as_written BEFORE UPDATE ON workflow_files
BEGIN SELECT RAISE(ABORT, 'a file of a group never changes'); END;

-- Submissions that work on the files of ranked ones, and which those were.
CREATE TABLE workflow_postprocessing (
    place      INTEGER PRIMARY KEY,
    workflow   TEXT NOT NULL REFERENCES workflows (id),
    submission TEXT NOT NULL UNIQUE REFERENCES submissions (uid) ON DELETE CASCADE,
    ranked     TEXT NOT NULL,                                 -- JSON: submissions and attempts
    succeeded  INTEGER NOT NULL CHECK (succeeded IN (0, 1)),
    checksum   INTEGER NOT NULL
) STRICT;

CREATE INDEX workflow_postprocessing_of_workflow ON workflow_postprocessing (workflow, succeeded, place);

-- Written when an attempt ends, so that a ranking reads no results. It only finds; the rows are in results. An entrant
-- is a group, or a submission without one; v0 to v31 are the values of the columns in the order of the slots.
CREATE TABLE ranks (
    workflow   INTEGER NOT NULL,
    entrant    TEXT NOT NULL,
    submission TEXT NOT NULL,
    attempt    INTEGER NOT NULL,
    stop       REAL NOT NULL,
    v0 ANY, v1 ANY, v2 ANY, v3 ANY, v4 ANY, v5 ANY, v6 ANY, v7 ANY,
    v8 ANY, v9 ANY, v10 ANY, v11 ANY, v12 ANY, v13 ANY, v14 ANY, v15 ANY,
    v16 ANY, v17 ANY, v18 ANY, v19 ANY, v20 ANY, v21 ANY, v22 ANY, v23 ANY,
    v24 ANY, v25 ANY, v26 ANY, v27 ANY, v28 ANY, v29 ANY, v30 ANY, v31 ANY,
    PRIMARY KEY (workflow, entrant, submission, attempt),
    FOREIGN KEY (submission, attempt) REFERENCES results (submission, attempt) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX ranks_of_submission ON ranks (submission, attempt);
