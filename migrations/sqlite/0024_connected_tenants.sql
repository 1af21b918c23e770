-- For lists of tenants that were never connected, and of suspended ones: whether a client of a tenant has succeeded.
alter table tenant add column connected integer not null default 0;
update tenant set connected = 1
  where exists (select 1 from tenant_status s where s.tenant = tenant.tenant and s.last_success > 0);
create trigger tenant_is_connected after insert on tenant_status when new.last_success > 0 begin
  update tenant set connected = 1 where tenant = new.tenant and not connected;
end;
create trigger tenant_is_connected_later after update of last_success on tenant_status
  when old.last_success = 0 and new.last_success > 0 begin
  update tenant set connected = 1 where tenant = new.tenant and not connected;
end;
create index tenant_unconnected on tenant (name) where not connected;
create index tenant_suspended on tenant (name) where status = 'suspended';
