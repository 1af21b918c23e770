\set who random(1, :users)
\set which random(1, 100)
with joined as (
  insert into belongs values (md5('t' || :which)::uuid, md5('p' || :who)::uuid) on conflict do nothing returning team, person
),
counted as (update team set version = version + 1 where id = md5('t' || :which)::uuid)
insert into log (person, what) select person, 'join' from joined;
