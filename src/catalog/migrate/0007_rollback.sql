-- A release that is an earlier one again, by a rollback: which.
ALTER TABLE "release" ADD COLUMN restores INTEGER NOT NULL DEFAULT 0;
