package host

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/conductorquantum/coda/host/queue"
)

// redis looks at the job queue, and only looks.
func (d *doctor) redis(ctx context.Context) []Finding {
	const check = "redis"
	if d.s.RedisURL == "" && d.s.StateDir == "" {
		return []Finding{d.notLookedAt(check)}
	}
	if d.s.RedisURL == "" {
		if d.s.NodeToken != "" || d.s.JWTPrivateKey == "" {
			return []Finding{finding(check, OK, "", "not known before the first log-on")}
		}
		return []Finding{finding(check, Problem, "connect with a token, or set CODA_REDIS_URL", "no job queue is known")}
	}
	shown := MaskRedisURL(d.s.RedisURL)
	options, err := redisOptions(d.s.RedisURL)
	if err != nil {
		return []Finding{finding(check, Problem, "correct CODA_REDIS_URL, or have the cloud send another", "%s: %v", shown, err)}
	}
	options.MaxRetries, options.DialerRetries, options.PoolSize = -1, 1, 1
	client := redis.NewClient(options)
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, networkPatience)
	defer cancel()

	begin := time.Now()
	if err := client.Ping(ctx).Err(); err != nil {
		what, do := redisTrouble(ctx, err)
		if _, answered := errors.AsType[redis.Error](err); !answered {
			return []Finding{d.unreached(check, do, shown+": "+what)}
		}
		return []Finding{finding(check, Problem, do, "%s: %s", shown, what)}
	}
	found := []Finding{finding(check, OK, "", "%s answers, in %s", shown, time.Since(begin).Round(10*time.Microsecond))}
	if d.s.QPUID == "" {
		return found
	}
	found = append(found, d.jobQueue(ctx, client)...)
	found = append(found, d.rights(ctx, client)...)
	keys := queue.KeysOf(d.s.QPUID)
	if n, err := client.XLen(ctx, keys.Dead).Result(); err == nil && n > 0 {
		found = append(found, finding(check, Warning, "see why with XRANGE "+keys.Dead+" - +; XADD a message again when the cause is mended",
			"%s holds %s that could not be processed or delivered", keys.Dead, countMessages(n)))
	}
	return found
}

// jobQueue looks at the stream and at what was claimed of it.
func (d *doctor) jobQueue(ctx context.Context, client *redis.Client) []Finding {
	const check = "redis"
	keys := queue.KeysOf(d.s.QPUID)
	exists, err := client.Exists(ctx, keys.Stream).Result()
	if err == nil && exists == 0 {
		return []Finding{finding(check, OK, "", "stream %s is not there yet; the node or the first job makes it", keys.Stream)}
	}
	var groups []redis.XInfoGroup
	if err == nil {
		groups, err = client.XInfoGroups(ctx, keys.Stream).Result()
	}
	if err != nil {
		what, do := redisTrouble(ctx, err)
		return []Finding{finding(check, Problem, do, "stream %s: %s", keys.Stream, what)}
	}
	for _, group := range groups {
		if group.Name != keys.Group {
			continue
		}
		level, do := OK, ""
		if group.Pending > 0 && !d.node.Running {
			level, do = Warning, "start a node: it claims them once their lease has run out"
		}
		return []Finding{finding(check, level, do, "stream %s with group %s; %s claimed and not finished", keys.Stream, keys.Group, countMessages(group.Pending))}
	}
	return []Finding{finding(check, OK, "", "stream %s has no group %s yet; the node makes it", keys.Stream, keys.Group)}
}

// rights says whether the node may run its scripts on the keys that they need. The
// script that is tried touches none of them: the server looks at their names.
func (d *doctor) rights(ctx context.Context, client *redis.Client) (found []Finding) {
	const check, anyJob = "redis", "JOB"
	try := func(keys ...string) error { return client.Eval(ctx, "return 1", keys).Err() }
	keys := queue.KeysOf(d.s.QPUID)
	needed := []string{keys.Stream, queue.StatusKey(anyJob), queue.CancelKey(anyJob)}
	if err := try(needed...); err != nil {
		switch whatever := try(); {
		case strings.HasPrefix(err.Error(), "CROSSSLOT"):
			return []Finding{finding(check, Problem, "use a server that is no cluster", "it is a cluster, which keeps the keys of a job apart, so that no job can be taken up: %v", err)}
		case whatever != nil:
			return []Finding{finding(check, Problem, "have the server let the node use EVAL and EVALSHA", "it runs no scripts, without which no job can be taken: %v", whatever)}
		}
		return []Finding{finding(check, Problem, "have the server let the node read and write "+strings.Join(needed, ", ")+", for every JOB",
			"it does not let the node have the keys of its jobs: %v", err)}
	}
	if err := try(keys.Dead); err != nil {
		found = append(found, finding(check, Problem, "have the server let the node write "+keys.Dead,
			"messages that cannot be processed, and outcomes that nobody takes, stay pending: %v", err))
	}
	if err := try(queue.DecisionKey(anyJob)); err != nil {
		found = append(found, finding(check, Warning, "have the server let the node read and write "+queue.DecisionKey(anyJob)+", for every JOB",
			"no other node can deliver in this one's place: %v", err))
	}
	if len(found) == 0 {
		found = append(found, finding(check, OK, "", "the node's scripts may run, on all the keys that they need"))
	}
	return found
}

// redisTrouble says what is wrong, and what to do.
func redisTrouble(ctx context.Context, err error) (what, do string) {
	text := err.Error()
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Sprintf("no answer within %s", networkPatience), "see that the server runs and that its port is reachable from here"
	case strings.HasPrefix(text, "NOAUTH"), strings.HasPrefix(text, "WRONGPASS"):
		return "the server refuses the credentials", "connect with a new token, or correct CODA_REDIS_URL"
	case strings.HasPrefix(text, "NOPERM"):
		return text, "ask for the rights that the node needs"
	case strings.HasPrefix(text, "WRONGTYPE"):
		return "it is no stream", "remove what another program put there"
	default:
		return cause(err).Error(), "see that the server runs and that it is reachable from here"
	}
}

func countMessages(n int64) string {
	if n == 1 {
		return "1 message"
	}
	return fmt.Sprintf("%d messages", n)
}
