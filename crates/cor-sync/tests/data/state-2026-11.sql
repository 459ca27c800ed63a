-- A state file of the build before `projects.cor_id`, as `sqlite3 sync.db .dump` prints it; the pragmas are those of the file.
-- Three projects of SAP under one mapping and two under another, one of JIRA, one update and one single call without a result,
-- one refusal.
PRAGMA application_id = 1129271897;
PRAGMA user_version = 1;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE scopes (
        scope INTEGER PRIMARY KEY,
        base_url TEXT NOT NULL,
        source TEXT NOT NULL,
        mapping TEXT NOT NULL,
        UNIQUE (base_url, source, mapping)
    ) STRICT;
INSERT INTO scopes VALUES(1,'https://example.com','SAP','m');
INSERT INTO scopes VALUES(2,'https://example.com','SAP','other');
INSERT INTO scopes VALUES(3,'https://example.com','JIRA','m');
CREATE TABLE runs (
        run INTEGER PRIMARY KEY AUTOINCREMENT,
        sent_upto INTEGER NOT NULL
    ) STRICT;
INSERT INTO runs VALUES(4,0);
CREATE TABLE projects (
        number INTEGER PRIMARY KEY,
        scope INTEGER NOT NULL,
        id TEXT NOT NULL,
        accepted TEXT,
        accepted_at INTEGER,
        pending TEXT,
        run INTEGER,
        place INTEGER,
        UNIQUE (scope, id)
    ) STRICT;
INSERT INTO projects VALUES(1,1,'P-0','{"name":"name 0","estimated_time":0}',1796036876,NULL,NULL,NULL);
INSERT INTO projects VALUES(2,1,'P-1','{"name":"name 1","estimated_time":1}',1796036876,NULL,NULL,NULL);
INSERT INTO projects VALUES(3,1,'P-2','{"name":"name 2","estimated_time":2}',1796036876,NULL,NULL,NULL);
INSERT INTO projects VALUES(4,2,'P-0','{"name":"name 0","estimated_time":0}',1796036876,NULL,NULL,NULL);
INSERT INTO projects VALUES(5,2,'P-3','{"name":"name 1","estimated_time":1}',1796036876,NULL,NULL,NULL);
INSERT INTO projects VALUES(6,3,'P-1','{"name":"name 0","estimated_time":0}',1796036876,NULL,NULL,NULL);
INSERT INTO projects VALUES(7,3,'P-2',NULL,NULL,'{"name":"lost 0","estimated_time":0}',4,0);
CREATE TABLE calls (
        call INTEGER PRIMARY KEY AUTOINCREMENT,
        base_url TEXT NOT NULL,
        source TEXT NOT NULL,
        id TEXT NOT NULL,
        change TEXT NOT NULL,
        fields TEXT NOT NULL,
        begun_at INTEGER NOT NULL,
        is_finished INTEGER NOT NULL,
        is_in_doubt INTEGER NOT NULL
    ) STRICT;
INSERT INTO calls VALUES(1,'https://example.com','SAP','P-2','update','{"name":"by hand"}',1796036876,0,0);
CREATE TABLE watermarks (
        run INTEGER PRIMARY KEY,
        boot TEXT NOT NULL,
        sent_upto INTEGER NOT NULL
    ) STRICT;
INSERT INTO watermarks VALUES(4,'00000000-0000-4000-8000-000000000000',0);
CREATE TABLE sandboxes (
        base_url TEXT PRIMARY KEY,
        store TEXT NOT NULL
    ) STRICT;
CREATE TABLE refusals (
        base_url TEXT NOT NULL,
        source TEXT NOT NULL,
        id TEXT NOT NULL,
        refused_at INTEGER NOT NULL,
        reason TEXT NOT NULL,
        PRIMARY KEY (base_url, source, id)
    ) STRICT, WITHOUT ROWID;
INSERT INTO refusals VALUES('https://example.com','SAP','unknown',1796036876,'COR has no such project (ZC001, HTTP 404); not applied');
INSERT INTO sqlite_sequence VALUES('runs',4);
INSERT INTO sqlite_sequence VALUES('calls',1);
CREATE INDEX pending ON projects (run, place) WHERE pending IS NOT NULL;
COMMIT;
