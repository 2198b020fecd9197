-- Times are milliseconds since 1970, ids 16 bytes, `record` JSON without secrets. `change` is the number of the
-- last change that others have to know of: it only grows, so that they find what is new by an index.
CREATE TABLE store (
    only        INTEGER PRIMARY KEY CHECK (only = 1),
    id          TEXT    NOT NULL,
    epoch       TEXT    NOT NULL,
    change      INTEGER NOT NULL,
    quarantine  TEXT,
    probe       BLOB    NOT NULL                -- a sealed value that only the right keys open
) STRICT;

CREATE TABLE clients (
    namespace   TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    removed     INTEGER NOT NULL,
    change      INTEGER NOT NULL,
    record      TEXT    NOT NULL,
    secret      BLOB,
    PRIMARY KEY (namespace, name)
) STRICT;

CREATE TABLE grants (
    id          BLOB    NOT NULL PRIMARY KEY,
    namespace   TEXT    NOT NULL,
    client      TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    subject     TEXT,
    external_id TEXT,
    removed     INTEGER NOT NULL,
    next_due_at INTEGER,
    change      INTEGER NOT NULL,
    written     INTEGER NOT NULL,               -- the number of the last change of anything in the row
    fingerprint BLOB,                           -- keyed, of the refresh token
    record      TEXT    NOT NULL,
    credential  BLOB,
    predecessor BLOB,
    access      BLOB,
    spares      BLOB
) STRICT;
CREATE INDEX grants_due ON grants (next_due_at, id) WHERE next_due_at IS NOT NULL;
CREATE INDEX grants_changed ON grants (change, id);
CREATE INDEX grants_listed ON grants (namespace, id) WHERE removed = 0;
CREATE INDEX grants_of_account ON grants (namespace, client, subject) WHERE subject IS NOT NULL AND removed = 0;
CREATE INDEX grants_of_person ON grants (namespace, external_id, id) WHERE external_id IS NOT NULL AND removed = 0;
CREATE INDEX grants_degraded ON grants (namespace, client) WHERE state = 'degraded';
CREATE INDEX grants_held ON grants (fingerprint) WHERE fingerprint IS NOT NULL;

CREATE TABLE labels (
    namespace   TEXT    NOT NULL,
    label       TEXT    NOT NULL,
    value       TEXT    NOT NULL,
    grant_id    BLOB    NOT NULL,
    PRIMARY KEY (namespace, label, value, grant_id)
) STRICT, WITHOUT ROWID;

-- Every attempt has a lease of its own, so its fence names it within its grant.
CREATE TABLE attempts (
    grant_id    BLOB    NOT NULL,
    generation  INTEGER NOT NULL,
    fence       INTEGER NOT NULL,
    id          BLOB    NOT NULL,
    open        INTEGER NOT NULL,
    record      TEXT    NOT NULL,
    PRIMARY KEY (grant_id, generation, fence)
) STRICT, WITHOUT ROWID;
CREATE INDEX attempts_open ON attempts (grant_id) WHERE open = 1;

CREATE TABLE authorizations (
    id          BLOB    NOT NULL PRIMARY KEY,
    grant_id    BLOB,
    open        INTEGER NOT NULL,
    fingerprint BLOB,                           -- keyed, of the state
    record      TEXT    NOT NULL,
    state       BLOB,
    verifier    BLOB
) STRICT;
CREATE INDEX authorizations_of_state ON authorizations (fingerprint) WHERE fingerprint IS NOT NULL;
CREATE INDEX authorizations_open ON authorizations (grant_id) WHERE open = 1;

CREATE TABLE events (
    number      INTEGER PRIMARY KEY,            -- the newest is never deleted, so none is given twice
    namespace   TEXT    NOT NULL,
    grant_id    BLOB,
    record      TEXT    NOT NULL
) STRICT;
CREATE INDEX events_of_grant ON events (grant_id, number) WHERE grant_id IS NOT NULL;
CREATE INDEX events_of_namespace ON events (namespace, number);
