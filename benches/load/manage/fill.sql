-- Many tenants with what is derived from their logs, and a long log in one of them. Words in braces are filled in; the text
-- is for PostgreSQL and SQLite.
insert into kind (name) select 'User' where not exists (select 1 from kind where name = 'User');
insert into tenant (name, created, display_name, display_key, reference, reference_key)
  with recursive n (i) as (select cast(1 as bigint) union all select i + 1 from n where i < {tenants})
  select 'company-' || cast(1000000 + i as text), {now}, 'Customer ' || cast(1000000 + i as text),
    'customer ' || cast(1000000 + i as text), 'cus_' || cast(1000000 + i as text), 'cus_' || cast(1000000 + i as text)
  from n;
-- One of ten was never asked by anybody, half of the others have a client that asks at intervals, and one of a thousand of
-- these stopped five hours ago.
insert into tenant_status (tenant, last_request, last_client, last_success, busy_since, may_poll, active_users)
  select tenant, at, case when tenant % 2 = 0 then 'Microsoft Entra' else 'Okta SCIM Client 1.0.0' end, at,
    at / 3600000000 - 100, tenant % 2 = 0, tenant % 499
  from (select tenant, {now} - cast(1000000 as bigint) * (case when tenant % 1000 = 4 then 18000 else tenant * 7919 % 10000 end) as at
    from tenant where name like 'company-%' and tenant % 10 <> 0) as asked;
insert into tenant_action (tenant, action, succeeded, failed, is_vital, failing)
  select tenant, action, last_success - 1000000, case when tenant % {failing} = 7 then last_request else 0 end, true,
    case when tenant % {failing} = 7 then last_request else 0 end
  from tenant_status cross join (select 'user.create' as action union all select 'user.change') as actions;
insert into token (id, tenant, name, secret_digest, scope, created, expires, last_used)
  select 't' || cast(10000000000 + tenant as text), tenant, 'idp', 'x', 'read-write', {now},
    {now} + 86400000000 * (case when tenant % 1000 = 5 then 20 else 300 end), {now}
  from tenant where name like 'company-%';
insert into counter (tenant, kind, shard, live, active, gone)
  select t.tenant, k.kind, shard, t.tenant % 499, t.tenant % 499, 0 from tenant t cross join kind k
  cross join (select 0 as shard union all select 1) as shards where t.name like 'company-%' and k.name = 'User';
-- A request each 10 ms up to now; two of a hundred were refused.
insert into provisioning (tenant, entry, at, token, token_name, client, method, route, resource_type, status, micros,
    request, action, outcome, reason, changed)
  with recursive n (i) as (select cast(1 as bigint) union all select i + 1 from n where i < {log})
  select t.tenant, (({now} / 1000 - 10 * i - 1577836800000) * 32768), {now} - 10000 * i, 't1', 'idp',
    case when i % 3 = 0 then 'Microsoft Entra' else 'Okta SCIM Client 1.0.0' end,
    case when i % 4 = 0 then 'PATCH' else 'GET' end, '/Users/{id}', 'User',
    case when i % 50 = 0 then 409 else 200 end, 900, 'request-' || cast(i as text),
    case when i % 4 = 0 then 'user.change' else 'user.lookup' end,
    case when i % 50 = 0 then 'refused' else 'ok' end, case when i % 50 = 0 then 'user.exists' end,
    case when i % 4 = 0 and i % 50 <> 0 then 'active' end
  from n cross join tenant t where t.name = 'default';
insert into provisioning_failure (tenant, entry) select tenant, entry from provisioning where outcome = 'refused';
insert into tenant_status (tenant, last_request, last_client, last_success, busy_since, may_poll)
  select tenant, {now}, 'Okta SCIM Client 1.0.0', {now}, {now} / 3600000000, false from tenant where name = 'default';
