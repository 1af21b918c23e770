-- step: a column for the order of tenants by their active users
-- active_users: as they were counted with the latest request
alter table tenant_status add column if not exists active_users bigint not null default 0;
-- slices: the active users of tenants
with slice as (
  select tenant, last_request from tenant_status
  where (tenant, last_request) > ($1, $2) order by tenant, last_request limit 1000 for update
), filled as (
  update tenant_status s set active_users =
    cast(coalesce((select sum(active) from counter c where c.tenant = s.tenant), 0) as bigint)
  from slice where s.tenant = slice.tenant
)
select cast(tenant as bigint), last_request from slice order by tenant desc limit 1;
-- index tenant_status_request: the index of tenants by their latest request
create index concurrently tenant_status_request on {schema}.tenant_status (last_request, tenant);
-- index tenant_status_users: the index of tenants by their active users
create index concurrently tenant_status_users on {schema}.tenant_status (active_users, tenant);
-- index tenant_status_polled: the index of tenants whose client asks at intervals
create index concurrently tenant_status_polled on {schema}.tenant_status (last_request, tenant) where may_poll;
