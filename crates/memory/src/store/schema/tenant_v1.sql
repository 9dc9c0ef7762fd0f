-- What was said, in the order it was learned. Times are RFC 3339, metadata is JSON as it was sent.
CREATE TABLE turns (
    id INTEGER PRIMARY KEY,
    session_id TEXT NOT NULL,
    speaker TEXT NOT NULL,
    text TEXT NOT NULL,
    at TEXT NOT NULL,
    metadata TEXT
) STRICT;
CREATE INDEX turns_by_session ON turns (session_id, id);

-- Full-text indexes without the texts: of each turn, and of each turn with the two before it.
CREATE VIRTUAL TABLE turns_fts USING fts5 (
    text, content = '', contentless_delete = 1,
    tokenize = 'porter unicode61 remove_diacritics 2'
);
CREATE VIRTUAL TABLE windows_fts USING fts5 (
    text, content = '', contentless_delete = 1,
    tokenize = 'porter unicode61 remove_diacritics 2'
);

-- Concepts; `key` is the name in lower case, `mentions` counts turns.
CREATE TABLE entities (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    mentions INTEGER NOT NULL
) STRICT;
CREATE TABLE entity_turns (
    entity_id INTEGER NOT NULL REFERENCES entities (id),
    turn_id INTEGER NOT NULL REFERENCES turns (id),
    PRIMARY KEY (entity_id, turn_id)
) STRICT, WITHOUT ROWID;

-- Concepts of the same turn; each pair is stored in both directions, so that neighbours are one range.
CREATE TABLE attention_links (
    from_id INTEGER NOT NULL REFERENCES entities (id),
    to_id INTEGER NOT NULL REFERENCES entities (id),
    strength INTEGER NOT NULL,
    PRIMARY KEY (from_id, to_id)
) STRICT, WITHOUT ROWID;

-- Words that stood side by side; a concept from the second time on.
CREATE TABLE compound_concepts (
    key TEXT PRIMARY KEY,
    occurrences INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE decisions (
    id INTEGER PRIMARY KEY,
    turn_id INTEGER NOT NULL REFERENCES turns (id),
    text TEXT NOT NULL
) STRICT;
