package host

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/executor"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/queue"
)

// queueOptions are how the queue reaches Redis.
func queueOptions(url config.Secret, exec *executor.Executor) (*redis.Options, error) {
	options, err := redisOptions(url)
	if err != nil {
		return nil, err
	}
	options.MaxRetries = -1 // the worker knows which commands may be repeated, and when
	options.DialerRetries = 1
	options.ReadTimeout = cmp.Or(options.ReadTimeout, queue.ProbeLimit)
	options.PoolSize = 16 + exec.Concurrency()
	return options, nil
}

// foreignOptions are what the URL of another client, redis-py above all, may hold:
// they say how that client works, and this one has its own ways.
var foreignOptions = []string{
	"decode_responses", "encoding", "encoding_errors", "health_check_interval", "max_connections", "retry_on_error",
	"retry_on_timeout", "socket_connect_timeout", "socket_keepalive", "socket_timeout", "timeout",
}

// verifyOptions say whether the server's certificate is looked at, and the values
// with which it is.
var verifyOptions = map[string][]string{
	"skip_verify":        {"false", "0", ""},
	"ssl_cert_reqs":      {"required", "cert_required", ""},
	"ssl_check_hostname": {"true", "1", "yes", "y", "on", ""},
}

// redisOptions reads a Redis URL. A URL cannot ask for a connection to whoever
// answers. The error is a *fault.ConfigError that shows no credentials.
func redisOptions(raw config.Secret) (*redis.Options, error) {
	bad := func(reason string) (*redis.Options, error) {
		return nil, &fault.ConfigError{Where: "redis_url", Reason: reason}
	}
	if err := config.CheckRedisURL(raw); err != nil {
		return bad(err.Error())
	}
	u, err := url.Parse(string(raw))
	if err != nil {
		return bad("is not a URL")
	}
	query := u.Query()
	for _, name := range foreignOptions {
		query.Del(name)
	}
	for name, safe := range verifyOptions {
		for _, value := range query[name] {
			if !slices.Contains(safe, strings.ToLower(value)) {
				return bad("asks with " + name + " for a server that is not verified, which a node does not talk to; leave it out, " +
					"and have this machine trust the server's certificate authority")
			}
		}
		query.Del(name)
	}
	u.RawQuery = query.Encode()
	options, err := redis.ParseURL(u.String())
	if err != nil {
		return bad("cannot be used: " + strings.TrimPrefix(err.Error(), "redis: "))
	}
	options.ContextTimeoutEnabled = true
	return options, nil
}

// quiet keeps the client's own lines out of our log: every failure of a command
// comes back to the caller, who says what it means.
type quiet struct{}

// The client has one logger for all, which must not change while it is in use.
func init() { redis.SetLogger(quiet{}) }

func (quiet) Printf(context.Context, string, ...any) {}
