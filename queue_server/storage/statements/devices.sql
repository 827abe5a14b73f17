-- Registered devices. Rows are written and read as id and the columns behind it; their place is only read to go on
-- behind it.

-- insert_devices: write a device, behind all others.
INSERT INTO devices (place, id, name, description, token_sha256, previous_sha256, previous_until, generation,
    last_address, last_seen, creator, created, updated, deleted, content, checksum)
SELECT place, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, row_sum('devices', ?1, place, ?2, ?3, ?4,
    ?5, ?6 + 0.0, ?7, ?8, ?9 + 0.0, ?10, ?11 + 0.0, ?12 + 0.0, ?13 + 0.0, ?14)
FROM (SELECT coalesce(max(place), 0) + 1 AS place FROM devices);

-- update_devices: write a device in the place of what it was.
UPDATE devices SET name = ?2, description = ?3, token_sha256 = ?4, previous_sha256 = ?5, previous_until = ?6,
    generation = ?7, last_address = ?8, last_seen = ?9, creator = ?10, created = ?11, updated = ?12, deleted = ?13,
    content = ?14, checksum = next_sum('devices', checksum, id, place, name, description, token_sha256,
    previous_sha256, previous_until, generation, last_address, last_seen, creator, created, updated, deleted, content,
    ?1, place, ?2, ?3, ?4, ?5, ?6 + 0.0, ?7, ?8, ?9 + 0.0, ?10, ?11 + 0.0, ?12 + 0.0, ?13 + 0.0, ?14)
WHERE id = ?1;

-- select_devices: read a device, be it deleted or not.
SELECT sound(id, 'devices', checksum, id, place, name, description, token_sha256, previous_sha256, previous_until,
    generation, last_address, last_seen, creator, created, updated, deleted, content), name, description,
    token_sha256, previous_sha256, previous_until, generation, last_address, last_seen, creator, created, updated,
    deleted, content
FROM devices WHERE id = ?;

-- list_devices: read the devices behind a place that are not deleted, in order of creation.
SELECT place, sound(id, 'devices', checksum, id, place, name, description, token_sha256, previous_sha256,
    previous_until, generation, last_address, last_seen, creator, created, updated, deleted, content), name,
    description, token_sha256, previous_sha256, previous_until, generation, last_address, last_seen, creator, created,
    updated, deleted, content
FROM devices WHERE deleted IS NULL AND place > ?1 ORDER BY place LIMIT ?2;

-- count_devices: count the devices that are not deleted.
SELECT count(*) FROM devices WHERE deleted IS NULL;

-- check_devices: check the newest devices.
SELECT count(sound(1, 'devices', checksum, id, place, name, description, token_sha256, previous_sha256,
    previous_until, generation, last_address, last_seen, creator, created, updated, deleted, content))
FROM (SELECT * FROM devices ORDER BY place DESC LIMIT ?);

-- check_part_of_devices: check devices, by their place.
SELECT sound(place, 'devices', checksum, id, place, name, description, token_sha256, previous_sha256, previous_until,
    generation, last_address, last_seen, creator, created, updated, deleted, content)
FROM devices WHERE place > ? ORDER BY place LIMIT ?;
