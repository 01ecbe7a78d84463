"""The tables of an index."""

from __future__ import annotations

import secrets
import sqlite3

SCHEMA = 11
"""Version of the layout below, and of how scenes are read; an index of another version is rebuilt with its ids."""

_VERSION_BITS = 62  # bits of a random initial version; SQLite's integers have 63 for non-negative numbers
_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE unit (unit INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, files TEXT NOT NULL);
CREATE TABLE problem (unit INTEGER NOT NULL, path TEXT NOT NULL, text TEXT NOT NULL);
CREATE TABLE note (unit INTEGER NOT NULL, kind TEXT NOT NULL, path TEXT NOT NULL, text TEXT NOT NULL);
CREATE TABLE given (key TEXT NOT NULL, own TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (key, own)) WITHOUT ROWID;
CREATE TABLE scene (
    scene INTEGER PRIMARY KEY, unit INTEGER NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL,
    acquired INTEGER NOT NULL, footprint BLOB
);
CREATE TABLE feature (scene INTEGER PRIMARY KEY, json TEXT NOT NULL);
CREATE TABLE record (
    scene INTEGER PRIMARY KEY, item_type TEXT NOT NULL, collection TEXT NOT NULL, item TEXT NOT NULL,
    assets TEXT NOT NULL
);
CREATE TABLE product (scene INTEGER NOT NULL, name TEXT NOT NULL, path TEXT NOT NULL, PRIMARY KEY (scene, name))
    WITHOUT ROWID;
CREATE TABLE total (type TEXT PRIMARY KEY, scenes INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE block (block INTEGER PRIMARY KEY, version INTEGER NOT NULL, scenes INTEGER NOT NULL);
CREATE TABLE strip (name TEXT NOT NULL, block INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (name, block))
    WITHOUT ROWID;
CREATE UNIQUE INDEX scene_by_id ON scene (type, id);
CREATE INDEX scene_by_time ON scene (type, acquired, id);
CREATE INDEX scene_by_unit ON scene (unit);
CREATE INDEX problem_by_unit ON problem (unit);
CREATE INDEX note_by_unit ON note (unit);
"""


def create(db: sqlite3.Connection) -> None:
    """Create the tables of an empty index.

    Parameters
    ----------
    db : sqlite3.Connection
        A database without tables, within a transaction.
    """
    for statement in filter(str.strip, _TABLES.split(";")):
        db.execute(statement)
    # A random version, so that results cached from a deleted index are not used for this one.
    db.execute("INSERT INTO meta VALUES ('version', ?), ('complete', 0)", (secrets.randbits(_VERSION_BITS),))
    db.execute(f"PRAGMA user_version = {SCHEMA}")
