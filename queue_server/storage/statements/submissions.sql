-- Submissions: an item with all its copies. The index of submissions comes first, however many have ended.

-- select_living: read the items of a submission that have not ended.
SELECT uid, lane, submission, sound(content, 'items', checksum,
    uid, lane, submission, state, position, attempt, reason, content, number, result), state, attempt, reason
FROM items INDEXED BY items_of_submission
WHERE submission = ? AND state <> 'finished' ORDER BY uid;

-- find_completed: find the newest item of a submission that ended as completed.
SELECT uid FROM items INDEXED BY items_of_submission CROSS JOIN history_index ON history_index.number = items.number
WHERE submission = ? AND outcome = 'completed' ORDER BY items.number DESC LIMIT 1;
