-- API keys by their SHA-256; the keys themselves are not kept.
CREATE TABLE keys (
    hash BLOB PRIMARY KEY,
    tenant TEXT NOT NULL,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT, WITHOUT ROWID;
