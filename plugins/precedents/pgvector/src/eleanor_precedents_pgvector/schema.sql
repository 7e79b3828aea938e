-- The cases of one schema. What a case says stands in `versions`, which is only added to; `heads`
-- names the newest version of each case. `vectors` holds those of the cases in force, for each
-- encoder, and can be computed again at any time.

CREATE TABLE versions (
    row bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text COLLATE "C" NOT NULL,
    version bigint NOT NULL CHECK (version >= 1),
    content text NOT NULL, -- the line of JSON, as it is exported
    outcome text NOT NULL,
    domain text NOT NULL,
    clauses text[] NOT NULL,
    words tsvector NOT NULL,
    UNIQUE (id, version)
);
CREATE INDEX versions_by_words ON versions USING gin (words);
CREATE INDEX versions_by_clauses ON versions USING gin (clauses);

CREATE TABLE heads (
    id text COLLATE "C" PRIMARY KEY,
    row bigint NOT NULL UNIQUE REFERENCES versions,
    in_force boolean NOT NULL
);

CREATE TABLE encoders (
    number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    encoder_id text NOT NULL UNIQUE
);

CREATE TABLE vectors (
    encoder integer NOT NULL REFERENCES encoders,
    row bigint NOT NULL REFERENCES versions,
    data vector NOT NULL,
    PRIMARY KEY (encoder, row)
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a change is a new version, never an edit'
        USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER versions_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON versions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE format (single boolean PRIMARY KEY DEFAULT true CHECK (single), name text NOT NULL);
INSERT INTO format (name) VALUES ('eleanor/precedents-pgvector/1');
