\set who random(1, :users)
select p.id, document, version, changed from email e join person p on p.id = e.person where e.value = 'work' || :who || '@mail.example';
