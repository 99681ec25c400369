-- KEYS: the balance, the ledger, the idempotency key; ARGV: the credits.
local before = redis.call('GET', KEYS[3])
if before then
  return tonumber(before)
end
local credits = tonumber(ARGV[1])
local balance = tonumber(redis.call('GET', KEYS[1]) or '0')
if balance < credits then
  return false
end
local after = redis.call('DECRBY', KEYS[1], credits)
redis.call('RPUSH', KEYS[2], -credits .. ' ' .. after)
redis.call('SET', KEYS[3], after, 'EX', 3024000)
return after
