-- How often a message was replayed to a webhook: a delivery that was under way meanwhile settles nothing.
ALTER TABLE webhook_deliveries ADD COLUMN replays INTEGER NOT NULL DEFAULT 0;
