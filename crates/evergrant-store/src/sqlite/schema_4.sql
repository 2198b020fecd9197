-- Which grant an imported refresh token was brought to, also after its rotation: the same file may come again. A grant
-- has a few of them at most.
CREATE TABLE imported (
    grant_id    BLOB    NOT NULL,
    change      INTEGER NOT NULL,               -- the number of the change that brought it
    fingerprint BLOB    NOT NULL,               -- keyed, of the refresh token
    PRIMARY KEY (grant_id, change)
) STRICT, WITHOUT ROWID;
CREATE INDEX imported_known ON imported (fingerprint, change);

-- How many grants there are by state, without removed ones, kept by whoever writes: to count a million takes too long
-- for a number that is asked for every few seconds. A refresh touches neither column.
CREATE TABLE grant_states (
    state       TEXT    NOT NULL PRIMARY KEY,
    grants      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO grant_states (state, grants) SELECT state, count(*) FROM grants WHERE removed = 0 GROUP BY state;

CREATE TRIGGER grants_counted_in AFTER INSERT ON grants WHEN NEW.removed = 0 BEGIN
    INSERT INTO grant_states (state, grants) VALUES (NEW.state, 1)
        ON CONFLICT (state) DO UPDATE SET grants = grants + 1;
END;
CREATE TRIGGER grants_counted_out AFTER DELETE ON grants WHEN OLD.removed = 0 BEGIN
    UPDATE grant_states SET grants = grants - 1 WHERE state = OLD.state;
END;
CREATE TRIGGER grants_counted_over AFTER UPDATE OF state, removed ON grants BEGIN
    UPDATE grant_states SET grants = grants - 1 WHERE state = OLD.state AND OLD.removed = 0;
    INSERT INTO grant_states (state, grants) SELECT NEW.state, 1 WHERE NEW.removed = 0
        ON CONFLICT (state) DO UPDATE SET grants = grants + 1;
END;
