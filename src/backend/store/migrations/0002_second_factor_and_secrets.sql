-- What the web client wants and the original lacked.

ALTER TABLE "Users" ADD COLUMN IF NOT EXISTS twofa_enabled boolean NOT NULL DEFAULT false;
ALTER TABLE "Users" ADD COLUMN IF NOT EXISTS twofa_secret text;

CREATE TABLE IF NOT EXISTS secrets (
    id serial PRIMARY KEY,
    name varchar(100) NOT NULL,
    type varchar(50) NOT NULL,
    "valueEncrypted" text NOT NULL,
    "createdBy" varchar(100) NOT NULL,
    environment varchar(20) NOT NULL DEFAULT 'production',
    version integer NOT NULL DEFAULT 1,
    "rotatedAt" timestamptz,
    "ownerId" integer NOT NULL REFERENCES "Users" (id) ON DELETE CASCADE,
    "createdAt" timestamptz NOT NULL,
    "updatedAt" timestamptz NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS secrets_owner_name ON secrets ("ownerId", name);
