-- Exam records: exams, their workflows, exam tasks and results, and sequences. Templates and instances never mix: a
-- record that belongs to another one is a template exactly if that one is, and a template has no results.

CREATE TABLE exams (
    place       INTEGER PRIMARY KEY,                          -- order of creation
    id          TEXT NOT NULL UNIQUE CHECK (id <> ''),
    patient_id  TEXT,
    is_template INTEGER NOT NULL CHECK (is_template IN (0, 1)),
    status      TEXT NOT NULL CHECK (status IN ('NEW', 'UPDATED', 'STARTED', 'INPROGRESS', 'FINISHED', 'ERROR')),
    version     INTEGER NOT NULL CHECK (version >= 1),
    creator     TEXT NOT NULL,
    created     REAL NOT NULL,                                -- seconds since 1970-01-01 UTC
    updated     REAL,                                         -- NULL: as it was made
    content     TEXT NOT NULL,                                -- JSON
    checksum    INTEGER NOT NULL,
    UNIQUE (id, is_template),
    CHECK ((patient_id IS NULL) = (is_template = 1))
) STRICT;

CREATE INDEX exams_of_patient ON exams (patient_id, place);
CREATE INDEX exams_in_order ON exams (is_template, place);

CREATE TRIGGER exams_go_forward BEFORE UPDATE ON exams
WHEN NEW.version <> OLD.version + 1 OR NEW.place <> OLD.place OR NEW.id <> OLD.id OR NEW.is_template <> OLD.is_template
    OR NEW.creator <> OLD.creator OR NEW.created <> OLD.created
BEGIN SELECT RAISE(ABORT, 'the version of a record grows by 1, and what it is never changes'); END;

CREATE TABLE exam_workflows (
    place       INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE CHECK (id <> ''),
    exam_id     TEXT,
    is_template INTEGER NOT NULL CHECK (is_template IN (0, 1)),
    status      TEXT NOT NULL CHECK (status IN ('NEW', 'UPDATED', 'STARTED', 'INPROGRESS', 'FINISHED', 'ERROR')),
    version     INTEGER NOT NULL CHECK (version >= 1),
    creator     TEXT NOT NULL,
    created     REAL NOT NULL,
    updated     REAL,
    content     TEXT NOT NULL,                                -- JSON
    checksum    INTEGER NOT NULL,
    UNIQUE (id, is_template),
    FOREIGN KEY (exam_id, is_template) REFERENCES exams (id, is_template) ON DELETE CASCADE,
    CHECK (exam_id IS NOT NULL OR is_template = 1)
) STRICT;

CREATE INDEX exam_workflows_of_exam ON exam_workflows (exam_id, place);
CREATE INDEX exam_workflows_in_order ON exam_workflows (is_template, place);

CREATE TRIGGER exam_workflows_go_forward BEFORE UPDATE ON exam_workflows
WHEN NEW.version <> OLD.version + 1 OR NEW.place <> OLD.place OR NEW.id <> OLD.id OR NEW.is_template <> OLD.is_template
    OR NEW.creator <> OLD.creator OR NEW.created <> OLD.created
BEGIN SELECT RAISE(ABORT, 'the version of a record grows by 1, and what it is never changes'); END;

-- An exam task without a workflow is a template, or was made for an item.
CREATE TABLE exam_tasks (
    place         INTEGER PRIMARY KEY,
    id            TEXT NOT NULL UNIQUE CHECK (id <> ''),
    workflow_id   TEXT,
    is_template   INTEGER NOT NULL CHECK (is_template IN (0, 1)),
    status        TEXT NOT NULL CHECK (status IN ('NEW', 'UPDATED', 'STARTED', 'INPROGRESS', 'FINISHED', 'ERROR')),
    task_type     TEXT NOT NULL CHECK (task_type IN ('ACQUISITION', 'DAG')),
    progress      INTEGER NOT NULL CHECK (progress BETWEEN 0 AND 100),
    position      INTEGER NOT NULL CHECK (position >= 0),     -- order within the workflow, before the order of creation
    item_uid      TEXT CHECK (item_uid <> ''),                -- the item that does it, or did it last
    item_state    TEXT CHECK (item_state IN ('queued', 'held', 'dispatched', 'acknowledged', 'running', 'uploading',
        'done', 'failed', 'unknown', 'cancelled')),
    error_message TEXT,
    version       INTEGER NOT NULL CHECK (version >= 1),
    creator       TEXT NOT NULL,
    created       REAL NOT NULL,
    updated       REAL,
    content       TEXT NOT NULL,                              -- JSON
    checksum      INTEGER NOT NULL,
    UNIQUE (id, is_template),
    FOREIGN KEY (workflow_id, is_template) REFERENCES exam_workflows (id, is_template) ON DELETE CASCADE,
    CHECK ((item_uid IS NULL) = (item_state IS NULL)),
    CHECK (is_template = 0 OR item_uid IS NULL),
    CHECK (workflow_id IS NOT NULL OR is_template = 1 OR item_uid IS NOT NULL)
) STRICT;

