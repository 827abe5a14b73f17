-- What has been: the history, the event log, saved documents and finished answers.

-- select_history: read the newest finished items below a number, newest first, as whole rows.
SELECT uid, lane, submission, state, position, attempt, reason, content, number, result, checksum
FROM items WHERE number < ? ORDER BY number DESC LIMIT ?;

-- select_history_entry: read a finished item.
SELECT uid, lane, submission, sound(content, 'history', checksum,
    uid, lane, submission, state, position, attempt, reason, content, number, result), state, attempt, reason, number, result
FROM items WHERE uid = ? AND number IS NOT NULL;

-- change_result: write what is known now of how a finished item ended.
UPDATE items SET result = ?1, checksum = next_sum('items', checksum,
    uid, lane, submission, state, position, attempt, reason, content, number, result,
    uid, lane, submission, state, position, attempt, reason, content, number, ?1)
WHERE uid = ?2 AND number IS NOT NULL;

-- count_history: count the finished items; their numbers have no gaps, because only the oldest are ever removed.
-- Without the conditions, which the index has too, all items would be gone through.
SELECT coalesce((SELECT max(number) FROM items WHERE number IS NOT NULL)
    - (SELECT min(number) FROM items WHERE number IS NOT NULL) + 1, 0);

-- select_history_number: read the number of a finished item.
SELECT number FROM items WHERE uid = ? AND number IS NOT NULL;

-- select_newest_trimmed: read the number of the newest finished item that is not among the newest to be kept.
SELECT number FROM items WHERE number IS NOT NULL ORDER BY number DESC LIMIT 1 OFFSET ?;

-- forget_items: let the attempts of finished items up to a number stand alone; the schema would do so without a new sum.
UPDATE attempts SET item_uid = NULL, checksum = next_sum('attempts', checksum,
    submission, number, item_uid, lane, epoch, phase, outcome, time_start,
    submission, number, NULL, lane, epoch, phase, outcome, time_start)
WHERE item_uid IN (SELECT uid FROM items WHERE items.number <= ?);

-- trim_history: remove the finished items up to a number.
DELETE FROM items WHERE number <= ?;

-- trim_attempts: forget the attempts of removed items, except the newest of a submission that still has items:
-- its number must not be given again.
DELETE FROM attempts WHERE item_uid IS NULL AND (
    NOT EXISTS (SELECT 1 FROM items WHERE items.submission = attempts.submission)
    OR number < (SELECT max(number) FROM attempts AS newer WHERE newer.submission = attempts.submission)
);

-- insert_event: append to the event log.
INSERT INTO events (seq, kind, time, epoch, lane, item_uid, submission, attempt, origin, data, checksum)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- select_events: read the events behind a sequence number, oldest first.
SELECT seq, sound(kind, 'events', checksum,
    seq, kind, time, epoch, lane, item_uid, submission, attempt, origin, data),
    time, epoch, lane, item_uid, submission, attempt, origin, data FROM events
WHERE seq > ? ORDER BY seq LIMIT ?;

-- last_seq: read the sequence number of the newest event.
SELECT coalesce(max(seq), 0) FROM events;

-- load_document: read the value saved under a name.
SELECT sound(value, 'documents', checksum, name, value) FROM documents WHERE name = ?;

-- save_document: save a value under a name.
INSERT INTO documents (name, value, checksum) VALUES (?1, ?2, row_sum('documents', ?1, ?2))
ON CONFLICT (name) DO UPDATE SET value = excluded.value, checksum = excluded.checksum;

-- select_reply: read the finished answer kept for a key.
SELECT sound(digest, 'replies', checksum, key, digest, reply, time), reply FROM replies WHERE key = ?;

-- insert_reply: keep the finished answer to the request with a key.
INSERT INTO replies (key, digest, reply, time, checksum)
VALUES (?1, ?2, ?3, ?4, row_sum('replies', ?1, ?2, ?3, ?4 + 0.0));

-- forget_replies: forget the oldest answers, a few at once; rows are numbered in the order in which they came.
DELETE FROM replies WHERE rowid IN (SELECT rowid FROM replies ORDER BY rowid LIMIT ?)
AND (time < ? OR rowid <= (SELECT max(rowid) FROM replies) - ?);
