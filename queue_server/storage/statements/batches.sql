-- Batches, and answers that are given again. What is checked of their rows is told in checks.sql.

-- insert_batch: write a batch, behind all others.
INSERT INTO batches (place, id, name, project, owner, workflow, lane, size, created, checksum)
SELECT place, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, row_sum('batches', ?1, place, ?2, ?3, ?4, ?5, ?6, ?7, ?8 + 0.0)
FROM (SELECT coalesce(max(place), 0) + 1 AS place FROM batches);

-- select_batch: read a batch.
SELECT sound(id, 'batches', checksum, id, place, name, project, owner, workflow, lane, size, created), name, project,
    owner, workflow, lane, size, created
FROM batches WHERE id = ?;

-- list_batches: read batches before a place, the newest first.
SELECT place, sound(id, 'batches', checksum, id, place, name, project, owner, workflow, lane, size, created), name,
    project, owner, workflow, lane, size, created
FROM batches WHERE place < ?1 ORDER BY place DESC LIMIT ?2;

-- list_batches_of: read batches of a project before a place, the newest first.
SELECT place, sound(id, 'batches', checksum, id, place, name, project, owner, workflow, lane, size, created), name,
    project, owner, workflow, lane, size, created
FROM batches WHERE project = ?3 AND place < ?1 ORDER BY place DESC LIMIT ?2;

-- insert_answer: keep an answer.
INSERT INTO answers (place, person, endpoint, key, fingerprint, status, media_type, body, stored, expires, checksum)
SELECT place, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9,
    row_sum('answers', place, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 + 0.0, ?9 + 0.0)
FROM (SELECT coalesce(max(place), 0) + 1 AS place FROM answers);

-- select_answer: read the answer to a request.
SELECT fingerprint, status, media_type,
    sound(body, 'answers', checksum, place, person, endpoint, key, fingerprint, status, media_type, body, stored,
        expires), stored, expires
FROM answers WHERE person = ? AND endpoint = ? AND key = ?;

-- delete_answer: forget the answer to a request.
DELETE FROM answers WHERE person = ? AND endpoint = ? AND key = ?;

-- forget_answers: forget answers that have expired, the oldest first.
DELETE FROM answers WHERE place IN (SELECT place FROM answers WHERE expires <= ? ORDER BY expires LIMIT ?);

-- next_expiry: find when the next answer expires.
SELECT min(expires) FROM answers;

-- check_batches: check the newest batches.
SELECT count(sound(1, 'batches', checksum, id, place, name, project, owner, workflow, lane, size, created))
FROM (SELECT * FROM batches ORDER BY place DESC LIMIT ?);

-- check_answers: check the newest answers.
SELECT count(sound(1, 'answers', checksum, place, person, endpoint, key, fingerprint, status, media_type, body, stored,
    expires))
FROM (SELECT * FROM answers ORDER BY place DESC LIMIT ?);

-- check_part_of_batches: check batches, by their place.
SELECT sound(place, 'batches', checksum, id, place, name, project, owner, workflow, lane, size, created)
FROM batches WHERE place > ? ORDER BY place LIMIT ?;

-- check_part_of_answers: check answers, by their place.
SELECT sound(place, 'answers', checksum, place, person, endpoint, key, fingerprint, status, media_type, body, stored,
    expires)
FROM answers WHERE place > ? ORDER BY place LIMIT ?;
