-- Access as an agreement: who asks for what, and each step of it. Rows stay when it has ended.
CREATE TABLE access_request (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    product TEXT NOT NULL,    -- domain.product
    table_name TEXT NOT NULL, -- empty: all tables of the contract
    contract TEXT NOT NULL,
    role TEXT NOT NULL,       -- of the contract; empty where it has none
    taker_kind TEXT NOT NULL CHECK (taker_kind IN ('user', 'group', 'product')),
    taker TEXT NOT NULL,
    until_us INTEGER NOT NULL,
    reason TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('requested', 'approved_first', 'approved', 'denied', 'withdrawn', 'revoked',
                                         'expired', 'renewed')),
    requested_by TEXT NOT NULL,
    requested_us INTEGER NOT NULL,
    changed_us INTEGER NOT NULL, -- time of the last step
    previous INTEGER REFERENCES access_request -- which this one renews
) STRICT;
-- Those that can still end by time.
CREATE INDEX access_request_live ON access_request (until_us)
    WHERE state IN ('requested', 'approved_first', 'approved');
CREATE INDEX access_request_taker ON access_request (taker_kind, taker, product);

CREATE TABLE access_purpose (
    request INTEGER NOT NULL REFERENCES access_request,
    purpose TEXT NOT NULL,
    PRIMARY KEY (request, purpose)
) STRICT, WITHOUT ROWID;

CREATE TABLE access_step (
    request INTEGER NOT NULL REFERENCES access_request,
    number INTEGER NOT NULL, -- from 1, in order
    step TEXT NOT NULL,
    level INTEGER NOT NULL, -- of an approval: 1 or 2; else 0
    actor TEXT NOT NULL,
    on_behalf TEXT NOT NULL,
    reason TEXT NOT NULL,
    time_us INTEGER NOT NULL,
    state TEXT NOT NULL, -- after it
    PRIMARY KEY (request, number)
) STRICT, WITHOUT ROWID;
