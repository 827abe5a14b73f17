-- A checksum for every row, over everything in it that has a meaning. The functions are those of the manager
-- (queue_server/storage/checksums.py); other programs can read the tables, and need not know them.

ALTER TABLE meta ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE items ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE events ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE documents ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE replies ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;

DROP TRIGGER events_stay_as_written;
DROP TRIGGER tasks_end_once;

UPDATE meta SET checksum = row_sum('meta', instance, created, epoch, opened, finished);
UPDATE items SET checksum =
    row_sum('items', uid, lane, submission, state, position, attempt, reason, content, number, result);
UPDATE attempts SET checksum =
    row_sum('attempts', submission, number, item_uid, lane, epoch, phase, outcome, time_start);
UPDATE runs SET checksum = row_sum('runs', place, submission, attempt, uid, scan_id, is_open, exit_status);
UPDATE events SET checksum =
    row_sum('events', seq, kind, time, epoch, lane, item_uid, submission, attempt, origin, data);
UPDATE documents SET checksum = row_sum('documents', name, value);
UPDATE replies SET checksum = row_sum('replies', key, digest, reply, time);
UPDATE tasks SET checksum = row_sum('tasks', uid, lane, kind, in_background, time_start, time_stop, result);

CREATE TRIGGER events_stay_as_written BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END;

CREATE TRIGGER tasks_end_once BEFORE UPDATE ON tasks WHEN OLD.time_stop IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a task ends once'); END;