CREATE INDEX exam_tasks_of_workflow ON exam_tasks (workflow_id, position, place);
CREATE INDEX exam_tasks_in_order ON exam_tasks (is_template, place);
CREATE UNIQUE INDEX exam_tasks_of_item ON exam_tasks (item_uid) WHERE item_uid IS NOT NULL;

CREATE TRIGGER exam_tasks_go_forward BEFORE UPDATE ON exam_tasks
WHEN NEW.version <> OLD.version + 1 OR NEW.place <> OLD.place OR NEW.id <> OLD.id OR NEW.is_template <> OLD.is_template
    OR NEW.creator <> OLD.creator OR NEW.created <> OLD.created OR NEW.task_type <> OLD.task_type
BEGIN SELECT RAISE(ABORT, 'the version of a record grows by 1, and what it is never changes'); END;

CREATE TRIGGER exam_tasks_stay_while_they_are_done BEFORE DELETE ON exam_tasks
WHEN OLD.item_state IN ('dispatched', 'acknowledged', 'running', 'uploading')
BEGIN SELECT RAISE(ABORT, 'an exam task whose item is active stays'); END;

CREATE TABLE exam_results (
    place       INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE CHECK (id <> ''),
    task_id     TEXT NOT NULL,
    type        TEXT NOT NULL CHECK (type IN ('DICOM', 'MRD', 'NUMPY', 'CALIBRATION', 'NOT_SET')),
    is_template INTEGER NOT NULL DEFAULT 0 CHECK (is_template = 0),
    version     INTEGER NOT NULL CHECK (version >= 1),
    creator     TEXT NOT NULL,
    created     REAL NOT NULL,
    updated     REAL,
    content     TEXT NOT NULL,                                -- JSON
    checksum    INTEGER NOT NULL,
    FOREIGN KEY (task_id, is_template) REFERENCES exam_tasks (id, is_template) ON DELETE CASCADE
) STRICT;

CREATE INDEX exam_results_of_task ON exam_results (task_id, place);

CREATE TRIGGER exam_results_go_forward BEFORE UPDATE ON exam_results
WHEN NEW.version <> OLD.version + 1 OR NEW.place <> OLD.place OR NEW.id <> OLD.id OR NEW.task_id <> OLD.task_id
    OR NEW.creator <> OLD.creator OR NEW.created <> OLD.created
BEGIN SELECT RAISE(ABORT, 'the version of a record grows by 1, and what it is never changes'); END;

CREATE TABLE exam_sequences (
    place    INTEGER PRIMARY KEY,
    id       TEXT NOT NULL UNIQUE CHECK (id <> ''),
    version  INTEGER NOT NULL CHECK (version >= 1),
    creator  TEXT NOT NULL,
    created  REAL NOT NULL,
    updated  REAL,
    content  TEXT NOT NULL,                                   -- JSON
    checksum INTEGER NOT NULL
) STRICT;

CREATE TRIGGER exam_sequences_stay_as_written BEFORE UPDATE ON exam_sequences
BEGIN SELECT RAISE(ABORT, 'a sequence never changes'); END;

-- Apart from what is known of them, so that a list of sequences reads none of them.
CREATE TABLE exam_sequence_files (
    sequence_id TEXT NOT NULL PRIMARY KEY REFERENCES exam_sequences (id) ON DELETE CASCADE,
    seq_file    TEXT NOT NULL,
    xml_file    TEXT,
    checksum    INTEGER NOT NULL
) STRICT;

CREATE TRIGGER exam_sequence_files_stay_as_written BEFORE UPDATE ON exam_sequence_files
BEGIN SELECT RAISE(ABORT, 'a sequence never changes'); END;
