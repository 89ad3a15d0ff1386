-- Rows of version 2 bind more: by which door an actor came, and rows of other tables that they vouch for.
ALTER TABLE audit ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE audit ADD COLUMN actor_kind TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN door TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN query INTEGER NOT NULL DEFAULT 0; -- the recorded query that it tells of; 0: none
ALTER TABLE audit ADD COLUMN record TEXT NOT NULL DEFAULT '';  -- digest of that query's rows, as they were then
CREATE INDEX audit_query ON audit (query, sequence) WHERE query <> 0;

ALTER TABLE query ADD COLUMN actor_kind TEXT NOT NULL DEFAULT '';
ALTER TABLE query ADD COLUMN door TEXT NOT NULL DEFAULT '';
ALTER TABLE query_table ADD COLUMN policies TEXT NOT NULL DEFAULT '[]'; -- JSON list of those that decided

-- What the home is, whatever its folder is called, and whether a server has it open.
CREATE TABLE home_state (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL,
    is_open INTEGER NOT NULL
) STRICT;

-- Settings as the last server had them: the next one tells what changed.
CREATE TABLE setting_seen (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
