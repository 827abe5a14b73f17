-- Files that people register are kept with those that they give to groups: each belongs to a group, to a submission, or
-- to nothing. And what finds artifacts by everything stored that names them.

CREATE TABLE files (
    place        INTEGER PRIMARY KEY,
    id           TEXT NOT NULL UNIQUE CHECK (length(id) = 32),
    group_id     TEXT REFERENCES workflow_groups (id) ON DELETE CASCADE,
    submission   TEXT REFERENCES submissions (uid) ON DELETE CASCADE,
    name         TEXT NOT NULL CHECK (name <> ''),
    artifact_id  TEXT NOT NULL CHECK (length(artifact_id) = 64),
    size_bytes   INTEGER NOT NULL CHECK (size_bytes >= 0),
    content_type TEXT NOT NULL,
    created      REAL NOT NULL,
    checksum     INTEGER NOT NULL,
    CHECK (group_id IS NULL OR submission IS NULL)
) STRICT;

-- A row that is damaged stays so: no checksum is 0.
INSERT INTO files
SELECT place, id, group_id, NULL, name, artifact_id, size_bytes, content_type, created,
    CASE checksum
    WHEN row_sum('workflow_files', id, place, group_id, name, artifact_id, size_bytes, content_type, created)
    THEN row_sum('files', id, place, group_id, NULL, name, artifact_id, size_bytes, content_type, created) ELSE 0 END
FROM workflow_files;

DROP TABLE workflow_files;

CREATE INDEX files_of_group ON files (group_id, place) WHERE group_id IS NOT NULL;
CREATE INDEX files_registered ON files (submission, place) WHERE group_id IS NULL;

CREATE TRIGGER files_stay_as_written BEFORE UPDATE ON files
BEGIN SELECT RAISE(ABORT, 'a registered file never changes'); END;

-- It only finds; the rows are elsewhere, and take theirs here along. An owner is a group, a submission, an item of the
-- history or a result of an exam task.
CREATE TABLE artifact_names (
    place        INTEGER PRIMARY KEY,                         -- order of naming
    kind         TEXT NOT NULL CHECK (kind IN ('registered', 'group', 'result', 'item', 'exam')),
    owner        TEXT NOT NULL,
    submission   TEXT NOT NULL,                               -- empty: none's
    attempt      INTEGER NOT NULL,                            -- 0: none's
    item_uid     TEXT NOT NULL,
    file         TEXT NOT NULL,                               -- id of the file; empty: it has none of its own
    name         TEXT NOT NULL,
    artifact_id  TEXT NOT NULL,
    size_bytes   INTEGER NOT NULL,
    content_type TEXT NOT NULL,
    created      REAL NOT NULL
) STRICT;

CREATE INDEX artifact_names_of_artifact ON artifact_names (artifact_id, place);
CREATE INDEX artifact_names_of_submission ON artifact_names (submission, place) WHERE submission <> '';
CREATE INDEX artifact_names_of_owner ON artifact_names (owner, kind);

-- What people have written into results and records may be anything: what is no artifact is passed over, and so is a
-- damaged row. Numbers that JSON does not have are read as JSON5 does.
CREATE VIEW names_of_files AS
SELECT NULL AS place, CASE WHEN group_id IS NULL THEN 'registered' ELSE 'group' END AS kind,
    coalesce(group_id, submission, '') AS owner, coalesce(submission, '') AS submission, 0 AS attempt, '' AS item_uid,
    id AS file, name, artifact_id, size_bytes, content_type, created
FROM files;

CREATE VIEW names_of_results AS
SELECT NULL AS place, 'result' AS kind, submission AS owner, submission, attempt, item_uid,
    coalesce(json_extract(value, '$.id'), '') AS file,
    coalesce(CAST(json_extract(value, '$.name') AS TEXT), '') AS name,
    json_extract(value, '$.artifact_id') AS artifact_id,
    CAST(json_extract(value, '$.size_bytes') AS INTEGER) AS size_bytes,
    coalesce(CAST(json_extract(value, '$.content_type') AS TEXT), '') AS content_type,
    coalesce(CAST(json_extract(value, '$.created') AS REAL), time_stop) AS created
FROM results,
    json_each(CASE WHEN json_valid(replace(replace(content, 'Infinity', '0'), 'NaN', '0')) THEN content ELSE '{}' END,
    '$.files') AS entry
WHERE json_type(CASE entry.type WHEN 'object' THEN value ELSE '{}' END, '$.artifact_id') = 'text'
    AND json_type(CASE entry.type WHEN 'object' THEN value ELSE '{}' END, '$.size_bytes') = 'integer';

