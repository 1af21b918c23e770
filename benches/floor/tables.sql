-- The least that holds what a server of this protocol must hold: documents as text, what is searched in indexes, and
-- a row of the log for each write. psql -v users=100000 -f tables.sql
create table person (
  id uuid primary key,
  user_name text collate "C" not null unique,
  external_id text collate "C",
  version bigint not null default 1,
  changed bigint not null default 0,
  document text not null
);
create table email (
  person uuid not null references person on delete cascade,
  value text collate "C" not null,
  kind text collate "C" not null
);
create table team (id uuid primary key, name text collate "C" not null unique, version bigint not null default 1);
create table belongs (team uuid not null, person uuid not null, primary key (team, person));
create table log (number bigint generated always as identity primary key, person uuid not null, what text not null);
create sequence newcomer;
create sequence leaver;

insert into person (id, user_name, external_id, document)
select md5('p' || n)::uuid, 'p' || n || '@tenant.example', '00u' || md5('x' || n), repeat(md5('d' || n), 38)
from generate_series(1, :users) n;
insert into email
select md5('p' || n)::uuid, k || n || '@mail.example', k from generate_series(1, :users) n, unnest(array['work', 'home']) k;
insert into team (id, name) select md5('t' || n)::uuid, 'Team ' || n from generate_series(1, 100) n;
insert into belongs
select md5('t' || t)::uuid, md5('p' || (t * 10 + n) % :users + 1)::uuid from generate_series(1, 100) t, generate_series(1, 10) n;
create index person_external_id on person (external_id);
create index email_value on email (value);
create index email_person on email (person);
create index belongs_person on belongs (person);
