-- What has been: the history, the event log, saved documents and finished answers.

-- select_history: read the newest finished items below a number, newest first.
SELECT uid, lane, submission, content, state, attempt, reason, number, result FROM items
WHERE number < ? ORDER BY number DESC LIMIT ?;

-- count_history: count the finished items; their numbers have no gaps, because only the oldest are ever removed.
SELECT coalesce((SELECT max(number) FROM items) - (SELECT min(number) FROM items) + 1, 0);

-- select_history_number: read the number of a finished item.
SELECT number FROM items WHERE uid = ? AND number IS NOT NULL;

-- select_newest_trimmed: read the number of the newest finished item that is not among the newest to be kept.
SELECT number FROM items WHERE number IS NOT NULL ORDER BY number DESC LIMIT 1 OFFSET ?;

-- trim_history: remove the finished items up to a number.
DELETE FROM items WHERE number <= ?;

-- trim_attempts: forget the attempts of removed items, except the newest of a submission that still has items:
-- its number must not be given again.
DELETE FROM attempts WHERE item_uid IS NULL AND (
    NOT EXISTS (SELECT 1 FROM items WHERE items.submission = attempts.submission)
    OR number < (SELECT max(number) FROM attempts AS newer WHERE newer.submission = attempts.submission)
);

-- insert_event: append to the event log.
INSERT INTO events (kind, time, epoch, lane, item_uid, submission, attempt, origin, data)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING seq;

-- select_events: read the events behind a sequence number, oldest first.
SELECT seq, kind, time, epoch, lane, item_uid, submission, attempt, origin, data FROM events
WHERE seq > ? ORDER BY seq LIMIT ?;

-- last_seq: read the sequence number of the newest event.
SELECT coalesce(max(seq), 0) FROM events;

-- load_document: read the value saved under a name.
SELECT value FROM documents WHERE name = ?;

-- save_document: save a value under a name.
INSERT INTO documents (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- select_reply: read the finished answer kept for a key.
SELECT digest, reply FROM replies WHERE key = ?;

-- insert_reply: keep the finished answer to the request with a key.
INSERT INTO replies (key, digest, reply, time) VALUES (?, ?, ?, ?);
