-- Products that run by themselves: since when their schedule reads as it does. Times before that are not made up for.
CREATE TABLE product_schedule (
    product_id INTEGER PRIMARY KEY REFERENCES product,
    words TEXT NOT NULL,
    since_us INTEGER NOT NULL
) STRICT;

-- Releases that a run reads, whatever becomes of it: those of one that was published stand beside its release too.
CREATE TABLE run_input (
    run_id TEXT NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    producer_id INTEGER NOT NULL REFERENCES product,
    release INTEGER NOT NULL,
    PRIMARY KEY (run_id, producer_id)
) STRICT, WITHOUT ROWID;

-- It ended with its server, not by what it did or who cancelled it: a time of its schedule is not done with by that.
ALTER TABLE run ADD COLUMN was_cut INTEGER NOT NULL DEFAULT 0;
