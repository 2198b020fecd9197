-- How often the store was adopted: a refresh token from before the last time may have been spent elsewhere.
ALTER TABLE store ADD COLUMN adoptions INTEGER NOT NULL DEFAULT 0;
