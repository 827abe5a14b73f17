-- Submissions: an item with all its copies. The index of submissions comes first, however many have ended.

-- select_living: read the items of a submission that have not ended.
SELECT uid, lane, submission, sound(content, 'items', checksum,
    uid, lane, submission, state, position, attempt, reason, content, number, result), state, attempt, reason
FROM items INDEXED BY items_of_submission
WHERE submission = ? AND state <> 'finished' ORDER BY uid;

-- find_completed: find the newest item of a submission that ended as completed.
SELECT uid FROM items INDEXED BY items_of_submission CROSS JOIN history_index ON history_index.number = items.number
WHERE submission = ? AND outcome = 'completed' ORDER BY items.number DESC LIMIT 1;

-- select_ended: read the newest finished items of a submission, newest first.
SELECT uid, lane, submission, sound(content, 'history', checksum,
    uid, lane, submission, state, position, attempt, reason, content, number, result), state, attempt, reason, number, result
FROM items INDEXED BY items_of_submission
WHERE submission = ? AND number IS NOT NULL ORDER BY number DESC LIMIT ?;

-- Lists: the first value is what the index is asked for; the others only narrow down. As in the protocol, the
-- state is what the living item is in, the running one before the others, else how the newest attempt ended.

-- list_submissions_of_batch: read submissions of a batch behind a place, in order.
SELECT place, uid, lane, creator, created, workflow, version, group_id, batch, ordinal, identity, reference, processing,
    sound(content, 'submissions', checksum, uid, place, lane, creator, created, workflow, version,
    group_id, batch, ordinal, identity, reference, processing, content)
FROM submissions WHERE batch = ?1 AND place > ?6 AND (?2 IS NULL OR workflow = ?2) AND (?3 IS NULL OR group_id = ?3)
    AND (?4 IS NULL OR processing IN (SELECT value FROM json_each(?4)))
    AND (?5 IS NULL OR coalesce(
        (SELECT state FROM items INDEXED BY items_of_submission
            WHERE items.submission = submissions.uid AND state <> 'finished' ORDER BY state DESC LIMIT 1),
        (SELECT outcome FROM results WHERE results.submission = submissions.uid ORDER BY attempt DESC LIMIT 1),
        'removed') IN (SELECT value FROM json_each(?5)))
ORDER BY place LIMIT ?7 OFFSET ?8;

-- count_submissions_of_batch: count submissions of a batch behind a place.
SELECT count(*) FROM submissions WHERE batch = ?1 AND place > ?6 AND (?2 IS NULL OR workflow = ?2) AND (?3 IS NULL OR group_id = ?3)
    AND (?4 IS NULL OR processing IN (SELECT value FROM json_each(?4)))
    AND (?5 IS NULL OR coalesce(
        (SELECT state FROM items INDEXED BY items_of_submission
            WHERE items.submission = submissions.uid AND state <> 'finished' ORDER BY state DESC LIMIT 1),
        (SELECT outcome FROM results WHERE results.submission = submissions.uid ORDER BY attempt DESC LIMIT 1),
        'removed') IN (SELECT value FROM json_each(?5)));

-- list_submissions_of_group: read submissions of a group behind a place, in order.
SELECT place, uid, lane, creator, created, workflow, version, group_id, batch, ordinal, identity, reference, processing,
    sound(content, 'submissions', checksum, uid, place, lane, creator, created, workflow, version,
    group_id, batch, ordinal, identity, reference, processing, content)
FROM submissions WHERE group_id = ?1 AND place > ?6 AND (?2 IS NULL OR workflow = ?2) AND (?3 IS NULL OR group_id = ?3)
    AND (?4 IS NULL OR processing IN (SELECT value FROM json_each(?4)))
    AND (?5 IS NULL OR coalesce(
        (SELECT state FROM items INDEXED BY items_of_submission
            WHERE items.submission = submissions.uid AND state <> 'finished' ORDER BY state DESC LIMIT 1),
        (SELECT outcome FROM results WHERE results.submission = submissions.uid ORDER BY attempt DESC LIMIT 1),
        'removed') IN (SELECT value FROM json_each(?5)))
ORDER BY place LIMIT ?7 OFFSET ?8;

