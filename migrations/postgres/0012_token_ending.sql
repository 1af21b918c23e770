-- index token_ending: the index of tokens by their end
-- Tokens that end soon are looked for each day, whatever the number of tokens.
create index concurrently token_ending on {schema}.token (expires, id) where revoked is null;
