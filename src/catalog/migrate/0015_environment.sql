-- In the catalog of an environment: what it is, and of which mesh. In that of the mesh there is no row.
CREATE TABLE environment (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    name TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    mesh_version INTEGER NOT NULL, -- of the mesh that this catalog was copied of; 0: it is to be made anew
    problem TEXT                   -- why its files do not fit that mesh; NULL: they do
) STRICT;

-- Files that it has otherwise than the mesh.
CREATE TABLE environment_file (
    path TEXT PRIMARY KEY,
    text TEXT,   -- NULL: it has no such file
    base TEXT,   -- SHA-256 of what the mesh had when it was applied; NULL: nothing
    changed_by TEXT NOT NULL,
    changed_us INTEGER NOT NULL
) STRICT;

-- Releases that were made in it.
CREATE TABLE environment_release (
    release_id INTEGER PRIMARY KEY REFERENCES "release" ON DELETE CASCADE,
    base INTEGER NOT NULL, -- number of the release of the mesh that it follows; 0: none
    seen TEXT              -- digest of what its product could see of its inputs; NULL: it was not made by a run
) STRICT;

-- In the catalog of the mesh: up to which row it has the audit of an environment.
CREATE TABLE environment_audit (
    name TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
