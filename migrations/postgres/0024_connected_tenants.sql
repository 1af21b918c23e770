-- For lists of tenants that were never connected, and of suspended ones.

-- step: a column for tenants whose client has succeeded
alter table tenant add column if not exists connected boolean not null default false;

-- step: a trigger that sets the column with the first success
-- A trigger, so that requests which earlier instances log during the upgrade count.
create or replace function tenant_is_connected() returns trigger language plpgsql as $$
begin
  update tenant set connected = true where tenant = new.tenant and not connected;
  return null;
end $$;
drop trigger if exists tenant_is_connected on tenant_status;
drop trigger if exists tenant_is_connected_later on tenant_status;
create trigger tenant_is_connected after insert on tenant_status for each row
  when (new.last_success > 0) execute function tenant_is_connected();
create trigger tenant_is_connected_later after update on tenant_status for each row
  when (old.last_success = 0 and new.last_success > 0) execute function tenant_is_connected();

-- slices: the tenants that are connected
with slice as (
  select tenant, last_request, last_success from tenant_status
  where (tenant, last_request) > ($1, $2) order by tenant, last_request limit 1000
), filled as (
  update tenant t set connected = true
  from slice where t.tenant = slice.tenant and slice.last_success > 0 and not t.connected
)
select cast(tenant as bigint), last_request from slice order by tenant desc limit 1;

-- index tenant_unconnected: the index of tenants that were never connected
create index concurrently tenant_unconnected on {schema}.tenant (name) where not connected;

-- index tenant_suspended: the index of suspended tenants
create index concurrently tenant_suspended on {schema}.tenant (name) where status = 'suspended';
