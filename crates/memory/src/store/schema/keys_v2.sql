-- Keys of other nodes by their SHA-256. `tenants` is a JSON list; NULL means every tenant.
CREATE TABLE peer_keys (
    hash BLOB PRIMARY KEY,
    peer TEXT NOT NULL,
    tenants TEXT,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT, WITHOUT ROWID;
