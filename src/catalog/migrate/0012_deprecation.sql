-- Since when a major of an output contract has been deprecated, for its readers.
CREATE TABLE deprecation (
    product TEXT NOT NULL, -- domain.product
    contract TEXT NOT NULL, -- its id
    major INTEGER NOT NULL,
    since_us INTEGER NOT NULL,
    PRIMARY KEY (product, contract, major)
) STRICT, WITHOUT ROWID;
INSERT INTO deprecation (product, contract, major, since_us)
    SELECT subject, payload ->> '$.contract', CAST(ltrim(payload ->> '$.version', 'vV') AS INTEGER), min(created_us)
    FROM outbox WHERE type = 'deprecated' GROUP BY 1, 2, 3;
CREATE INDEX outbox_subject ON outbox (type, subject);
