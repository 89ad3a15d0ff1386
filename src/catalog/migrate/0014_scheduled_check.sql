-- Each time that a rule with a schedule was asked of a release: by the run that made it, or between runs. The last row of a rule is its
-- verdict until it is due again.
CREATE TABLE scheduled_check (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    product_id INTEGER NOT NULL REFERENCES product,
    table_id INTEGER REFERENCES table_, -- NULL: of a source
    table_name TEXT NOT NULL,
    rule_id TEXT NOT NULL,
    rule_digest TEXT NOT NULL,          -- of all that the rule says
    run_id TEXT REFERENCES run (id),    -- NULL: between runs
    release INTEGER NOT NULL,
    checked_us INTEGER NOT NULL,
    verdict TEXT NOT NULL CHECK (verdict IN ('pass', 'fail', 'error', 'not executable')),
    expected TEXT,
    found TEXT,
    message TEXT,
    rows_total INTEGER,
    rows_failed INTEGER
) STRICT;
CREATE INDEX scheduled_check_rule ON scheduled_check (product_id, table_name, rule_id, id);

-- A rule that was not due has the verdict of an earlier time; NULL: it was asked by this run.
ALTER TABLE check_result ADD COLUMN checked_us INTEGER;
