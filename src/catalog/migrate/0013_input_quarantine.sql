-- Rows of sources are diverted too. Their tables are rows of table_ that are removed from the start, since no release has them: `name` is
-- that of the source's table, and the type of a column stands in `odcs_id`, since another type makes it another column.
ALTER TABLE table_ ADD COLUMN input_port TEXT; -- NULL: a table of releases
CREATE UNIQUE INDEX table_input ON table_ (product_id, input_port, name) WHERE input_port IS NOT NULL;

-- What became of the columns of such rows in the release: who does not see that does not see them.
CREATE TABLE quarantine_flow (
    quarantine_id INTEGER NOT NULL REFERENCES quarantine ON DELETE CASCADE,
    column_id INTEGER NOT NULL,
    output_table_id INTEGER NOT NULL,
    output_column_id INTEGER NOT NULL
) STRICT;
CREATE INDEX quarantine_flow_of ON quarantine_flow (quarantine_id);

-- Rows that a candidate diverted wait with it, and go with it. `replaces`: what is left of these rows, of which it read some again.
ALTER TABLE quarantine ADD COLUMN candidate_id INTEGER REFERENCES candidate ON DELETE CASCADE;
ALTER TABLE quarantine ADD COLUMN replaces INTEGER;
CREATE INDEX quarantine_candidate ON quarantine (candidate_id) WHERE candidate_id IS NOT NULL;
-- Rows that leave the quarantine when it is published.
CREATE TABLE quarantine_ending (
    quarantine_id INTEGER PRIMARY KEY REFERENCES quarantine ON DELETE CASCADE,
    candidate_id INTEGER NOT NULL REFERENCES candidate ON DELETE CASCADE
) STRICT;