CREATE VIEW names_of_items AS
SELECT NULL AS place, 'item' AS kind, uid AS owner, submission, attempt, uid AS item_uid,
    '' AS file, coalesce(CAST(json_extract(value, '$.name') AS TEXT), '') AS name,
    json_extract(value, '$.artifact.id') AS artifact_id,
    CAST(json_extract(value, '$.artifact.size_bytes') AS INTEGER) AS size_bytes,
    coalesce(CAST(json_extract(value, '$.artifact.content_type') AS TEXT), '') AS content_type,
    coalesce(CAST(json_extract(value, '$.artifact.created') AS REAL), 0.0) AS created
FROM items,
    json_each(CASE WHEN json_valid(replace(replace(result, 'Infinity', '0'), 'NaN', '0')) THEN result ELSE '{}' END,
    '$.artifacts') AS entry
WHERE number IS NOT NULL
    AND json_type(CASE entry.type WHEN 'object' THEN value ELSE '{}' END, '$.artifact.id') = 'text'
    AND json_type(CASE entry.type WHEN 'object' THEN value ELSE '{}' END, '$.artifact.size_bytes') = 'integer';

CREATE VIEW names_of_exams AS
SELECT NULL AS place, 'exam' AS kind, exam_results.id AS owner, '' AS submission, 0 AS attempt, '' AS item_uid,
    '' AS file, CAST(key AS TEXT) AS name, json_extract(value, '$.artifact_id') AS artifact_id,
    CAST(json_extract(value, '$.size_bytes') AS INTEGER) AS size_bytes,
    coalesce(CAST(json_extract(value, '$.content_type') AS TEXT), '') AS content_type, created
FROM exam_results,
    json_each(CASE WHEN json_valid(replace(replace(content, 'Infinity', '0'), 'NaN', '0')) THEN content ELSE '{}' END,
    '$.meta.artifacts') AS entry
WHERE json_type(CASE entry.type WHEN 'object' THEN value ELSE '{}' END, '$.artifact_id') = 'text'
    AND json_type(CASE entry.type WHEN 'object' THEN value ELSE '{}' END, '$.size_bytes') = 'integer';

INSERT INTO artifact_names SELECT * FROM names_of_files ORDER BY created;
INSERT INTO artifact_names SELECT * FROM names_of_items ORDER BY created;
INSERT INTO artifact_names SELECT * FROM names_of_results ORDER BY created;
INSERT INTO artifact_names SELECT * FROM names_of_exams ORDER BY created;

CREATE TRIGGER files_are_named AFTER INSERT ON files
BEGIN INSERT INTO artifact_names SELECT * FROM names_of_files WHERE file = NEW.id; END;

CREATE TRIGGER files_are_forgotten AFTER DELETE ON files
BEGIN DELETE FROM artifact_names WHERE artifact_id = OLD.artifact_id AND file = OLD.id; END;

CREATE TRIGGER results_are_named AFTER INSERT ON results
BEGIN
    INSERT INTO artifact_names SELECT * FROM names_of_results WHERE owner = NEW.submission AND attempt = NEW.attempt;
END;

CREATE TRIGGER results_are_forgotten AFTER DELETE ON results
BEGIN DELETE FROM artifact_names WHERE owner = OLD.submission AND kind = 'result' AND attempt = OLD.attempt; END;

CREATE TRIGGER items_are_named AFTER UPDATE OF result ON items
WHEN OLD.result IS NULL AND instr(NEW.result, '"artifacts"')
BEGIN INSERT INTO artifact_names SELECT * FROM names_of_items WHERE owner = NEW.uid; END;

CREATE TRIGGER imported_items_are_named AFTER INSERT ON items WHEN instr(NEW.result, '"artifacts"')
BEGIN INSERT INTO artifact_names SELECT * FROM names_of_items WHERE owner = NEW.uid; END;

CREATE TRIGGER items_are_forgotten AFTER DELETE ON items WHEN instr(OLD.result, '"artifacts"')
BEGIN DELETE FROM artifact_names WHERE owner = OLD.uid AND kind = 'item'; END;

CREATE TRIGGER exam_results_are_named AFTER INSERT ON exam_results
BEGIN INSERT INTO artifact_names SELECT * FROM names_of_exams WHERE owner = NEW.id; END;

CREATE TRIGGER changed_exam_results_are_named AFTER UPDATE OF content ON exam_results
BEGIN
    DELETE FROM artifact_names WHERE owner = NEW.id AND kind = 'exam';
    INSERT INTO artifact_names SELECT * FROM names_of_exams WHERE owner = NEW.id;
END;

CREATE TRIGGER exam_results_are_forgotten AFTER DELETE ON exam_results
BEGIN DELETE FROM artifact_names WHERE owner = OLD.id AND kind = 'exam'; END;