-- count_submissions_of_group: count submissions of a group behind a place.
SELECT count(*) FROM submissions WHERE group_id = ?1 AND place > ?6 AND (?2 IS NULL OR workflow = ?2) AND (?3 IS NULL OR group_id = ?3)
    AND (?4 IS NULL OR processing IN (SELECT value FROM json_each(?4)))
    AND (?5 IS NULL OR coalesce(
        (SELECT state FROM items INDEXED BY items_of_submission
            WHERE items.submission = submissions.uid AND state <> 'finished' ORDER BY state DESC LIMIT 1),
        (SELECT outcome FROM results WHERE results.submission = submissions.uid ORDER BY attempt DESC LIMIT 1),
        'removed') IN (SELECT value FROM json_each(?5)));

-- list_submissions_of_workflow: read submissions of a workflow behind a place, in order.
SELECT place, uid, lane, creator, created, workflow, version, group_id, batch, ordinal, identity, reference, processing,
    sound(content, 'submissions', checksum, uid, place, lane, creator, created, workflow, version,
    group_id, batch, ordinal, identity, reference, processing, content)
FROM submissions WHERE workflow = ?1 AND place > ?6 AND (?2 IS NULL OR workflow = ?2) AND (?3 IS NULL OR group_id = ?3)
    AND (?4 IS NULL OR processing IN (SELECT value FROM json_each(?4)))
    AND (?5 IS NULL OR coalesce(
        (SELECT state FROM items INDEXED BY items_of_submission
            WHERE items.submission = submissions.uid AND state <> 'finished' ORDER BY state DESC LIMIT 1),
        (SELECT outcome FROM results WHERE results.submission = submissions.uid ORDER BY attempt DESC LIMIT 1),
        'removed') IN (SELECT value FROM json_each(?5)))
ORDER BY place LIMIT ?7 OFFSET ?8;

-- count_submissions_of_workflow: count submissions of a workflow behind a place.
SELECT count(*) FROM submissions WHERE workflow = ?1 AND place > ?6 AND (?2 IS NULL OR workflow = ?2) AND (?3 IS NULL OR group_id = ?3)
    AND (?4 IS NULL OR processing IN (SELECT value FROM json_each(?4)))
    AND (?5 IS NULL OR coalesce(
        (SELECT state FROM items INDEXED BY items_of_submission
            WHERE items.submission = submissions.uid AND state <> 'finished' ORDER BY state DESC LIMIT 1),
        (SELECT outcome FROM results WHERE results.submission = submissions.uid ORDER BY attempt DESC LIMIT 1),
        'removed') IN (SELECT value FROM json_each(?5)));

-- list_submissions_of_all: read submissions behind a place, in order.
SELECT place, uid, lane, creator, created, workflow, version, group_id, batch, ordinal, identity, reference, processing,
    sound(content, 'submissions', checksum, uid, place, lane, creator, created, workflow, version,
    group_id, batch, ordinal, identity, reference, processing, content)
FROM submissions WHERE ?1 IS NULL AND place > ?6 AND (?2 IS NULL OR workflow = ?2) AND (?3 IS NULL OR group_id = ?3)
    AND (?4 IS NULL OR processing IN (SELECT value FROM json_each(?4)))
    AND (?5 IS NULL OR coalesce(
        (SELECT state FROM items INDEXED BY items_of_submission
            WHERE items.submission = submissions.uid AND state <> 'finished' ORDER BY state DESC LIMIT 1),
        (SELECT outcome FROM results WHERE results.submission = submissions.uid ORDER BY attempt DESC LIMIT 1),
        'removed') IN (SELECT value FROM json_each(?5)))
ORDER BY place LIMIT ?7 OFFSET ?8;

-- count_submissions_of_all: count submissions behind a place.
SELECT count(*) FROM submissions WHERE ?1 IS NULL AND place > ?6 AND (?2 IS NULL OR workflow = ?2) AND (?3 IS NULL OR group_id = ?3)
    AND (?4 IS NULL OR processing IN (SELECT value FROM json_each(?4)))
    AND (?5 IS NULL OR coalesce(
        (SELECT state FROM items INDEXED BY items_of_submission
            WHERE items.submission = submissions.uid AND state <> 'finished' ORDER BY state DESC LIMIT 1),
        (SELECT outcome FROM results WHERE results.submission = submissions.uid ORDER BY attempt DESC LIMIT 1),
        'removed') IN (SELECT value FROM json_each(?5)));

