-- A release that waits for its publication has the number 0: no reader can name it, and a product has one at most.
CREATE TABLE candidate (
    release_id INTEGER PRIMARY KEY REFERENCES "release",
    base INTEGER NOT NULL,       -- the release that was current when its run began
    reads TEXT NOT NULL,         -- digest of what its product could see of its inputs then
    requested_by TEXT NOT NULL,
    is_tested INTEGER NOT NULL DEFAULT 0
) STRICT;

-- What became of the products that read it, and of their rules and unit tests, when they were tried over it.
CREATE TABLE candidate_verdict (
    release_id INTEGER NOT NULL REFERENCES candidate ON DELETE CASCADE,
    position INTEGER NOT NULL,
    consumer TEXT NOT NULL, -- domain.product
    kind TEXT NOT NULL CHECK (kind IN ('build', 'check', 'test')),
    name TEXT NOT NULL,
    verdict TEXT NOT NULL CHECK (verdict IN ('pass', 'fail', 'error', 'not executable')),
    blocks INTEGER NOT NULL, -- 1: with it the consumer would get no release
    message TEXT,
    PRIMARY KEY (release_id, position)
) STRICT, WITHOUT ROWID;

-- What such a run made is not published yet: then `state` says so.
ALTER TABLE run ADD COLUMN is_candidate INTEGER NOT NULL DEFAULT 0;
