-- Here the check is cheap, and its one writer has nobody to lock out.
select 1;
