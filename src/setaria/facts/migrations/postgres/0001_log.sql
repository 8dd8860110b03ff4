-- The log of one place, spread over partitions; every key holds `partition`, so that Citus can distribute by it.
-- One table rather than one a partition: measured, partitions gain at most a third under COPY and lose in some runs.

CREATE TABLE settings (
    partitions integer NOT NULL
);

-- Where each partition stands. `batch` counts its transactions: after a connection is lost within COMMIT it tells
-- whether the batch was written. `seq` never goes back, also when the newest facts were readings and were dropped.
CREATE TABLE heads (
    partition integer NOT NULL PRIMARY KEY,
    batch     bigint  NOT NULL,
    seq       bigint  NOT NULL,
    last_id   bytea   NOT NULL,
    chain     bytea   NOT NULL
) WITH (fillfactor = 50);

-- `document` is the JSON array [household, [who, role], amount, body], byte for byte as it was written.
-- `chain` stands on the last fact of each batch: BLAKE2b-256 over the chain before it and the batch's facts (chain.py).
CREATE TABLE facts (
    partition integer          NOT NULL,
    seq       bigint           NOT NULL,
    id        bytea            NOT NULL,
    time      bigint           NOT NULL,
    aggregate text COLLATE "C" NOT NULL,
    kind      text COLLATE "C" NOT NULL,
    document  bytea            NOT NULL,
    chain     bytea,
    PRIMARY KEY (partition, seq),
    UNIQUE (partition, id)
);

CREATE INDEX facts_by_aggregate ON facts (partition, aggregate, seq);

-- Each UTC day of readings is a table of its own, `readings_20261122`, attached when its first reading comes.
CREATE TABLE readings (
    partition integer          NOT NULL,
    seq       bigint           NOT NULL,
    id        bytea            NOT NULL,
    time      bigint           NOT NULL,
    aggregate text COLLATE "C" NOT NULL,
    kind      text COLLATE "C" NOT NULL,
    document  bytea            NOT NULL,
    PRIMARY KEY (partition, seq, time),
    UNIQUE (partition, id, time)
) PARTITION BY RANGE (time);

CREATE INDEX readings_by_aggregate ON readings (partition, aggregate, time);

CREATE TABLE snapshots (
    partition integer          NOT NULL,
    aggregate text COLLATE "C" NOT NULL,
    seq       bigint           NOT NULL,
    form      text             NOT NULL,
    state     bytea            NOT NULL,
    PRIMARY KEY (partition, aggregate)
);

-- `expires` 0 keeps an answer for ever.
CREATE TABLE answers (
    command   text COLLATE "C" NOT NULL,
    partition integer          NOT NULL,
    answer    bytea            NOT NULL,
    expires   bigint           NOT NULL,
    PRIMARY KEY (command, partition)
);

CREATE INDEX answers_by_expiry ON answers (partition, expires) WHERE expires > 0;
