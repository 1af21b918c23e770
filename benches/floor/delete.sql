with gone as (
  delete from person where id = (select md5('gone' || nextval('leaver'))::uuid) returning id
)
insert into log (person, what) select id, 'delete' from gone;
