-- Rows that a run diverted, in files of their own. They are kept until they are dropped, replayed or made anew.
CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    product_id INTEGER NOT NULL REFERENCES product,
    table_id INTEGER NOT NULL REFERENCES table_,
    run_id TEXT NOT NULL REFERENCES run (id),
    release INTEGER NOT NULL, -- that the run published
    diverted_us INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    sql_digest TEXT NOT NULL -- of the texts that made the rows
) STRICT;
CREATE INDEX quarantine_product ON quarantine (product_id, table_id);
CREATE INDEX quarantine_file ON quarantine (sha256);
CREATE TABLE quarantine_rule (
    quarantine_id INTEGER NOT NULL REFERENCES quarantine ON DELETE CASCADE,
    rule_id TEXT NOT NULL,
    demand TEXT NOT NULL,
    rows INTEGER NOT NULL
) STRICT;
CREATE INDEX quarantine_rule_of ON quarantine_rule (quarantine_id);
-- Columns of the file, and the labels that they had then.
CREATE TABLE quarantine_column (
    quarantine_id INTEGER NOT NULL REFERENCES quarantine ON DELETE CASCADE,
    column_id INTEGER NOT NULL,
    is_of_rule INTEGER NOT NULL -- a rule that diverted rows reads it
) STRICT;
CREATE INDEX quarantine_column_of ON quarantine_column (quarantine_id);
CREATE TABLE quarantine_label (
    quarantine_id INTEGER NOT NULL REFERENCES quarantine ON DELETE CASCADE,
    column_id INTEGER NOT NULL,
    is_tag INTEGER NOT NULL,
    label TEXT NOT NULL
) STRICT;
CREATE INDEX quarantine_label_of ON quarantine_label (quarantine_id);
-- The texts that made the rows of a release: what is brought back to them must have been made by the same.
ALTER TABLE release ADD COLUMN sql_digest TEXT;
ALTER TABLE check_result ADD COLUMN rows_quarantined INTEGER; -- NULL: the rule diverts no rows
