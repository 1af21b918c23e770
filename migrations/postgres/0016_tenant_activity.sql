-- What is derived from the provisioning log, written with its rows: lists and pages read it in place of the log.

-- The latest request of each tenant.
create table if not exists tenant_status (
  tenant integer not null primary key,
  -- when it came
  last_request bigint not null,
  last_client text,
  -- when the latest one came that was refused by nobody; 0 if there was none
  last_success bigint not null,
  -- the hour since which no hour was without a request, counted from 1970
  busy_since bigint not null,
  -- whether the latest client may be one that asks at intervals
  may_poll boolean not null
);

-- What became of each action of a tenant: when it succeeded and failed last; 0 for never.
create table if not exists tenant_action (
  tenant integer not null,
  action text collate "C" not null,
  succeeded bigint not null,
  failed bigint not null,
  -- whether a failure of it means that provisioning does not work
  is_vital boolean not null,
  -- when it failed last, if it is vital and no success followed; else 0
  failing bigint not null,
  primary key (tenant, action)
);
create index if not exists tenant_action_failing on tenant_action (failing, tenant) where failing > 0;

-- Requests that were refused or failed, by reason, action and day, counted from 1970.
create table if not exists tenant_failure (
  tenant integer not null,
  reason text collate "C" not null,
  action text collate "C" not null,
  day bigint not null,
  requests bigint not null,
  first_at bigint not null,
  last_at bigint not null,
  primary key (tenant, reason, action, day)
);
create index if not exists tenant_failure_last on tenant_failure (last_at, tenant, reason);

-- Requests by hour, counted from 1970, and the seats at the end of it.
create table if not exists tenant_hour (
  tenant integer not null,
  hour bigint not null,
  answered bigint not null,
  noted bigint not null,
  refused bigint not null,
  failed bigint not null,
  created bigint not null,
  changed bigint not null,
  deactivated bigint not null,
  seats_used bigint not null,
  seats bigint,
  primary key (tenant, hour)
);
