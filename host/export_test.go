package host

// RedisOptions is for tests of what a URL may ask for.
var RedisOptions = redisOptions
