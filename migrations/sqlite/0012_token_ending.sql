-- Tokens that end soon are looked for each day, whatever the number of tokens.
create index token_ending on token (expires, id) where revoked is null;
