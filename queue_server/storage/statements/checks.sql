-- Every row of a table against its checksum: the first that is damaged ends the statement with its name.

-- check_meta: check whose data this is.
SELECT count(sound(1, 'meta', checksum, instance, created, epoch, opened, finished)) FROM meta;

-- check_queue: check the items that are queued or held; without the hint the whole table would be gone through.
SELECT count(sound(1, 'items', checksum,
    uid, lane, submission, state, position, attempt, reason, content, number, result))
FROM items INDEXED BY items_in_order WHERE position IS NOT NULL;

-- check_running: check the items that run.
SELECT count(sound(1, 'items', checksum,
    uid, lane, submission, state, position, attempt, reason, content, number, result))
FROM items INDEXED BY items_one_running WHERE state = 'running';

-- check_items: check the items that are queued, held or running.
SELECT count(sound(1, 'items', checksum,
    uid, lane, submission, state, position, attempt, reason, content, number, result)) FROM items
WHERE number IS NULL;

-- check_history: check the newest finished items.
SELECT count(sound(1, 'items', checksum,
    uid, lane, submission, state, position, attempt, reason, content, number, result))
FROM (SELECT * FROM items WHERE number IS NOT NULL ORDER BY number DESC LIMIT ?);

-- check_open_attempts: check the attempts that have not ended.
SELECT count(sound(1, 'attempts', checksum, submission, number, item_uid, lane, epoch, phase, outcome, time_start))
FROM attempts INDEXED BY attempts_one_open WHERE phase <> 'finished';

-- check_attempts: check the attempts.
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

-- The same for a part of a table: the rows behind a key, in the order of the key, which is returned.

-- check_part_of_items: check items in any state, by the number of the row.
SELECT sound(rowid, 'items', checksum,
    uid, lane, submission, state, position, attempt, reason, content, number, result)
FROM items WHERE rowid > ? ORDER BY rowid LIMIT ?;

-- check_part_of_attempts: check attempts, by submission and number.
SELECT sound(submission, 'attempts', checksum,
    submission, number, item_uid, lane, epoch, phase, outcome, time_start), number
FROM attempts WHERE (submission, number) > (?, ?) ORDER BY submission, number LIMIT ?;

-- check_part_of_runs: check runs, by their place.
SELECT sound(place, 'runs', checksum, place, submission, attempt, uid, scan_id, is_open, exit_status)
FROM runs WHERE place > ? ORDER BY place LIMIT ?;

-- check_part_of_events: check events, by their number.
SELECT sound(seq, 'events', checksum,
    seq, kind, time, epoch, lane, item_uid, submission, attempt, origin, data)
FROM events WHERE seq > ? ORDER BY seq LIMIT ?;

-- check_part_of_edits: check what takes edits back, by the number of the event.
SELECT sound(seq, 'edits', checksum, seq, undo) FROM edits WHERE seq > ? ORDER BY seq LIMIT ?;

-- check_part_of_replies: check finished answers, by the number of the row.
SELECT sound(rowid, 'replies', checksum, key, digest, reply, time) FROM replies WHERE rowid > ? ORDER BY rowid LIMIT ?;
