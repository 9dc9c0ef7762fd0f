-- What another node is to be told, promised by the transaction that stored the turns. An id is never used
-- twice, so that with the name of the instance it tells one entry from every other.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    turn_ids TEXT NOT NULL,
    carrier TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due_at_millis INTEGER NOT NULL,
    is_dead INTEGER NOT NULL DEFAULT 0,
    last_error TEXT
) STRICT;
CREATE INDEX outbox_by_time ON outbox (is_dead, due_at_millis);

-- What other nodes have told, so that it is stored once.
CREATE TABLE received (
    origin TEXT NOT NULL,
    entry_id INTEGER NOT NULL,
    content_hash BLOB NOT NULL,
    PRIMARY KEY (origin, entry_id)
) STRICT, WITHOUT ROWID;
