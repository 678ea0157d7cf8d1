package host

// RedisOptions is for tests of what a URL may ask for.
var RedisOptions = redisOptions

// Known is for tests of what the queue's scripts may answer.
var Known = known
