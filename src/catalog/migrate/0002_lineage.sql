-- Labels that a column has by lineage, beside those that its contract declares: made anew by every apply.
CREATE TABLE column_label (
    table_id INTEGER NOT NULL REFERENCES table_,
    column_id INTEGER NOT NULL,
    is_tag INTEGER NOT NULL,
    label TEXT NOT NULL,
    origin TEXT NOT NULL,        -- domain.product.table.column, or domain.product:contract.table.column of a source
    origin_domain TEXT NOT NULL, -- whose owners may be excepted
    PRIMARY KEY (table_id, column_id, is_tag, label, origin)
) STRICT, WITHOUT ROWID;

-- The same, as they were when a release was made.
CREATE TABLE release_label (
    release_id INTEGER NOT NULL,
    table_id INTEGER NOT NULL,
    column_id INTEGER NOT NULL,
    is_tag INTEGER NOT NULL,
    label TEXT NOT NULL,
    origin TEXT NOT NULL,
    origin_domain TEXT NOT NULL,
    PRIMARY KEY (release_id, table_id, column_id, is_tag, label, origin),
    FOREIGN KEY (release_id, table_id) REFERENCES release_table ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Where the columns of a release come from: of the text that ran, through internal tables, to tables of input ports.
CREATE TABLE release_edge (
    release_id INTEGER NOT NULL,
    table_id INTEGER NOT NULL,
    column_id INTEGER NOT NULL, -- 0: of the rows, and so of every column
    position INTEGER NOT NULL,
    input_port TEXT NOT NULL,
    input_table TEXT NOT NULL,
    input_column TEXT NOT NULL,
    producer_table_id INTEGER,  -- NULL: a source
    producer_column_id INTEGER,
    kind TEXT NOT NULL,
    carries INTEGER NOT NULL,   -- labels go along
    PRIMARY KEY (release_id, table_id, column_id, position),
    FOREIGN KEY (release_id, table_id) REFERENCES release_table ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX release_edge_producer ON release_edge (producer_table_id, producer_column_id);
