-- What a careful team writes first: a balance that is locked by its row, a ledger, and keys that
-- make a retry harmless. Every deduct is one call of one function, committed on its own.
CREATE TABLE account(id text PRIMARY KEY, balance bigint NOT NULL);
CREATE TABLE entry(
  id bigserial PRIMARY KEY, account text NOT NULL, amount bigint NOT NULL,
  balance_after bigint NOT NULL, at timestamptz NOT NULL DEFAULT now());
CREATE INDEX entry_account ON entry(account, id);
CREATE TABLE idempotency(key text PRIMARY KEY, entry bigint NOT NULL, balance bigint NOT NULL);

CREATE FUNCTION deduct(of_account text, with_key text, credits bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  found_balance bigint;
  new_entry bigint;
BEGIN
  SELECT balance INTO found_balance FROM idempotency WHERE key = with_key;
  IF FOUND THEN
    RETURN found_balance;
  END IF;
  UPDATE account SET balance = balance - credits
    WHERE id = of_account AND balance >= credits
    RETURNING balance INTO found_balance;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  INSERT INTO entry(account, amount, balance_after)
    VALUES (of_account, -credits, found_balance) RETURNING id INTO new_entry;
  INSERT INTO idempotency(key, entry, balance) VALUES (with_key, new_entry, found_balance);
  RETURN found_balance;
END
$$;
