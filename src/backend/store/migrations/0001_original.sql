-- The schema of the original backend: names, types and constraints as its object mapper made them, because Grafana's
-- panels address the tables by name. On a database of the original nothing changes but the width of refresh_token.

DO $$ BEGIN CREATE TYPE "enum_Users_authority" AS ENUM ('ADMIN', 'DEVELOPER', 'USER');
EXCEPTION WHEN duplicate_object THEN NULL; END $$;
DO $$ BEGIN CREATE TYPE enum_catalog_status AS ENUM ('draft', 'finalized');
EXCEPTION WHEN duplicate_object THEN NULL; END $$;
DO $$ BEGIN CREATE TYPE enum_control_period AS ENUM ('HOURLY', 'DAILY', 'WEEKLY', 'MONTHLY', 'ANNUALLY');
EXCEPTION WHEN duplicate_object THEN NULL; END $$;
DO $$ BEGIN CREATE TYPE enum_control_status AS ENUM ('draft', 'finalized');
EXCEPTION WHEN duplicate_object THEN NULL; END $$;
DO $$ BEGIN CREATE TYPE "enum_Assistants_status" AS ENUM ('ACTIVE', 'INACTIVE');
EXCEPTION WHEN duplicate_object THEN NULL; END $$;

CREATE TABLE IF NOT EXISTS "Users" (
    id serial PRIMARY KEY,
    username varchar(60) NOT NULL UNIQUE,
    password varchar(255) NOT NULL,
    authority "enum_Users_authority" NOT NULL,
    email varchar(100) NOT NULL UNIQUE,
    refresh_token text,
    "createdAt" timestamptz NOT NULL,
    "updatedAt" timestamptz NOT NULL
);
-- A token of a long user name did not fit.
ALTER TABLE "Users" ALTER COLUMN refresh_token TYPE text;

CREATE TABLE IF NOT EXISTS catalog (
    id serial PRIMARY KEY,
    name varchar(100) NOT NULL,
    description varchar(255),
    "startDate" timestamptz NOT NULL,
    "endDate" timestamptz,
    dashboard_id varchar(32),
    "tpaId" varchar(40),
    status enum_catalog_status DEFAULT 'finalized'
);

CREATE TABLE IF NOT EXISTS control (
    id serial PRIMARY KEY,
    name varchar(100) NOT NULL,
    description text,
    period enum_control_period NOT NULL,
    "startDate" timestamptz,
    "endDate" timestamptz,
    "mashupId" varchar(32),
    params jsonb,
    status enum_control_status DEFAULT 'finalized',
    "catalogId" integer REFERENCES catalog (id) ON DELETE SET NULL ON UPDATE CASCADE
);

-- json, not jsonb: the order of a scope's keys means something.
CREATE TABLE IF NOT EXISTS computation (
    id uuid PRIMARY KEY,
    "computationGroup" uuid,
    value boolean,
    scope json,
    evidences json[],
    period json,
    "createdAt" timestamptz NOT NULL,
    "updatedAt" timestamptz NOT NULL,
    "controlId" integer REFERENCES control (id) ON DELETE SET NULL ON UPDATE CASCADE
);

CREATE TABLE IF NOT EXISTS panel (
    uid uuid PRIMARY KEY,
    id varchar(255),
    "dashboardUid" varchar(255) DEFAULT NULL,
    "controlId" integer REFERENCES control (id) ON DELETE SET NULL ON UPDATE CASCADE
);

CREATE TABLE IF NOT EXISTS "Points" (
    id uuid PRIMARY KEY,
    "agreementId" varchar(255) NOT NULL,
    "guaranteeId" varchar(255) NOT NULL,
    "guaranteeValue" double precision NOT NULL,
    "guaranteeResult" boolean NOT NULL,
    timestamp timestamptz NOT NULL,
    metrics jsonb NOT NULL,
    scope jsonb NOT NULL,
    "computationGroup" uuid,
    "createdAt" timestamptz NOT NULL,
    "updatedAt" timestamptz NOT NULL
);

CREATE TABLE IF NOT EXISTS "Scopes" (
    id uuid PRIMARY KEY,
    name varchar(255) NOT NULL,
    description varchar(255) NOT NULL,
    type varchar(255) NOT NULL DEFAULT 'string',
    "default" varchar(255) NOT NULL,
    "createdAt" timestamptz NOT NULL,
    "updatedAt" timestamptz NOT NULL
);

CREATE TABLE IF NOT EXISTS "Configurations" (
    id serial PRIMARY KEY,
    endpoint varchar(50) NOT NULL,
    available boolean DEFAULT true,
    "limit" integer DEFAULT 1,
    "createdAt" timestamptz NOT NULL,
    "updatedAt" timestamptz NOT NULL
);

CREATE TABLE IF NOT EXISTS "Assistants" (
    id serial PRIMARY KEY,
    "assistantId" varchar(50) NOT NULL,
    name varchar(100) NOT NULL,
    instructions text NOT NULL,
    tools text NOT NULL,
    model varchar(100) NOT NULL,
    status "enum_Assistants_status" NOT NULL DEFAULT 'INACTIVE',
    "createdAt" timestamptz NOT NULL,
    "updatedAt" timestamptz NOT NULL
);

CREATE TABLE IF NOT EXISTS "Threads" (
    id serial PRIMARY KEY,
    gpt_id varchar(50) NOT NULL,
    name varchar(100) NOT NULL,
    run_id varchar(50) NOT NULL,
    "createdAt" timestamptz NOT NULL,
    "updatedAt" timestamptz NOT NULL,
    "UserId" integer REFERENCES "Users" (id) ON DELETE SET NULL ON UPDATE CASCADE
);

CREATE TABLE IF NOT EXISTS "Messages" (
    id serial PRIMARY KEY,
    content text NOT NULL,
    "createdAt" timestamptz NOT NULL,
    "updatedAt" timestamptz NOT NULL,
    "ThreadId" integer REFERENCES "Threads" (id) ON DELETE SET NULL ON UPDATE CASCADE
);
