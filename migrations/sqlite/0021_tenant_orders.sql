-- For the order of tenants by their active users, as they were counted with the latest request.
alter table tenant_status add column active_users integer not null default 0;
update tenant_status set active_users =
  coalesce((select sum(active) from counter c where c.tenant = tenant_status.tenant), 0);
create index tenant_status_request on tenant_status (last_request, tenant);
create index tenant_status_users on tenant_status (active_users, tenant);
create index tenant_status_polled on tenant_status (last_request, tenant) where may_poll;
