-- step: the tables of operator tokens, the audit trail and kept answers
-- Operator tokens of the management API. Of a secret only the digest is kept.
create table if not exists operator_token (
  id text collate "C" primary key,
  name text not null,
  secret_digest text collate "C" not null,
  role text not null,
  -- names of scopes in a JSON array; null: those of the role
  scopes text,
  -- whether the token reaches only the tenants of operator_tenant, and none if these are all gone
  is_limited boolean not null,
  created bigint not null,
  expires bigint,
  last_used bigint,
  revoked bigint,
  successor text
);
create table if not exists operator_tenant (
  operator text collate "C" not null references operator_token on delete cascade,
  tenant integer not null references tenant on delete cascade,
  primary key (operator, tenant)
);
create index if not exists operator_tenant_of on operator_tenant (tenant);

-- One row for each act, written in its transaction. The id grows with time.
create table if not exists audit (
  id uuid primary key,
  at bigint not null,
  actor_kind text collate "C" not null,
  actor_id text collate "C" not null,
  actor_name text collate "C" not null,
  address text,
  action text collate "C" not null,
  -- by name: the rows outlive the tenant
  tenant text collate "C",
  target text,
  changes text,
  request text
);
create index if not exists audit_of_tenant on audit (tenant, id);
create index if not exists audit_of_actor on audit (actor_name, id);
create index if not exists audit_of_action on audit (action, id);

-- Answers to requests with an Idempotency-Key, sealed with a key that only its owner has.
create table if not exists kept_answer (
  operator text collate "C" not null,
  key_digest text collate "C" not null,
  request_digest text collate "C" not null,
  answer text not null,
  created bigint not null,
  primary key (operator, key_digest)
);
create index if not exists kept_answer_created on kept_answer (created);
-- step: names by which operators find tenants
-- display_key and reference_key: folded by the server, so that a search ignores case
alter table tenant add column if not exists display_name text;
alter table tenant add column if not exists reference text;
alter table tenant add column if not exists display_key text collate "C";
alter table tenant add column if not exists reference_key text collate "C";
-- step: who issued a token
alter table token add column if not exists created_by text;
-- index tenant_display: the index of tenants by display name
create index concurrently tenant_display on {schema}.tenant (display_key, name) where display_key is not null;
-- index tenant_reference: the index of tenants by reference
create index concurrently tenant_reference on {schema}.tenant (reference_key, name) where reference_key is not null;
