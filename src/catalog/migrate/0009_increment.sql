-- Releases that name files of earlier ones, without some of their rows.
ALTER TABLE release_file ADD COLUMN deleted_rows INTEGER NOT NULL DEFAULT 0; -- that `deletions` names
CREATE INDEX release_file_deletions ON release_file (deletions) WHERE deletions IS NOT NULL;
-- What the rows of a release hang on beside those of its inputs: while it is the same they can be added to.
ALTER TABLE release ADD COLUMN basis TEXT;
