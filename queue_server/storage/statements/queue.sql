-- The queue of a lane: the rows that have a position, which are those in the states queued and held.

-- insert_items: put new items at positions of their lane; the row of values is repeated for each of them.
INSERT INTO items (uid, lane, submission, state, position, attempt, reason, content, checksum)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?);

-- select_item: read an item in any state.
SELECT uid, lane, submission, sound(content, iif(number IS NULL, 'items', 'history'), checksum,
    uid, lane, submission, state, position, attempt, reason, content, number, result), state, attempt, reason
FROM items WHERE uid = ?;

-- select_queue: read a part of the queue of a lane, behind a position, as whole rows.
SELECT uid, lane, submission, state, position, attempt, reason, content, number, result, checksum
FROM items WHERE lane = ? AND position > ? ORDER BY position LIMIT ?;

-- select_from_front: read the item at an index counted from the front of the queue.
SELECT uid, lane, submission, sound(content, 'items', checksum,
    uid, lane, submission, state, position, attempt, reason, content, number, result), state, attempt, reason
FROM items
WHERE lane = ? AND position IS NOT NULL ORDER BY position LIMIT 1 OFFSET ?;

-- select_from_back: read the item at an index counted from the back of the queue.
SELECT uid, lane, submission, sound(content, 'items', checksum,
    uid, lane, submission, state, position, attempt, reason, content, number, result), state, attempt, reason
FROM items
WHERE lane = ? AND position IS NOT NULL ORDER BY position DESC LIMIT 1 OFFSET ?;

-- select_place: read where an item of a queue stands.
SELECT lane, position FROM items WHERE uid = ? AND position IS NOT NULL;

-- select_positions_at: read two neighbouring positions from an index on, as if one item were not there.
SELECT position FROM items
WHERE lane = ? AND position IS NOT NULL AND uid <> ? ORDER BY position LIMIT 2 OFFSET ?;

-- select_position_before: read the last position before another one, as if one item were not there.
SELECT max(position) FROM items WHERE lane = ? AND position < ? AND uid <> ?;

-- select_position_after: read the first position after another one, as if one item were not there.
SELECT min(position) FROM items WHERE lane = ? AND position > ? AND uid <> ?;

-- select_order: read who stands where in the queue of a lane, to number it anew.
SELECT uid, position FROM items WHERE lane = ? AND position IS NOT NULL ORDER BY position;

-- update_position: move an item within its lane.
UPDATE items SET position = ?1, checksum = next_sum('items', checksum,
    uid, lane, submission, state, position, attempt, reason, content, number, result,
    uid, lane, submission, state, ?1, attempt, reason, content, number, result)
WHERE uid = ?2;

-- replace_item: give the place of an item to another one.
UPDATE items SET uid = ?1, submission = ?2, state = ?3, attempt = ?4, reason = ?5, content = ?6,
checksum = next_sum('items', checksum,
    uid, lane, submission, state, position, attempt, reason, content, number, result,
    ?1, lane, ?2, ?3, position, ?4, ?5, ?6, number, result)
WHERE uid = ?7;

-- delete_items: take items out of their queues for good, by a list of uids as JSON. Statement by statement, SQLite would
-- keep a copy of each page for each of them until the block ends.
DELETE FROM items WHERE uid IN (SELECT value FROM json_each(?)) AND position IS NOT NULL;

-- set_all_held: hold or release items of queues, likewise.
UPDATE items SET state = ?1, reason = ?2, checksum = next_sum('items', checksum,
    uid, lane, submission, state, position, attempt, reason, content, number, result,
    uid, lane, submission, ?1, position, attempt, ?2, content, number, result)
WHERE uid IN (SELECT value FROM json_each(?3)) AND position IS NOT NULL;

-- clear_queue: take all items out of the queue of a lane.
DELETE FROM items WHERE lane = ? AND position IS NOT NULL;

-- set_held: hold an item of a queue, or release it.
UPDATE items SET state = ?1, reason = ?2, checksum = next_sum('items', checksum,
    uid, lane, submission, state, position, attempt, reason, content, number, result,
    uid, lane, submission, ?1, position, attempt, ?2, content, number, result)
WHERE uid = ?3 AND position IS NOT NULL;

-- count_queue: count the items in the queue of a lane.
SELECT count(*) FROM items WHERE lane = ? AND position IS NOT NULL;

-- count_before: count the items of a queue that stand before a position.
SELECT count(*) FROM items WHERE lane = ? AND position < ?;
