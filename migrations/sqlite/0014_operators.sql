-- Operator tokens of the management API. Of a secret only the digest is kept.
create table operator_token (
  id text primary key,
  name text not null,
  secret_digest text not null,
  role text not null,
  -- names of scopes in a JSON array; null: those of the role
  scopes text,
  -- whether the token reaches only the tenants of operator_tenant, and none if these are all gone
  is_limited integer not null,
  created integer not null,
  expires integer,
  last_used integer,
  revoked integer,
  successor text
) strict, without rowid;
create table operator_tenant (
  operator text not null references operator_token on delete cascade,
  tenant integer not null references tenant on delete cascade,
  primary key (operator, tenant)
) strict, without rowid;
create index operator_tenant_of on operator_tenant (tenant);

-- One row for each act, written in its transaction. The id grows with time.
create table audit (
  id text primary key,
  at integer not null,
  actor_kind text not null,
  actor_id text not null,
  actor_name text not null,
  address text,
  action text not null,
  -- by name: the rows outlive the tenant
  tenant text,
  target text,
  changes text,
  request text
) strict, without rowid;
create index audit_of_tenant on audit (tenant, id);
create index audit_of_actor on audit (actor_name, id);
create index audit_of_action on audit (action, id);

-- Answers to requests with an Idempotency-Key, sealed with a key that only its owner has.
create table kept_answer (
  operator text not null,
  key_digest text not null,
  request_digest text not null,
  answer text not null,
  created integer not null,
  primary key (operator, key_digest)
) strict, without rowid;
create index kept_answer_created on kept_answer (created);

-- Names by which operators find tenants; display_key and reference_key are folded by the server, so that a search
-- ignores case.
alter table tenant add column display_name text;
alter table tenant add column reference text;
alter table tenant add column display_key text;
alter table tenant add column reference_key text;
alter table token add column created_by text;
create index tenant_display on tenant (display_key, name) where display_key is not null;
create index tenant_reference on tenant (reference_key, name) where reference_key is not null;
