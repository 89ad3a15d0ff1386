-- Who is entitled to which values: rows of published tables that filters name, written with the release that holds them.
CREATE TABLE entitlement_set (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    table_address TEXT NOT NULL,
    user_column TEXT NOT NULL,
    value_column TEXT NOT NULL,
    release INTEGER NOT NULL,
    UNIQUE (table_address, user_column, value_column)
) STRICT;

CREATE TABLE entitlement (
    set_id INTEGER NOT NULL REFERENCES entitlement_set ON DELETE CASCADE,
    user TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (set_id, user, value)
) STRICT, WITHOUT ROWID;
