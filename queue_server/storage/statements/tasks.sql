-- Functions and scripts that were sent to a worker, and how they ended.

-- insert_task: write a task that is about to be sent.
INSERT INTO tasks (uid, lane, kind, in_background, time_start, checksum)
VALUES (?1, ?2, ?3, ?4, ?5, row_sum('tasks', ?1, ?2, ?3, ?4, ?5 + 0.0, NULL, NULL));

-- finish_task: write how a running task ended.
UPDATE tasks SET time_stop = ?1, result = ?2, checksum = next_sum('tasks', checksum,
    uid, lane, kind, in_background, time_start, time_stop, result,
    uid, lane, kind, in_background, time_start, ?1 + 0.0, ?2)
WHERE uid = ?3 AND time_stop IS NULL;

-- select_task: read a task and its result.
SELECT sound(uid, 'tasks', checksum, uid, lane, kind, in_background, time_start, time_stop, result),
    lane, kind, in_background, time_start, result FROM tasks WHERE uid = ?;

-- select_running_tasks: read the tasks that have not ended, oldest first.
SELECT sound(uid, 'tasks', checksum, uid, lane, kind, in_background, time_start, time_stop, result),
    lane, kind, in_background, time_start, result FROM tasks
WHERE time_stop IS NULL ORDER BY time_start, rowid;

-- drop_old_tasks: forget tasks that ended before a time.
DELETE FROM tasks WHERE time_stop < ?;

-- drop_many_tasks: forget all but the newest tasks that have ended.
DELETE FROM tasks WHERE uid IN (
    SELECT uid FROM tasks WHERE time_stop IS NOT NULL ORDER BY time_stop DESC, rowid DESC LIMIT -1 OFFSET ?
);
