-- What the set-up has done, so that it is done once for as long as this database lives. Written in the transaction of
-- the step itself.

CREATE TABLE IF NOT EXISTS setup_step (
    name text PRIMARY KEY,
    done_at timestamptz NOT NULL DEFAULT now()
);
