-- Workflows with their versions, groups with their files, post-processing, and the order of results.

-- insert_workflows: write a workflow, behind all others.
INSERT INTO workflows (place, id, version, slots, removed, checksum)
SELECT place, ?1, ?2, ?3, ?4, row_sum('workflows', ?1, place, ?2, ?3, ?4 + 0.0)
FROM (SELECT coalesce(max(place), 0) + 1 AS place FROM workflows);

-- update_workflows: write which version is the newest one, and whether the workflow can be used.
UPDATE workflows SET version = ?2, slots = ?3, removed = ?4,
    checksum = next_sum('workflows', checksum, id, place, version, slots, removed, ?1, place, ?2, ?3, ?4 + 0.0)
WHERE id = ?1;

-- select_workflows: read what all versions of a workflow have in common.
SELECT sound(place, 'workflows', checksum, id, place, version, slots, removed), version, slots, removed
FROM workflows WHERE id = ?;

-- list_workflows: read the newest versions of workflows behind a place that can be used, in order of creation.
SELECT sound(workflows.place, 'workflows', workflows.checksum, workflows.id, workflows.place, workflows.version, slots,
    removed),
    sound(workflow, 'workflow_versions', v.checksum, workflow, v.place, v.version, origin, creator, created, content),
    v.version, origin, creator, created, content
FROM workflows JOIN workflow_versions AS v ON v.workflow = workflows.id AND v.version = workflows.version
WHERE removed IS NULL AND workflows.place > ?1 ORDER BY workflows.place LIMIT ?2;

-- insert_workflow_versions: write a version of a workflow.
INSERT INTO workflow_versions (place, workflow, version, origin, creator, created, content, checksum)
SELECT place, ?1, ?2, ?3, ?4, ?5, ?6, row_sum('workflow_versions', ?1, place, ?2, ?3, ?4, ?5 + 0.0, ?6)
FROM (SELECT coalesce(max(place), 0) + 1 AS place FROM workflow_versions);

-- select_workflow_versions: read a version of a workflow.
SELECT sound(workflow, 'workflow_versions', checksum, workflow, place, version, origin, creator, created, content),
    version, origin, creator, created, content
FROM workflow_versions WHERE workflow = ? AND version = ?;

-- insert_workflow_groups: write a group, behind all others.
INSERT INTO workflow_groups (place, id, workflow, name, owner, members, created, content, checksum)
SELECT place, ?1, ?2, ?3, ?4, ?5, ?6, ?7, row_sum('workflow_groups', ?1, place, ?2, ?3, ?4, ?5, ?6 + 0.0, ?7)
FROM (SELECT coalesce(max(place), 0) + 1 AS place FROM workflow_groups);

-- update_workflow_groups: write a group in the place of what it was.
UPDATE workflow_groups SET workflow = ?2, name = ?3, owner = ?4, members = ?5, created = ?6, content = ?7,
    checksum = next_sum('workflow_groups', checksum, id, place, workflow, name, owner, members, created, content,
    ?1, place, ?2, ?3, ?4, ?5, ?6 + 0.0, ?7)
WHERE id = ?1;

-- select_workflow_groups: read a group.
SELECT sound(id, 'workflow_groups', checksum, id, place, workflow, name, owner, members, created, content), workflow,
    name, owner, members, created, content
FROM workflow_groups WHERE id = ?;

-- find_workflow_group: find a group by its workflow and its name.
SELECT id FROM workflow_groups WHERE workflow = ? AND name = ?;

-- list_workflow_groups: read groups behind a place, of a workflow and a member if these are given.
SELECT place, sound(id, 'workflow_groups', checksum, id, place, workflow, name, owner, members, created, content),
    workflow, name, owner, members, created, content
FROM workflow_groups
WHERE (?1 IS NULL OR workflow = ?1) AND place > ?3
    AND (?2 IS NULL OR EXISTS (SELECT 1 FROM json_each(members) WHERE value = ?2))
ORDER BY place LIMIT ?4;

-- delete_workflow_groups: remove a group with its files.
DELETE FROM workflow_groups WHERE id = ?;

-- insert_workflow_postprocessing: write a post-processing, behind all others.
INSERT INTO workflow_postprocessing (place, workflow, submission, ranked, succeeded, checksum)
SELECT place, ?1, ?2, ?3, ?4, row_sum('workflow_postprocessing', ?2, place, ?1, ?3, ?4)
FROM (SELECT coalesce(max(place), 0) + 1 AS place FROM workflow_postprocessing);

-- update_workflow_postprocessing: write what a post-processing works on, and whether it has succeeded.
UPDATE workflow_postprocessing SET ranked = ?2, succeeded = ?3,
    checksum = next_sum('workflow_postprocessing', checksum, submission, place, workflow, ranked, succeeded,
    ?1, place, workflow, ?2, ?3)
WHERE submission = ?1;

-- select_workflow_postprocessing: read a post-processing.
SELECT sound(workflow, 'workflow_postprocessing', checksum, submission, place, workflow, ranked, succeeded),
    submission, ranked, succeeded
FROM workflow_postprocessing WHERE submission = ?;

-- newest_workflow_postprocessing: read the newest post-processing of a workflow.
SELECT sound(workflow, 'workflow_postprocessing', checksum, submission, place, workflow, ranked, succeeded),
    submission, ranked, succeeded