-- count_states_of_batch: count the submissions of a batch by their states.
SELECT coalesce(
        (SELECT state FROM items INDEXED BY items_of_submission
            WHERE items.submission = submissions.uid AND state <> 'finished' ORDER BY state DESC LIMIT 1),
        (SELECT outcome FROM results WHERE results.submission = submissions.uid ORDER BY attempt DESC LIMIT 1),
        'removed') AS now, count(*) FROM submissions WHERE batch = ? GROUP BY now;

-- last_submission: find the place of the newest submission that is followed.
SELECT coalesce(max(place), 0) FROM submissions;

-- insert_submission: follow a submission.
INSERT INTO submissions (place, uid, lane, creator, created, workflow, version, group_id, batch, ordinal, identity,
    reference, processing, content, checksum)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,
    row_sum('submissions', ?2, ?1, ?3, ?4, ?5 + 0.0, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14));

-- delete_submission: forget a submission, and its results.
DELETE FROM submissions WHERE uid = ?;

-- select_submission: read a submission.
SELECT place, uid, lane, creator, created, workflow, version, group_id, batch, ordinal, identity, reference, processing,
    sound(content, 'submissions', checksum, uid, place, lane, creator, created, workflow, version,
    group_id, batch, ordinal, identity, reference, processing, content)
FROM submissions WHERE uid = ?;

-- select_batch_submission: read a submission by the id of the batch item.
SELECT place, uid, lane, creator, created, workflow, version, group_id, batch, ordinal, identity, reference, processing,
    sound(content, 'submissions', checksum, uid, place, lane, creator, created, workflow, version,
    group_id, batch, ordinal, identity, reference, processing, content)
FROM submissions WHERE identity = ?;

-- select_states: read which items of submissions wait or run, the running one first, by a list of uids as JSON.
SELECT items.submission, items.uid, items.state, items.attempt, items.reason, attempts.time_start,
    sound(1, 'items', items.checksum, items.uid, items.lane, items.submission, items.state, position, attempt, reason,
        content, items.number, result)
FROM json_each(?) AS wanted CROSS JOIN items INDEXED BY items_of_submission ON items.submission = wanted.value
LEFT JOIN attempts ON attempts.item_uid = items.uid
WHERE items.state <> 'finished' ORDER BY items.submission, items.state DESC, items.uid;

-- insert_result: write how an attempt ended.
INSERT INTO results (submission, attempt, item_uid, outcome, time_start, time_stop, content, checksum)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, row_sum('results', ?1, ?2, ?3, ?4, ?5 + 0.0, ?6 + 0.0, ?7));

-- change_outcome: write what is known now of how an attempt ended.
UPDATE results SET outcome = ?1, checksum = next_sum('results', checksum,
    submission, attempt, item_uid, outcome, time_start, time_stop, content,
    submission, attempt, item_uid, ?1, time_start, time_stop, content)
WHERE submission = ?2 AND item_uid = ?3;

-- select_results: read the results of submissions, by a list of uids as JSON.
SELECT submission, attempt, item_uid, outcome, time_start, time_stop,
    sound(content, 'results', checksum, submission, attempt, item_uid, outcome, time_start, time_stop, content)
FROM json_each(?) AS wanted CROSS JOIN results ON results.submission = wanted.value
ORDER BY submission, attempt;

-- check_submissions: check the newest submissions.
SELECT count(sound(1, 'submissions', checksum, uid, place, lane, creator, created, workflow, version,
    group_id, batch, ordinal, identity, reference, processing, content))
FROM (SELECT * FROM submissions ORDER BY place DESC LIMIT ?);

-- check_results: check results.
SELECT count(sound(1, 'results', checksum, submission, attempt, item_uid, outcome, time_start, time_stop, content))
FROM (SELECT * FROM results ORDER BY submission DESC, attempt DESC LIMIT ?);

-- check_part_of_submissions: check submissions, by their place.
SELECT sound(place, 'submissions', checksum, uid, place, lane, creator, created, workflow, version,
    group_id, batch, ordinal, identity, reference, processing, content)
FROM submissions WHERE place > ? ORDER BY place LIMIT ?;

-- check_part_of_results: check results, by submission and attempt.
SELECT sound(submission, 'results', checksum, submission, attempt, item_uid, outcome, time_start, time_stop, content),
    attempt
FROM results WHERE (submission, attempt) > (?, ?) ORDER BY submission, attempt LIMIT ?;
