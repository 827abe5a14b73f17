-- Exam records. Rows are written and read as id, the columns of their kind, and what every record ends with;
-- their place is only read to go on behind it.

-- insert_exams: write an exam, behind all others.
INSERT INTO exams (place, id, patient_id, is_template, status, version, creator, created, updated, content, checksum)
SELECT place, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, row_sum('exams', ?1, place, ?2, ?3, ?4, ?5, ?6, ?7 + 0.0, ?8 + 0.0,
    ?9)
FROM (SELECT coalesce(max(place), 0) + 1 AS place FROM exams);

-- update_exams: write an exam in the place of the version before.
UPDATE exams SET patient_id = ?2, is_template = ?3, status = ?4, version = ?5, creator = ?6, created = ?7, updated =
    ?8, content = ?9,
checksum = next_sum('exams', checksum, id, place, patient_id, is_template, status, version, creator, created, updated,
    content, ?1, place, ?2, ?3, ?4, ?5, ?6, ?7 + 0.0, ?8 + 0.0, ?9)
WHERE id = ?1;

-- select_exams: read an exam.
SELECT sound(id, 'exams', checksum, id, place, patient_id, is_template, status, version, creator, created, updated,
    content), patient_id, is_template, status, version, creator, created, updated, content
FROM exams WHERE id = ?;

-- list_exams: read exams behind a place, templates or instances, in order of creation.
SELECT 0, place, sound(id, 'exams', checksum, id, place, patient_id, is_template, status, version, creator, created,
    updated, content), patient_id, is_template, status, version, creator, created, updated, content
FROM exams WHERE is_template = ?1 AND place > ?3 ORDER BY place LIMIT ?4;

-- list_exams_of: read the exams of a patient behind a place, in order.
SELECT 0, place, sound(id, 'exams', checksum, id, place, patient_id, is_template, status, version, creator, created,
    updated, content), patient_id, is_template, status, version, creator, created, updated, content
FROM exams WHERE patient_id = ?1 AND place > ?3 ORDER BY place LIMIT ?4;

-- delete_exams: remove an exam, and what belongs to it.
DELETE FROM exams WHERE id = ?;

-- insert_exam_workflows: write a workflow, behind all others.
INSERT INTO exam_workflows (place, id, exam_id, is_template, status, version, creator, created, updated, content,
    checksum)
SELECT place, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, row_sum('exam_workflows', ?1, place, ?2, ?3, ?4, ?5, ?6, ?7 + 0.0,
    ?8 + 0.0, ?9)
FROM (SELECT coalesce(max(place), 0) + 1 AS place FROM exam_workflows);

-- update_exam_workflows: write a workflow in the place of the version before.
UPDATE exam_workflows SET exam_id = ?2, is_template = ?3, status = ?4, version = ?5, creator = ?6, created = ?7,
    updated = ?8, content = ?9,
checksum = next_sum('exam_workflows', checksum, id, place, exam_id, is_template, status, version, creator, created,
    updated, content, ?1, place, ?2, ?3, ?4, ?5, ?6, ?7 + 0.0, ?8 + 0.0, ?9)
WHERE id = ?1;

-- select_exam_workflows: read a workflow.
SELECT sound(id, 'exam_workflows', checksum, id, place, exam_id, is_template, status, version, creator, created,
    updated, content), exam_id, is_template, status, version, creator, created, updated, content
FROM exam_workflows WHERE id = ?;

-- list_exam_workflows: read workflows behind a place, templates or instances, in order of creation.
SELECT 0, place, sound(id, 'exam_workflows', checksum, id, place, exam_id, is_template, status, version, creator,
    created, updated, content), exam_id, is_template, status, version, creator, created, updated, content
FROM exam_workflows WHERE is_template = ?1 AND place > ?3 ORDER BY place LIMIT ?4;

-- list_exam_workflows_of: read the workflows of an exam behind a place, in order.
SELECT 0, place, sound(id, 'exam_workflows', checksum, id, place, exam_id, is_template, status, version, creator,
    created, updated, content), exam_id, is_template, status, version, creator, created, updated, content
FROM exam_workflows WHERE exam_id = ?1 AND place > ?3 ORDER BY place LIMIT ?4;

-- delete_exam_workflows: remove a workflow, and what belongs to it.
DELETE FROM exam_workflows WHERE id = ?;

-- insert_exam_tasks: write an exam task, behind all others.
INSERT INTO exam_tasks (place, id, workflow_id, is_template, status, task_type, progress, position, item_uid,
    item_state, error_message, version, creator, created, updated, content, checksum)
SELECT place, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, row_sum('exam_tasks', ?1, place, ?2,
    ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13 + 0.0, ?14 + 0.0, ?15)
FROM (SELECT coalesce(max(place), 0) + 1 AS place FROM exam_tasks);

-- update_exam_tasks: write an exam task in the place of the version before.
UPDATE exam_tasks SET workflow_id = ?2, is_template = ?3, status = ?4, task_type = ?5, progress = ?6, position = ?7,
    item_uid = ?8, item_state = ?9, error_message = ?10, version = ?11, creator = ?12, created = ?13, updated = ?14,
    content = ?15,
checksum = next_sum('exam_tasks', checksum, id, place, workflow_id, is_template, status, task_type, progress,
    position, item_uid, item_state, error_message, version, creator, created, updated, content, ?1, place, ?2, ?3, ?4,
    ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13 + 0.0, ?14 + 0.0, ?15)
WHERE id = ?1;

-- select_exam_tasks: read an exam task.
SELECT sound(id, 'exam_tasks', checksum, id, place, workflow_id, is_template, status, task_type, progress, position,
    item_uid, item_state, error_message, version, creator, created, updated, content), workflow_id, is_template,
    status, task_type, progress, position, item_uid, item_state, error_message, version, creator, created, updated,
    content
