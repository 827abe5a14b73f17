-- Finding: events and finished items by what is known of them, edits that can be taken back, neighbours in a queue.
-- These return keys; the rows are read by the statements of their subject.

-- find_events_forward: find the events between two sequence numbers that meet each condition that is not null, oldest
-- first; the kinds are one text with a line break around each.
SELECT seq FROM events
WHERE seq BETWEEN ? AND ?
AND instr(coalesce(?, char(10) || kind || char(10)), char(10) || kind || char(10)) > 0
AND item_uid = coalesce(?, item_uid) AND submission = coalesce(?, submission) AND lane = coalesce(?, lane)
AND (? IS NULL OR coalesce(CASE WHEN json_valid(origin) THEN origin ->> '$.user' END, '') = ?)
AND time >= coalesce(?, time) AND (time < ?) IS NOT FALSE
ORDER BY seq LIMIT ?;

-- find_events_backward: the same, newest first.
SELECT seq FROM events
WHERE seq BETWEEN ? AND ?
AND instr(coalesce(?, char(10) || kind || char(10)), char(10) || kind || char(10)) > 0
AND item_uid = coalesce(?, item_uid) AND submission = coalesce(?, submission) AND lane = coalesce(?, lane)
AND (? IS NULL OR coalesce(CASE WHEN json_valid(origin) THEN origin ->> '$.user' END, '') = ?)
AND time >= coalesce(?, time) AND (time < ?) IS NOT FALSE
ORDER BY seq DESC LIMIT ?;

-- insert_edit: keep what takes the edit of an event back.
INSERT INTO edits (seq, undo, checksum) VALUES (?, ?, ?);

-- find_edits: find the newest edits below a sequence number, newest first.
SELECT seq FROM edits WHERE seq < ? ORDER BY seq DESC LIMIT ?;

-- select_undo: read what takes an edit back.
SELECT sound(undo, 'edits', checksum, seq, undo) FROM edits WHERE seq = ?;

-- insert_history_index: let a finished item be found.
INSERT INTO history_index (number, name, user, outcome) SELECT number, ?, ?, ? FROM items WHERE uid = ?;

-- change_history_index: let a finished item be found by another outcome.
UPDATE history_index SET outcome = ?1 WHERE number = (SELECT number FROM items WHERE uid = ?2);

-- trim_history_index: forget the finished items up to a number.
DELETE FROM history_index WHERE number <= ?;

-- find_history_of_name: find the newest finished items with a name below a number, newest first.
SELECT number FROM history_index WHERE name = ? AND number < ? ORDER BY number DESC LIMIT ?;

-- find_history_of_user: the same of those that a user has added.
SELECT number FROM history_index WHERE user = ? AND number < ? ORDER BY number DESC LIMIT ?;

-- find_history_of_outcome: the same of those with an outcome.
SELECT number FROM history_index WHERE outcome = ? AND number < ? ORDER BY number DESC LIMIT ?;

-- select_uid_before: read who stands directly before a position.
SELECT uid FROM items WHERE lane = ? AND position < ? ORDER BY position DESC LIMIT 1;

-- select_uid_after: read who stands directly behind a position.
SELECT uid FROM items WHERE lane = ? AND position > ? ORDER BY position LIMIT 1;
