// Package devcloud is a Coda cloud in a box: what a node needs of the cloud (log
// on, heartbeat, job queue, webhook) and an interface of its own to submit jobs
// and fetch their results. `coda dev` runs it, and so do the tests.
//
// It also does what a cloud does on its bad days, when asked to: Cloud.Fault, or
// POST /api/dev/faults, plans refusals, nonsense, silence and lost answers.
//
// It keeps everything in memory and trusts whoever can reach it: it belongs on
// a loopback address.
package devcloud

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/conductorquantum/coda/host/fault"
	"github.com/redis/go-redis/v9"
)

// Config says what kind of cloud to be. The zero value is complete.
type Config struct {
	RedisURL string // "": a Redis inside this process, on loopback, with a password
	// What nodes are told, where it differs from how this process reaches them.
	NodeRedisURL string // "": RedisURL
	BaseURL      string // "": the address of Start, else the one that they called

	QPU           string // id of the device that tokens are for, "dev"
	DisplayName   string // "Development QPU"
	NativeGateSet string // "cz"
	NumQubits     int    // 50

	// Profile is the tunnel configuration for tokens that name none, which then are
	// for vpn mode; "" makes them for https mode. TokenSpec says it for one token.
	Profile string

	// Intercept stands before every request, in front of the faults that Cloud.Fault
	// plans: the place to listen.
	Intercept func(next http.Handler) http.Handler

	Log *slog.Logger // nil: slog.Default
}

// Cloud is a running stand-in. It is safe for concurrent use.
type Cloud struct {
	cfg      Config
	registry *registry
	jobs     *jobs
	faults   plan
	redis    redis.UniversalClient
	embedded *miniredis.Miniredis // nil with a Redis of the caller's
	handler  http.Handler
	firstKey chan *rsa.PrivateKey // made ahead; closed once taken

	mu     sync.Mutex
	server *http.Server
	url    string
}

// New starts the embedded Redis, or reaches the one it is given. Close it.
func New(cfg Config) (*Cloud, error) {
	setDefault(&cfg.QPU, "dev")
	setDefault(&cfg.DisplayName, "Development QPU")
	setDefault(&cfg.NativeGateSet, "cz")
	if cfg.NumQubits == 0 {
		cfg.NumQubits = 50
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	c := &Cloud{cfg: cfg, registry: newRegistry(), jobs: newJobs(), firstKey: make(chan *rsa.PrivateKey, 1)}
	if cfg.RedisURL == "" {
		if err := c.embed(); err != nil {
			return nil, err
		}
	}
	setDefault(&c.cfg.NodeRedisURL, c.cfg.RedisURL)
	options, err := redis.ParseURL(c.cfg.RedisURL)
	if err != nil {
		return nil, &fault.ConfigError{Where: "Redis URL", Reason: "must be like redis://127.0.0.1:6379/0, rediss://… or unix:///path"} // the error may quote a password
	}
	options.MaxRetries, options.DialerRetries = -1, 1 // a repeated XADD would be a second message
	c.redis = redis.NewClient(options)
	c.registry.register(cfg.QPU, device{cfg.DisplayName, cfg.NativeGateSet, cfg.NumQubits})
	c.handler = c.routes()
	go func() {
		// A key takes a tenth of a second: the first node need not wait for it.
		if key, err := newKey(); err == nil {
			c.firstKey <- key
		}
		close(c.firstKey)
	}()
	return c, nil
}

// embed starts a Redis in this process that only holders of its URL can use.
func (c *Cloud) embed() error {
	c.embedded = miniredis.NewMiniRedis()
	password := rand.Text()
	c.embedded.RequireAuth(password)
	if err := c.embedded.StartAddr("127.0.0.1:0"); err != nil {
		return &fault.NodeError{Op: "devcloud", Reason: "cannot start the embedded Redis", Err: err}
	}
	// The user is named since redis-cli would send an empty one.
	c.cfg.RedisURL = fmt.Sprintf("redis://default:%s@%s", password, c.embedded.Addr())
	return nil
}

// Handler serves the cloud's HTTP interface.
func (c *Cloud) Handler() http.Handler { return c.handler }

// Start serves on an address, such as "127.0.0.1:0", and returns the URL.
func (c *Cloud) Start(addr string) (string, error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return "", &fault.NodeError{Op: "devcloud", Reason: "the cloud in a box cannot listen (does another one run here?)", Err: err}
	}
	server := &http.Server{
		Handler:           c.handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      maxWait + time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(c.cfg.Log.Handler(), slog.LevelDebug),
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.server != nil {
		listener.Close()
		return "", &fault.NodeError{Op: "devcloud", Reason: "is already listening at " + c.url}
	}
	c.server, c.url = server, "http://"+reachable(listener.Addr())
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			c.cfg.Log.Error("the cloud in a box stopped listening", "error", err)
		}
	}()
	return c.url, nil
}

// reachable is a listener's address for a program on the same machine.
func reachable(addr net.Addr) string {
	if tcp, ok := addr.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", strconv.Itoa(tcp.Port))
	}
	return addr.String()
}

// URL is where Start listens, or "".
func (c *Cloud) URL() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.url
}

// RedisURL is the job queue's, password included.
func (c *Cloud) RedisURL() string { return c.cfg.RedisURL }

// Close stops listening, gives requests under way a second, and closes Redis.
func (c *Cloud) Close() error {
	c.mu.Lock()
	server := c.server
	c.mu.Unlock()
	var err error
	if server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			err = server.Close()
		}
	}
	err = errors.Join(err, c.redis.Close())
	if c.embedded != nil {
		c.embedded.Close()
	}
	for range c.firstKey { // the goroutine that makes it ends
	}
	return err
}

// baseURL is what the cloud calls itself towards a caller.
func (c *Cloud) baseURL(r *http.Request) string {
	switch url := c.URL(); {
	case c.cfg.BaseURL != "":
		return c.cfg.BaseURL
	case url != "":
		return url
	case r != nil:
		return "http://" + r.Host
	}
	return ""
}

func (c *Cloud) newKey() (*rsa.PrivateKey, error) {
	if key, ok := <-c.firstKey; ok {
		return key, nil
	}
	return newKey()
}

func newKey() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) }

func setDefault(field *string, value string) {
	if *field == "" {
		*field = value
	}
}