FROM exam_tasks WHERE id = ?;

-- list_exam_tasks: read exam tasks behind a place, templates or instances, in order of creation.
SELECT 0, place, sound(id, 'exam_tasks', checksum, id, place, workflow_id, is_template, status, task_type,
    progress, position, item_uid, item_state, error_message, version, creator, created, updated, content),
    workflow_id, is_template, status, task_type, progress, position, item_uid, item_state, error_message, version,
    creator, created, updated, content
FROM exam_tasks WHERE is_template = ?1 AND place > ?3 ORDER BY place LIMIT ?4;

-- list_exam_tasks_of: read the exam tasks of a workflow behind a place, in order.
SELECT position, place, sound(id, 'exam_tasks', checksum, id, place, workflow_id, is_template, status, task_type,
    progress, position, item_uid, item_state, error_message, version, creator, created, updated, content),
    workflow_id, is_template, status, task_type, progress, position, item_uid, item_state, error_message, version,
    creator, created, updated, content
FROM exam_tasks WHERE workflow_id = ?1 AND (position, place) > (?2, ?3) ORDER BY position, place LIMIT ?4;

-- delete_exam_tasks: remove an exam task, and what belongs to it.
DELETE FROM exam_tasks WHERE id = ?;

-- insert_exam_results: write a result, behind all others.
INSERT INTO exam_results (place, id, task_id, type, version, creator, created, updated, content, checksum)
SELECT place, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, row_sum('exam_results', ?1, place, ?2, ?3, ?4, ?5, ?6 + 0.0, ?7 + 0.0,
    ?8)
FROM (SELECT coalesce(max(place), 0) + 1 AS place FROM exam_results);

-- update_exam_results: write a result in the place of the version before.
UPDATE exam_results SET task_id = ?2, type = ?3, version = ?4, creator = ?5, created = ?6, updated = ?7, content = ?8,
checksum = next_sum('exam_results', checksum, id, place, task_id, type, version, creator, created, updated, content,
    ?1, place, ?2, ?3, ?4, ?5, ?6 + 0.0, ?7 + 0.0, ?8)
WHERE id = ?1;

-- select_exam_results: read a result.
SELECT sound(id, 'exam_results', checksum, id, place, task_id, type, version, creator, created, updated, content),
    task_id, type, version, creator, created, updated, content
FROM exam_results WHERE id = ?;

-- list_exam_results_of: read the results of an exam task behind a place, in order.
SELECT 0, place, sound(id, 'exam_results', checksum, id, place, task_id, type, version, creator, created, updated,
    content), task_id, type, version, creator, created, updated, content
FROM exam_results WHERE task_id = ?1 AND place > ?3 ORDER BY place LIMIT ?4;

-- delete_exam_results: remove a result.
DELETE FROM exam_results WHERE id = ?;

-- insert_exam_sequences: write a sequence, behind all others.
INSERT INTO exam_sequences (place, id, version, creator, created, updated, content, checksum)
SELECT place, ?1, ?2, ?3, ?4, ?5, ?6, row_sum('exam_sequences', ?1, place, ?2, ?3, ?4 + 0.0, ?5 + 0.0, ?6)
FROM (SELECT coalesce(max(place), 0) + 1 AS place FROM exam_sequences);

-- select_exam_sequences: read a sequence.
SELECT sound(id, 'exam_sequences', checksum, id, place, version, creator, created, updated, content), version,
    creator, created, updated, content
FROM exam_sequences WHERE id = ?;

-- list_exam_sequences: read sequences behind a place, in order of creation.
SELECT 0, place, sound(id, 'exam_sequences', checksum, id, place, version, creator, created, updated, content),
    version, creator, created, updated, content
FROM exam_sequences WHERE place > ?3 ORDER BY place LIMIT ?4;

-- delete_exam_sequences: remove a sequence, and what belongs to it.
DELETE FROM exam_sequences WHERE id = ?;

-- select_exam_task_of_item: read the exam task that an item does.
SELECT sound(id, 'exam_tasks', checksum, id, place, workflow_id, is_template, status, task_type, progress, position,
    item_uid, item_state, error_message, version, creator, created, updated, content), workflow_id, is_template,
    status, task_type, progress, position, item_uid, item_state, error_message, version, creator, created, updated,
    content
FROM exam_tasks WHERE item_uid = ?;

-- states_of_exams: read how far the exam tasks of an exam are, and their items.
SELECT DISTINCT sound(status, 'exam_tasks', checksum, id, place, workflow_id, is_template, status, task_type,
    progress, position, item_uid, item_state, error_message, version, creator, created, updated, content), item_state
FROM exam_tasks WHERE workflow_id IN (SELECT id FROM exam_workflows WHERE exam_id = ?);

-- states_of_exam_workflows: read how far the exam tasks of a workflow are, and their items.
SELECT DISTINCT sound(status, 'exam_tasks', checksum, id, place, workflow_id, is_template, status, task_type,
    progress, position, item_uid, item_state, error_message, version, creator, created, updated, content), item_state
FROM exam_tasks WHERE workflow_id = ?;

-- insert_sequence_files: write the files of a sequence.
INSERT INTO exam_sequence_files (sequence_id, seq_file, xml_file, checksum)
VALUES (?1, ?2, ?3, row_sum('exam_sequence_files', ?1, ?2, ?3));

-- select_sequence_files: read the files of a sequence.
SELECT sound(seq_file, 'exam_sequence_files', checksum, sequence_id, seq_file, xml_file), xml_file
FROM exam_sequence_files WHERE sequence_id = ?;
