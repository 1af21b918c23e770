-- What the clients of a tenant asked, and what they got: one row for each request. Names and ids,
-- never values.
create table provisioning (
  tenant integer not null references tenant,
  -- made by the server from the time of writing and a counter
  entry bigint not null,
  at bigint not null,
  token text collate "C" not null,
  token_name text not null,
  client text,
  method text not null,
  route text not null,
  resource_type text,
  resource text collate "C",
  status bigint not null,
  scim_type text,
  detail text,
  -- attributes and operators of the filter, without its values
  filter text,
  -- names of attributes, with a comma between
  changed text,
  -- what was ignored or left out, as JSON
  notes text,
  micros bigint not null,
  request text collate "C" not null,
  primary key (tenant, entry)
);
create index provisioning_of_resource on provisioning (tenant, resource, entry) where resource is not null;
create index provisioning_failed on provisioning (tenant, entry) where status >= 400;
create index provisioning_noted on provisioning (tenant, entry) where notes is not null;

-- Bodies of requests, without secrets, of tenants for which that is switched on.
create table provisioning_body (
  tenant integer not null references tenant,
  entry bigint not null,
  body text not null,
  primary key (tenant, entry)
);

-- Until when bodies are kept.
alter table tenant add column bodies_until bigint;
