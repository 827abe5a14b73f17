-- Every row of a table against its checksum: the first that is damaged ends the statement with its name.

-- check_meta: check whose data this is.
SELECT count(sound(1, 'meta', checksum, instance, created, epoch, opened, finished)) FROM meta;

-- check_items: check the items that are queued, held or running.
SELECT count(sound(1, 'items', checksum,
    uid, lane, submission, state, position, attempt, reason, content, number, result)) FROM items
WHERE number IS NULL;

-- check_history: check the newest finished items.
SELECT count(sound(1, 'items', checksum,
    uid, lane, submission, state, position, attempt, reason, content, number, result))
FROM (SELECT * FROM items WHERE number IS NOT NULL ORDER BY number DESC LIMIT ?);

-- check_attempts: check the newest attempts.
SELECT count(sound(1, 'attempts', checksum, submission, number, item_uid, lane, epoch, phase, outcome, time_start)) FROM attempts;

-- check_runs: check the newest runs.
SELECT count(sound(1, 'runs', checksum, place, submission, attempt, uid, scan_id, is_open, exit_status))
FROM (SELECT * FROM runs ORDER BY place DESC LIMIT ?);

-- check_events: check the newest events.
SELECT count(sound(1, 'events', checksum,
    seq, kind, time, epoch, lane, item_uid, submission, attempt, origin, data))
FROM (SELECT * FROM events ORDER BY seq DESC LIMIT ?);

-- check_edits: check what takes the newest edits back.
SELECT count(sound(1, 'edits', checksum, seq, undo)) FROM (SELECT * FROM edits ORDER BY seq DESC LIMIT ?);

-- check_documents: check the saved documents.
SELECT count(sound(1, 'documents', checksum, name, value)) FROM documents;

-- check_replies: check the newest finished answers.
SELECT count(sound(1, 'replies', checksum, key, digest, reply, time))
FROM (SELECT * FROM replies ORDER BY rowid DESC LIMIT ?);

-- check_tasks: check the tasks.
SELECT count(sound(1, 'tasks', checksum, uid, lane, kind, in_background, time_start, time_stop, result)) FROM tasks;
