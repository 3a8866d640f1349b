"""What an administrator runs before the audit log is kept in PostgreSQL: who owns it, and who may only add to it."""

OWNER = "dafe_audit"
"""Owns the log, and nobody can sign in as it. Its schema has the same name."""
LOCK = 0x6461666561
"""The advisory lock of whoever adds events."""
INDEXED = {name: f"(body::json ->> '{name}') COLLATE \"C\"" for name in ("actor", "action", "outcome", "at")}
"""What people search by, as read from the body by indexes: nothing is kept twice, so nothing can differ from it."""
LONGEST = 131_071
"""Characters of an event, so that files of copies are read from their end; ours have some ten thousands at most."""
NOT_NEXT = "DA001"
"""The SQLSTATE of an event that does not follow the newest one."""

_PREPARATION = """\
-- The audit log of Dafe Graphs. Run it once, as a superuser, in the database that is to hold the log:
--     dafe audit sql | psql --set ON_ERROR_STOP=1 --host HOST --username postgres --dbname DATABASE
BEGIN;
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{owner}') THEN CREATE ROLE {owner} NOLOGIN; END IF;
END $$;
CREATE SCHEMA {owner} AUTHORIZATION {owner};
SET LOCAL ROLE {owner};

CREATE TABLE {owner}.events (
  seq bigint PRIMARY KEY,
  mac text COLLATE "C" NOT NULL CHECK (mac ~ '^[0-9a-f]{{64}}$'),
  body text COLLATE "C" NOT NULL CHECK (body ~ '^[ -~]+$' AND length(body) <= {longest})
);
CREATE INDEX events_by_actor ON {owner}.events (({actor}), seq);
CREATE INDEX events_by_action ON {owner}.events (({action}), seq);
CREATE INDEX events_by_outcome ON {owner}.events (({outcome}), seq);
CREATE INDEX events_by_time ON {owner}.events (({at}));

CREATE FUNCTION {owner}.refuse() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'append only';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {owner}.events
  FOR EACH STATEMENT EXECUTE FUNCTION {owner}.refuse();

-- The only way in. Writers take turns; an event says in its body which place it has and which one it follows.
CREATE FUNCTION {owner}.append(macs text[], bodies text[]) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  newest bigint := 0;
  newest_hash text := repeat('0', 64);
  stored record;
BEGIN
  PERFORM pg_advisory_xact_lock({lock});
  SELECT seq, body INTO stored FROM {owner}.events ORDER BY seq DESC LIMIT 1;
  IF FOUND THEN
    newest := stored.seq;
    newest_hash := encode(sha256(convert_to(stored.body, 'UTF8')), 'hex');
  END IF;
  FOR place IN 1 .. cardinality(bodies) LOOP
    newest := newest + 1;
    IF (bodies[place]::json ->> 'seq') IS DISTINCT FROM newest::text
      OR (bodies[place]::json ->> 'prev') IS DISTINCT FROM newest_hash
    THEN
      RAISE EXCEPTION 'the event does not follow the newest one' USING ERRCODE = '{not_next}';
    END IF;
    INSERT INTO {owner}.events (seq, mac, body) VALUES (newest, macs[place], bodies[place]);
    newest_hash := encode(sha256(convert_to(bodies[place], 'UTF8')), 'hex');
  END LOOP;
END $$;

REVOKE ALL ON FUNCTION {owner}.refuse(), {owner}.append(text[], text[]) FROM PUBLIC;
GRANT USAGE ON SCHEMA {owner} TO {user};
GRANT SELECT ON {owner}.events TO {user};
GRANT EXECUTE ON FUNCTION {owner}.append(text[], text[]) TO {user};
COMMIT;
"""


def preparation(user: str) -> str:
    """For `psql`; `user` is the one that the log is used by."""
    quoted = '"' + user.replace('"', '""') + '"'
    return _PREPARATION.format(owner=OWNER, lock=LOCK, not_next=NOT_NEXT, longest=LONGEST, user=quoted, **INDEXED)
