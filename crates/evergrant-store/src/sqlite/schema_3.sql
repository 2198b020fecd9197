-- Who may use the store through a server. `access` is the number of the last change of a key or a namespace, so that
-- every process sees it by one look.
ALTER TABLE store ADD COLUMN access INTEGER NOT NULL DEFAULT 0;

CREATE TABLE namespaces (
    name        TEXT    NOT NULL PRIMARY KEY,
    created_at  INTEGER
) STRICT, WITHOUT ROWID;
INSERT INTO namespaces (name) SELECT 'default' UNION SELECT namespace FROM clients UNION SELECT namespace FROM grants;

CREATE TABLE api_keys (
    id           BLOB    NOT NULL PRIMARY KEY,
    digest       BLOB    NOT NULL UNIQUE,       -- SHA-256 of the key: the key itself is nowhere
    name         TEXT    NOT NULL,
    namespace    TEXT,                          -- NULL: every one
    scope        TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    revoked_at   INTEGER,
    last_used_at INTEGER
) STRICT, WITHOUT ROWID;

-- What was answered to requests that are executed once.
CREATE TABLE idempotency (
    namespace   TEXT    NOT NULL,
    name        BLOB    NOT NULL,               -- keyed fingerprint of the caller's name for the request
    request     BLOB    NOT NULL,               -- keyed fingerprint of the request
    answer      BLOB    NOT NULL,               -- sealed: it may hold a link that whoever has it can use
    ends_at     INTEGER NOT NULL,
    PRIMARY KEY (namespace, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_ended ON idempotency (ends_at);

-- The highest number of an event that was forgotten.
ALTER TABLE store ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0;

-- Webhooks: who is told of incidents, what there is to tell, and how far the telling has come.
CREATE TABLE webhooks (
    id          BLOB    NOT NULL PRIMARY KEY,
    namespace   TEXT    NOT NULL,
    record      TEXT    NOT NULL,
    secrets     BLOB    NOT NULL                -- sealed
) STRICT;
CREATE INDEX webhooks_of_namespace ON webhooks (namespace, id);

CREATE TABLE webhook_messages (
    number      INTEGER PRIMARY KEY,
    id          BLOB    NOT NULL UNIQUE,
    namespace   TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    record      TEXT    NOT NULL
) STRICT;
CREATE INDEX webhook_messages_aged ON webhook_messages (created_at);
CREATE INDEX webhook_messages_of_namespace ON webhook_messages (namespace, created_at);

CREATE TABLE webhook_deliveries (
    webhook     BLOB    NOT NULL,
    message     INTEGER NOT NULL,
    subject     TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    attempts    INTEGER NOT NULL,
    tried_at    INTEGER,
    due_at      INTEGER,                        -- NULL unless it is pending
    failure     TEXT,
    PRIMARY KEY (webhook, message)
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_next ON webhook_deliveries (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_in_line ON webhook_deliveries (webhook, subject, message) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_of_message ON webhook_deliveries (message);

CREATE TABLE webhook_incidents (
    subject     TEXT    NOT NULL PRIMARY KEY,
    incident    TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE webhook_outbox (
    only        INTEGER PRIMARY KEY CHECK (only = 1),
    cursor      INTEGER NOT NULL,               -- the number of the last event that was turned into messages
    fence       INTEGER NOT NULL,
    lease       TEXT                            -- of the process that delivers
) STRICT;
INSERT INTO webhook_outbox (only, cursor, fence) VALUES (1, 0, 0);
