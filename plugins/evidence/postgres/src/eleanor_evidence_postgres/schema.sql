-- The log of one schema. Positions begin at 0 and have no gap; `tree` is the Merkle tree's right
-- edge, and its one row is the lock for which writers queue.

CREATE TABLE IF NOT EXISTS records (
    position bigint PRIMARY KEY CHECK (position >= 0),
    record_id text COLLATE "C" NOT NULL UNIQUE,
    leaf_hash bytea NOT NULL CHECK (octet_length(leaf_hash) = 32),
    leaf bytea NOT NULL,
    payload bytea -- NULL once it is erased
);

CREATE TABLE IF NOT EXISTS tree (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    format text NOT NULL,
    size bigint NOT NULL,
    peaks bytea NOT NULL -- 32 bytes each, the largest subtree first
);

CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an evidence log is only appended to' USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE OR REPLACE TRIGGER no_removal BEFORE DELETE OR TRUNCATE ON records
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE TRIGGER no_change BEFORE UPDATE ON records
    FOR EACH ROW
    WHEN ((NEW.position, NEW.record_id, NEW.leaf_hash, NEW.leaf)
              IS DISTINCT FROM (OLD.position, OLD.record_id, OLD.leaf_hash, OLD.leaf)
          OR NEW.payload IS NOT NULL)
    EXECUTE FUNCTION refuse_change();
