-- The catalog. Order is by sequence, never by clock; times are microseconds since 1970 UTC; flags are 0 or 1.

-- Texts by what they hold: of the active files and of plans.
CREATE TABLE content (
    sha256 TEXT PRIMARY KEY,
    text TEXT NOT NULL
) STRICT;

-- The active files, from which the model is compiled at every start.
CREATE TABLE document (
    path TEXT PRIMARY KEY,
    sha256 TEXT NOT NULL REFERENCES content
) STRICT;
CREATE INDEX document_content ON document (sha256);

CREATE TABLE mesh_state (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    mesh_version INTEGER NOT NULL,
    policy_version INTEGER NOT NULL,
    image_version INTEGER NOT NULL
) STRICT;
INSERT INTO mesh_state VALUES (1, 0, 0, 1);

-- Names and their ids. Rows are marked as removed and stay, so that no id ever means two things.
CREATE TABLE domain (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    removed INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE product (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    domain_id INTEGER NOT NULL REFERENCES domain,
    address TEXT NOT NULL UNIQUE,
    release INTEGER NOT NULL DEFAULT 0,      -- the current one; 0: none
    last_release INTEGER NOT NULL DEFAULT 0, -- numbers go on from here
    changed_version INTEGER NOT NULL,        -- image version of its last change
    removed INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE table_ (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    product_id INTEGER NOT NULL REFERENCES product,
    odcs_id TEXT,
    name TEXT NOT NULL,
    removed INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX table_name ON table_ (product_id, name) WHERE removed = 0;

CREATE TABLE column_ (
    table_id INTEGER NOT NULL REFERENCES table_,
    id INTEGER NOT NULL,
    odcs_id TEXT,
    name TEXT NOT NULL,
    removed INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (table_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX column_name ON column_ (table_id, name) WHERE removed = 0;

-- Identities: those of mesh.yaml and local ones, side by side. A row stays when its user goes.
CREATE TABLE user (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    is_of_mesh INTEGER NOT NULL DEFAULT 0,
    is_local INTEGER NOT NULL DEFAULT 0,
    attributes TEXT NOT NULL DEFAULT '{}',
    version INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE TABLE membership (
    user_id INTEGER NOT NULL REFERENCES user,
    group_name TEXT NOT NULL,
    is_local INTEGER NOT NULL,
    PRIMARY KEY (user_id, group_name, is_local)
) STRICT, WITHOUT ROWID;

CREATE TABLE token (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES user,
    sha256 TEXT NOT NULL UNIQUE,
    finder TEXT NOT NULL, -- the first digits of sha256: looked up, while the whole is compared in constant time
    label TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    expires_us INTEGER NOT NULL,
    revoked_us INTEGER
) STRICT;
CREATE INDEX token_finder ON token (finder);
CREATE INDEX token_user ON token (user_id);

CREATE TABLE plan (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    base_version INTEGER NOT NULL,
    domain TEXT,
    digest TEXT NOT NULL,
    summary TEXT NOT NULL,
    actor TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    applied_version INTEGER
) STRICT;

CREATE TABLE plan_document (
    plan INTEGER NOT NULL REFERENCES plan ON DELETE CASCADE,
    path TEXT NOT NULL,
    sha256 TEXT NOT NULL REFERENCES content,
    PRIMARY KEY (plan, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX plan_document_content ON plan_document (sha256);

CREATE TABLE job (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    input TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    requested_by TEXT NOT NULL,
    requested_us INTEGER NOT NULL,
    started_us INTEGER,
    ended_us INTEGER,
    progress TEXT,
    result TEXT,
    cancel_requested INTEGER NOT NULL DEFAULT 0
) STRICT;
-- A second job for a subject joins the queue once, and runs after the first.
CREATE UNIQUE INDEX job_queued ON job (kind, subject) WHERE state = 'queued';
CREATE UNIQUE INDEX job_running ON job (kind, subject) WHERE state = 'running';

CREATE TABLE run (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    product_id INTEGER NOT NULL REFERENCES product,
    state TEXT NOT NULL CHECK (state IN ('queued', 'started', 'extracting', 'checking', 'transforming',
                                         'publishing', 'published', 'rejected', 'failed', 'cancelled')),
    step TEXT NOT NULL,
    is_full INTEGER NOT NULL,
    requested_by TEXT NOT NULL,
    job_id TEXT,
    created_us INTEGER NOT NULL,
    started_us INTEGER,
    ended_us INTEGER,
    error TEXT,
    rows INTEGER NOT NULL DEFAULT 0,
    release INTEGER
) STRICT;
CREATE INDEX run_product ON run (product_id, sequence);
CREATE INDEX run_unfinished ON run (state) WHERE ended_us IS NULL;

CREATE TABLE check_result (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL REFERENCES run (id),
    table_id INTEGER REFERENCES table_,
    table_name TEXT NOT NULL,
    rule_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    column_name TEXT,
    dimension TEXT,
    verdict TEXT NOT NULL CHECK (verdict IN ('pass', 'fail', 'error', 'not executable')),
    is_input INTEGER NOT NULL,
    rejects INTEGER NOT NULL,
    expected TEXT,
    found TEXT,
    message TEXT,
    rows_total INTEGER,
    rows_failed INTEGER
) STRICT;
CREATE INDEX check_result_run ON check_result (run_id);

-- Files are immutable, named by content, and belong to no release.
CREATE TABLE file (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    sha256 TEXT NOT NULL UNIQUE,
    bytes INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    columns TEXT NOT NULL -- ids, separated by commas
) STRICT;

CREATE TABLE file_fact (
    file_id INTEGER NOT NULL REFERENCES file ON DELETE CASCADE,
    column_id INTEGER NOT NULL,
    low TEXT,
    high TEXT,
    nulls INTEGER NOT NULL,
    distinct_values TEXT, -- all of them where they are few, each behind its length and a colon: exact, whatever they hold
    PRIMARY KEY (file_id, column_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE release (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    product_id INTEGER NOT NULL REFERENCES product,
    number INTEGER NOT NULL,
    run_id TEXT NOT NULL,
    published_us INTEGER NOT NULL,
    contracts TEXT NOT NULL,
    compiled_digest TEXT NOT NULL,
    is_kept INTEGER NOT NULL DEFAULT 1, -- 0: the manifest is gone, the row tells that it was
    tables INTEGER NOT NULL,
    files INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    UNIQUE (product_id, number)
) STRICT;

CREATE TABLE release_table (
    release_id INTEGER NOT NULL REFERENCES release,
    table_id INTEGER NOT NULL REFERENCES table_,
    name TEXT NOT NULL,
    contract_id TEXT,
    rows INTEGER NOT NULL,
    PRIMARY KEY (release_id, table_id)
) STRICT, WITHOUT ROWID;

-- Names, types and labels as they were: past data is read by them.
CREATE TABLE release_column (
    release_id INTEGER NOT NULL,
    table_id INTEGER NOT NULL,
    column_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    classification TEXT,
    tags TEXT, -- each behind its length and a colon
    PRIMARY KEY (release_id, table_id, column_id),
    FOREIGN KEY (release_id, table_id) REFERENCES release_table ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE release_file (
    release_id INTEGER NOT NULL,
    table_id INTEGER NOT NULL,
    part INTEGER NOT NULL,
    file_id INTEGER NOT NULL REFERENCES file,
    deletions TEXT, -- digest of deleted rows
    PRIMARY KEY (release_id, table_id, part),
    FOREIGN KEY (release_id, table_id) REFERENCES release_table ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX release_file_file ON release_file (file_id);

CREATE TABLE release_input (
    release_id INTEGER NOT NULL REFERENCES release,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    producer_id INTEGER REFERENCES product,
    producer_release INTEGER,
    description TEXT,
    PRIMARY KEY (release_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX release_input_producer ON release_input (producer_id);

CREATE TABLE outbox (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    subject TEXT NOT NULL,
    payload TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    sent_us INTEGER
) STRICT;
CREATE INDEX outbox_waiting ON outbox (sequence) WHERE sent_us IS NULL;

-- Who did what. Each row holds the hash of the one before it; sequences have no gaps.
CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY,
    time_us INTEGER NOT NULL,
    actor TEXT NOT NULL,
    on_behalf TEXT NOT NULL,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    outcome TEXT NOT NULL,
    detail TEXT NOT NULL,
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;
CREATE INDEX audit_actor ON audit (actor, sequence);
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN
    SELECT RAISE(ABORT, 'audit rows are never changed');
END;
CREATE TRIGGER audit_is_not_removed BEFORE DELETE ON audit BEGIN
    SELECT RAISE(ABORT, 'audit rows are never removed');
END;

CREATE TABLE query (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    time_us INTEGER NOT NULL,
    actor TEXT NOT NULL,
    on_behalf TEXT NOT NULL,
    purpose TEXT NOT NULL,
    text TEXT NOT NULL,
    digest TEXT NOT NULL,
    policy_version INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    error TEXT,
    rows INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    duration_us INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX query_actor ON query (actor, sequence);
CREATE INDEX query_running ON query (sequence) WHERE outcome = 'running';

-- What the server linked for it: a fact.
CREATE TABLE query_table (
    query INTEGER NOT NULL REFERENCES query ON DELETE CASCADE,
    position INTEGER NOT NULL,
    table_id INTEGER,
    address TEXT NOT NULL,
    release INTEGER NOT NULL,
    class_id TEXT,
    files TEXT NOT NULL, -- JSON list
    PRIMARY KEY (query, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX query_table_table ON query_table (table_id, query);

-- Which columns its text reads.
CREATE TABLE query_column (
    query INTEGER NOT NULL,
    position INTEGER NOT NULL, -- of its table
    name TEXT NOT NULL, -- the key's columns come first: SQLite 3.40 checks them in that order
    table_id INTEGER,
    release INTEGER NOT NULL,
    column_id INTEGER,
    PRIMARY KEY (query, position, name),
    FOREIGN KEY (query, position) REFERENCES query_table ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX query_column_column ON query_column (table_id, column_id, query);
