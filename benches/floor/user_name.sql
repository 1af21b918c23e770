\set who random(1, :users)
select id, document, version, changed from person where user_name = 'p' || :who || '@tenant.example';
