PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE adjustments (
    id INTEGER PRIMARY KEY, learner NOT NULL, exercise NOT NULL, attempt INTEGER NOT NULL, kind TEXT NOT NULL,
    task TEXT NOT NULL, points REAL, comment TEXT NOT NULL, by TEXT NOT NULL, at TEXT NOT NULL
);
INSERT INTO "adjustments" VALUES(1,'ada','05_variational_autoencoder',2,'manual','f',2.5,'read again','grace','2026-01-03T00:00:00+00:00');
INSERT INTO "adjustments" VALUES(2,'ada','05_variational_autoencoder',2,'late','',0.5,'1 day late','grace','2026-01-03T00:00:00+00:00');
INSERT INTO "adjustments" VALUES(3,'ada','05_variational_autoencoder',2,'comment','',0.0,'see me','grace','2026-01-03T00:00:00+00:00');
CREATE TABLE handed_in (
    id INTEGER PRIMARY KEY, learner NOT NULL, place NOT NULL, content TEXT NOT NULL, attempt INTEGER NOT NULL,
    submitted TEXT NOT NULL, run INTEGER REFERENCES runs, stale INTEGER NOT NULL DEFAULT 1, at TEXT NOT NULL
);
INSERT INTO "handed_in" VALUES(1,'ada','05_variational_autoencoder','c1',1,'2026-01-02T03:04:05+00:00',1,1,'2026-11-26T11:40:57+00:00');
INSERT INTO "handed_in" VALUES(2,'ada','05_variational_autoencoder','c2',2,'2026-01-02T03:04:05+00:00',2,1,'2026-11-26T11:40:57+00:00');
INSERT INTO "handed_in" VALUES(3,'bob','','c1',1,'2026-01-02T03:04:05+00:00',3,1,'2026-11-26T11:40:57+00:00');
INSERT INTO "handed_in" VALUES(4,X'61EDB3BF','05_variational_autoencoder','c1',1,'2026-01-02T03:04:05+00:00',4,1,'2026-11-26T11:40:57+00:00');
INSERT INTO "handed_in" VALUES(5,'eve','05_variational_autoencoder','c1',1,'2026-01-02T03:04:05+00:00',5,1,'2026-11-26T11:40:57+00:00');
INSERT INTO "handed_in" VALUES(6,'cy','05_variational_autoencoder','c1',1,'',NULL,1,'2026-11-26T11:40:57+00:00');
INSERT INTO "handed_in" VALUES(7,'dan','05_variational_autoencoder','c1',1,'',NULL,1,'2026-11-26T11:40:57+00:00');
CREATE TABLE lease (
    only INTEGER PRIMARY KEY CHECK (only = 1), id TEXT NOT NULL, host TEXT NOT NULL, pid INTEGER NOT NULL,
    born REAL NOT NULL, expires REAL NOT NULL
);
INSERT INTO "lease" VALUES(1,'0e6db2e4be45647f','a-host',6119,1795693255.06,1.79569385729799485202e+09);
CREATE TABLE runs (
    id INTEGER PRIMARY KEY, learner NOT NULL, place NOT NULL, content TEXT NOT NULL,
    settings TEXT NOT NULL REFERENCES settings,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed')), lease TEXT, expires REAL,
    reason TEXT NOT NULL DEFAULT '', exercise, result TEXT, answers TEXT, at TEXT NOT NULL
);
INSERT INTO "runs" VALUES(1,'ada','05_variational_autoencoder','c1','196ed92553c6d378','done',NULL,NULL,'','05_variational_autoencoder','{"learner": "ada", "exercise": "05_variational_autoencoder", "status": "graded", "verdicts": [{"task": "f", "points": 1, "max_points": 3, "verdict": "right", "message": ""}, {"task": "g", "points": 1, "max_points": 1, "verdict": "right", "message": "line\nbreak"}], "seconds": 1.25, "reason": "", "notes": ["a note"], "sandbox": "bubblewrap", "cells": [["f", 0.5]]}','{"f": "def f(): pass"}','2026-11-26T11:40:57+00:00');
INSERT INTO "runs" VALUES(2,'ada','05_variational_autoencoder','c2','196ed92553c6d378','done',NULL,NULL,'','05_variational_autoencoder','{"learner": "ada", "exercise": "05_variational_autoencoder", "status": "graded", "verdicts": [{"task": "f", "points": 2, "max_points": 3, "verdict": "right", "message": ""}, {"task": "g", "points": 1, "max_points": 1, "verdict": "right", "message": "line\nbreak"}], "seconds": 1.25, "reason": "", "notes": ["a note"], "sandbox": "bubblewrap", "cells": [["f", 0.5]]}','{"f": "def f(): pass"}','2026-11-26T11:40:57+00:00');
INSERT INTO "runs" VALUES(3,'bob','','c1','196ed92553c6d378','done',NULL,NULL,'','05_variational_autoencoder','{"learner": "bob", "exercise": "05_variational_autoencoder", "status": "graded", "verdicts": [{"task": "f", "points": 3, "max_points": 3, "verdict": "right", "message": ""}, {"task": "g", "points": 1, "max_points": 1, "verdict": "right", "message": "line\nbreak"}], "seconds": 1.25, "reason": "", "notes": ["a note"], "sandbox": "bubblewrap", "cells": [["f", 0.5]]}','{"f": "def f(): pass"}','2026-11-26T11:40:57+00:00');
INSERT INTO "runs" VALUES(4,X'61EDB3BF','05_variational_autoencoder','c1','196ed92553c6d378','done',NULL,NULL,'','05_variational_autoencoder','{"learner": "a\udcff", "exercise": "05_variational_autoencoder", "status": "graded", "verdicts": [{"task": "f", "points": 0.5, "max_points": 3, "verdict": "right", "message": ""}, {"task": "g", "points": 1, "max_points": 1, "verdict": "right", "message": "line\nbreak"}], "seconds": 1.25, "reason": "", "notes": ["a note"], "sandbox": "bubblewrap", "cells": [["f", 0.5]]}','{"f": "def f(): pass"}','2026-11-26T11:40:57+00:00');
INSERT INTO "runs" VALUES(5,'eve','05_variational_autoencoder','c1','196ed92553c6d378','failed',NULL,NULL,'','05_variational_autoencoder','{"learner": "eve", "exercise": "05_variational_autoencoder", "status": "failed", "verdicts": [{"task": "f", "points": 0, "max_points": 3, "verdict": "right", "message": ""}, {"task": "g", "points": 1, "max_points": 1, "verdict": "right", "message": "line\nbreak"}], "seconds": 1.25, "reason": "", "notes": ["a note"], "sandbox": "bubblewrap", "cells": [["f", 0.5]]}','{"f": "def f(): pass"}','2026-11-26T11:40:57+00:00');
INSERT INTO "runs" VALUES(6,'cy','05_variational_autoencoder','c1','196ed92553c6d378','running','0e6db2e4be45647f',1.79569385729782509805e+09,'',NULL,NULL,NULL,'2026-11-26T11:40:57+00:00');
INSERT INTO "runs" VALUES(7,'dan','05_variational_autoencoder','c1','196ed92553c6d378','queued',NULL,NULL,'',NULL,NULL,NULL,'2026-11-26T11:40:57+00:00');
CREATE TABLE settings (id TEXT PRIMARY KEY, described TEXT NOT NULL);
INSERT INTO "settings" VALUES('196ed92553c6d378','{"grader": "1", "secret": "a"}');
CREATE INDEX runs_by_key ON runs (learner, place, content, settings);
CREATE INDEX handed_in_by_learner ON handed_in (learner, place);
CREATE INDEX handed_in_stale ON handed_in (stale) WHERE stale;
CREATE INDEX adjustments_by_learner ON adjustments (learner, exercise);
COMMIT;
