-- What an export reads and an import writes.

-- select_all_history: read finished items behind a number, oldest first.
SELECT uid, lane, submission, sound(content, 'history', checksum,
    uid, lane, submission, state, position, attempt, reason, content, number, result), state, attempt, reason,
    number, result
FROM items
WHERE number > ? ORDER BY number LIMIT ?;

-- select_all_queues: read everything that has not finished; what runs has no position and comes first.
SELECT uid, lane, submission, sound(content, 'items', checksum,
    uid, lane, submission, state, position, attempt, reason, content, number, result), state, attempt, reason
FROM items
WHERE number IS NULL ORDER BY lane, position;

-- select_attempt_of: read how the attempt of a finished item was.
SELECT epoch, outcome, sound(time_start, 'attempts', checksum,
    submission, number, item_uid, lane, epoch, phase, outcome, time_start)
FROM attempts WHERE item_uid = ?;

-- insert_finished: write an item that has finished elsewhere.
INSERT INTO items (uid, lane, submission, state, position, attempt, reason, content, number, result, checksum)
VALUES (?1, ?2, ?3, 'finished', NULL, ?4, ?5, ?6, ?7, ?8,
    row_sum('items', ?1, ?2, ?3, 'finished', NULL, ?4, ?5, ?6, ?7, ?8));

-- insert_ended_attempt: write an attempt that has ended elsewhere.
INSERT INTO attempts (submission, number, item_uid, lane, epoch, phase, outcome, time_start, checksum)
VALUES (?1, ?2, ?3, ?4, ?5, 'finished', ?6, ?7,
    row_sum('attempts', ?1, ?2, ?3, ?4, ?5, 'finished', ?6, ?7 + 0.0));
