-- The original has no indexes but primary keys; these are what its own queries look for.

CREATE INDEX IF NOT EXISTS control_catalog ON control ("catalogId");
CREATE INDEX IF NOT EXISTS catalog_tpa ON catalog ("tpaId");
CREATE INDEX IF NOT EXISTS computation_group ON computation ("computationGroup");
CREATE INDEX IF NOT EXISTS computation_control ON computation ("controlId", "createdAt");
CREATE INDEX IF NOT EXISTS panel_control ON panel ("controlId");
CREATE INDEX IF NOT EXISTS points_agreement ON "Points" ("agreementId", timestamp);
CREATE INDEX IF NOT EXISTS threads_user ON "Threads" ("UserId");
CREATE INDEX IF NOT EXISTS messages_thread ON "Messages" ("ThreadId");
