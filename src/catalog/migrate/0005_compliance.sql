-- What requirements found, for each policy and domain (an empty domain: rows that are of none). A row stands for as long as the finding
-- was the same; the one that still holds is current.
CREATE TABLE compliance (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    policy TEXT NOT NULL,
    domain TEXT NOT NULL,
    is_warning INTEGER NOT NULL,
    violations INTEGER NOT NULL,
    objects INTEGER NOT NULL,
    since_us INTEGER NOT NULL,
    checked_us INTEGER NOT NULL, -- the last time that it was found so
    is_current INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX compliance_current ON compliance (policy, domain) WHERE is_current = 1;

-- Plans of global policies that wait for the guild: they fit as long as the policies are those of then.
CREATE TABLE proposal (
    plan INTEGER PRIMARY KEY REFERENCES plan ON DELETE CASCADE,
    policies TEXT NOT NULL -- digest of the files below policies/
) STRICT;
