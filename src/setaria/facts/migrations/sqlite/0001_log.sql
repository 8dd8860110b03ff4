-- The log of one place. `document` is the JSON array [household, [who, role], amount, body].
-- `chain` stands on the last fact of each batch: BLAKE2b-256 over the chain before it and the batch's facts (chain.py).
CREATE TABLE facts (
    seq       INTEGER PRIMARY KEY,
    id        BLOB    NOT NULL,
    time      INTEGER NOT NULL,
    aggregate TEXT    NOT NULL,
    kind      TEXT    NOT NULL,
    document  BLOB    NOT NULL,
    chain     BLOB
) STRICT;

CREATE UNIQUE INDEX facts_by_id ON facts (id);

-- Where an aggregate's facts lie: a row for each batch that holds some, `seqs` as little-endian 64-bit integers. An index
-- on facts (aggregate, seq) would cost as much as all the rest of a fact; this costs a row where that costs many.
CREATE TABLE places (
    aggregate TEXT    NOT NULL,
    first     INTEGER NOT NULL,
    last      INTEGER NOT NULL,
    seqs      BLOB    NOT NULL,
    PRIMARY KEY (aggregate, first)
) STRICT, WITHOUT ROWID;

-- Where the log stands. `seq` never goes back, also when the newest facts were readings and were dropped; `kept` and
-- `chain` are of the last kept fact: a log that was cut short no longer agrees with them.
CREATE TABLE head (
    seq       INTEGER NOT NULL,
    kept      INTEGER NOT NULL,
    last_id   BLOB    NOT NULL,
    last_time INTEGER NOT NULL,
    chain     BLOB    NOT NULL
) STRICT;

INSERT INTO head VALUES (0, 0, x'', 0, x'');

CREATE TABLE snapshots (
    aggregate TEXT    PRIMARY KEY,
    seq       INTEGER NOT NULL,
    form      TEXT    NOT NULL,
    state     BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

-- `expires` 0 keeps an answer for ever.
CREATE TABLE answers (
    command TEXT    PRIMARY KEY,
    answer  BLOB    NOT NULL,
    expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX answers_by_expiry ON answers (expires) WHERE expires > 0;
