-- What takes edits of a queue back, and finished items by name, user and outcome.

CREATE TABLE edits (
    seq      INTEGER PRIMARY KEY REFERENCES events (seq),
    undo     TEXT NOT NULL CHECK (undo <> ''),                -- JSON
    checksum INTEGER NOT NULL
) STRICT;

CREATE TRIGGER edits_stay_as_written BEFORE UPDATE ON edits
BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END;

CREATE TRIGGER edits_stay BEFORE DELETE ON edits
BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END;

-- Written when an item finishes, so that whatever waits costs nothing more. It only finds; the rows are in items.
CREATE TABLE history_index (
    number  INTEGER PRIMARY KEY,
    name    TEXT NOT NULL,
    user    TEXT NOT NULL,
    outcome TEXT NOT NULL
) STRICT;

CREATE INDEX history_by_name ON history_index (name, number);
CREATE INDEX history_by_user ON history_index (user, number);
CREATE INDEX history_by_outcome ON history_index (outcome, number);

INSERT INTO history_index (number, name, user, outcome)
SELECT number,
    coalesce(json_extract(content, '$.name'), ''),
    coalesce(json_extract(content, '$.user'), ''),
    coalesce(json_extract(result, '$.exit_status'), '')
FROM items WHERE number IS NOT NULL AND json_valid(content) AND json_valid(result);
