-- How often a message was replayed to a webhook: a delivery that was under way meanwhile settles nothing.
ALTER TABLE webhook_deliveries ADD COLUMN replays INTEGER NOT NULL DEFAULT 0;

-- Counts what was written only to see whether it can be.
ALTER TABLE store ADD COLUMN checked INTEGER NOT NULL DEFAULT 0;