FROM workflow_postprocessing WHERE workflow = ? ORDER BY place DESC LIMIT 1;

-- served_workflow_postprocessing: read the newest post-processing of a workflow that has succeeded, else the newest.
SELECT sound(workflow, 'workflow_postprocessing', checksum, submission, place, workflow, ranked, succeeded),
    submission, ranked, succeeded
FROM workflow_postprocessing WHERE workflow = ? ORDER BY succeeded DESC, place DESC LIMIT 1;

-- select_result_key: find a result.
SELECT 1 FROM results WHERE submission = ? AND attempt = ?;

-- select_followed: find a submission that is followed.
SELECT 1 FROM submissions WHERE uid = ?;

-- select_submissions_by_uid: read submissions, by a list of uids as JSON.
SELECT uid, lane, creator, created, workflow, version, group_id, batch, ordinal, identity, reference, processing,
    sound(content, 'submissions', checksum, uid, place, lane, creator, created, workflow, version,
    group_id, batch, ordinal, identity, reference, processing, content)
FROM json_each(?) AS wanted CROSS JOIN submissions ON submissions.uid = wanted.value;

-- insert_ranks: let an attempt be found in the order of a workflow.
INSERT INTO ranks (workflow, entrant, submission, attempt, stop, v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11,
    v12, v13, v14, v15, v16, v17, v18, v19, v20, v21, v22, v23, v24, v25, v26, v27, v28, v29, v30, v31)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- list_ranks: find attempts of a workflow in order; the sorted columns stand in the place of the comment.
SELECT submission, attempt, entrant FROM ranks WHERE workflow = ?1
ORDER BY /*columns*/ stop, submission, attempt LIMIT ?2;

-- best_ranks: the same, of each entrant only the best one.
WITH RECURSIVE entrants (entrant) AS (
    SELECT min(entrant) FROM ranks WHERE workflow = ?1
    UNION ALL
    SELECT (SELECT min(entrant) FROM ranks WHERE workflow = ?1 AND entrant > entrants.entrant)
    FROM entrants WHERE entrant IS NOT NULL
)
SELECT submission, attempt, best.entrant
FROM entrants CROSS JOIN ranks AS best ON best.workflow = ?1 AND best.entrant = entrants.entrant
    AND (best.submission, best.attempt) = (
        SELECT submission, attempt FROM ranks WHERE workflow = ?1 AND entrant = entrants.entrant
        ORDER BY /*columns*/ stop, submission, attempt LIMIT 1
    )
ORDER BY /*columns*/ stop, submission, attempt LIMIT ?2;

-- count_entrants: count the entrants of a workflow, up to a number of them.
WITH RECURSIVE entrants (entrant) AS (
    SELECT min(entrant) FROM ranks WHERE workflow = ?1
    UNION ALL
    SELECT (SELECT min(entrant) FROM ranks WHERE workflow = ?1 AND entrant > entrants.entrant)
    FROM entrants WHERE entrant IS NOT NULL
    LIMIT ?2 + 1
)
SELECT count(entrant) FROM entrants;

-- best_rank: find the best attempt of an entrant.
SELECT submission, attempt FROM ranks WHERE workflow = ?1 AND entrant = ?2
ORDER BY /*columns*/ stop, submission, attempt LIMIT 1;

-- check_workflows: check the newest workflows.
SELECT count(sound(1, 'workflows', checksum, id, place, version, slots, removed))
FROM (SELECT * FROM workflows ORDER BY place DESC LIMIT ?);

-- check_workflow_versions: check the newest versions of workflows.
SELECT count(sound(1, 'workflow_versions', checksum, workflow, place, version, origin, creator, created, content))
FROM (SELECT * FROM workflow_versions ORDER BY place DESC LIMIT ?);

-- check_workflow_groups: check the newest groups.
SELECT count(sound(1, 'workflow_groups', checksum, id, place, workflow, name, owner, members, created, content))
FROM (SELECT * FROM workflow_groups ORDER BY place DESC LIMIT ?);

-- check_workflow_postprocessing: check the newest post-processing.
SELECT count(sound(1, 'workflow_postprocessing', checksum, submission, place, workflow, ranked, succeeded))
FROM (SELECT * FROM workflow_postprocessing ORDER BY place DESC LIMIT ?);

-- check_part_of_workflows: check workflows, by their place.
SELECT sound(place, 'workflows', checksum, id, place, version, slots, removed)
FROM workflows WHERE place > ? ORDER BY place LIMIT ?;

-- check_part_of_workflow_versions: check versions of workflows, by their place.
SELECT sound(place, 'workflow_versions', checksum, workflow, place, version, origin, creator, created, content)
FROM workflow_versions WHERE place > ? ORDER BY place LIMIT ?;

-- check_part_of_workflow_groups: check groups, by their place.
SELECT sound(place, 'workflow_groups', checksum, id, place, workflow, name, owner, members, created, content)
FROM workflow_groups WHERE place > ? ORDER BY place LIMIT ?;

-- check_part_of_workflow_postprocessing: check post-processing, by its place.
SELECT sound(place, 'workflow_postprocessing', checksum, submission, place, workflow, ranked, succeeded)
FROM workflow_postprocessing WHERE place > ? ORDER BY place LIMIT ?;
