-- Registered devices: scanners that prove with a token who they are. Of tokens there is only their SHA-256.

CREATE TABLE devices (
    place           INTEGER PRIMARY KEY,                      -- order of creation
    id              TEXT NOT NULL UNIQUE CHECK (id <> ''),
    name            TEXT NOT NULL CHECK (name <> ''),
    description     TEXT NOT NULL,
    token_sha256    TEXT CHECK (length(token_sha256) = 64),   -- NULL: it was revoked
    previous_sha256 TEXT CHECK (length(previous_sha256) = 64),
    previous_until  REAL,                                     -- until when the token before works
    generation      INTEGER NOT NULL CHECK (generation >= 0), -- how often it has connected
    last_address    TEXT,
    last_seen       REAL,                                     -- seconds since 1970-01-01 UTC
    creator         TEXT NOT NULL,
    created         REAL NOT NULL,
    updated         REAL,                                     -- NULL: as it was made
    deleted         REAL,                                     -- NULL: it is there
    content         TEXT NOT NULL,                            -- JSON
    checksum        INTEGER NOT NULL,
    CHECK ((previous_sha256 IS NULL) = (previous_until IS NULL)),
    CHECK (token_sha256 IS NOT NULL OR previous_sha256 IS NULL),
    CHECK (deleted IS NULL OR token_sha256 IS NULL)
) STRICT;

CREATE INDEX devices_in_order ON devices (place) WHERE deleted IS NULL;

CREATE TRIGGER devices_go_forward BEFORE UPDATE ON devices
WHEN OLD.deleted IS NOT NULL OR NEW.generation < OLD.generation OR NEW.place <> OLD.place OR NEW.id <> OLD.id
    OR NEW.creator <> OLD.creator OR NEW.created <> OLD.created
BEGIN SELECT RAISE(ABORT, 'the generation of a device never goes back, and a deleted one never changes'); END;

CREATE TRIGGER devices_stay BEFORE DELETE ON devices
BEGIN SELECT RAISE(ABORT, 'a device is marked as deleted, so that its id is never given again'); END;
