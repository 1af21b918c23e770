-- What is derived from the provisioning log, written with its rows: lists and pages read it in place of the log.

-- The latest request of each tenant.
create table tenant_status (
  tenant integer not null primary key,
  -- when it came
  last_request integer not null,
  last_client text,
  -- when the latest one came that was refused by nobody; 0 if there was none
  last_success integer not null,
  -- the hour since which no hour was without a request, counted from 1970
  busy_since integer not null,
  -- whether the latest client may be one that asks at intervals
  may_poll integer not null
) strict, without rowid;

-- What became of each action of a tenant: when it succeeded and failed last; 0 for never.
create table tenant_action (
  tenant integer not null,
  action text not null,
  succeeded integer not null,
  failed integer not null,
  -- whether a failure of it means that provisioning does not work
  is_vital integer not null,
  -- when it failed last, if it is vital and no success followed; else 0
  failing integer not null,
  primary key (tenant, action)
) strict, without rowid;
create index tenant_action_failing on tenant_action (failing, tenant) where failing > 0;

-- Requests that were refused or failed, by reason, action and day, counted from 1970.
create table tenant_failure (
  tenant integer not null,
  reason text not null,
  action text not null,
  day integer not null,
  requests integer not null,
  first_at integer not null,
  last_at integer not null,
  primary key (tenant, reason, action, day)
) strict, without rowid;
create index tenant_failure_last on tenant_failure (last_at, tenant, reason);

-- Requests by hour, counted from 1970, and the seats at the end of it.
create table tenant_hour (
  tenant integer not null,
  hour integer not null,
  answered integer not null,
  noted integer not null,
  refused integer not null,
  failed integer not null,
  created integer not null,
  changed integer not null,
  deactivated integer not null,
  seats_used integer not null,
  seats integer,
  primary key (tenant, hour)
) strict, without rowid;
