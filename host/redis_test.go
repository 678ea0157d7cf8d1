package host_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/conductorquantum/coda/host"
	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/fault"
)

func TestRedisURLs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ url, addr, err string }{
		{"redis://192.0.2.1", "192.0.2.1:6379", ""},
		{"rediss://user:hunter%2F2@redis.example.com:6380/3", "redis.example.com:6380", ""},
		{"redis://[2001:db8::1]:1/", "[2001:db8::1]:1", ""},
		{"unix://:hunter@/run/redis.sock?db=3", "/run/redis.sock", ""},
		{"rediss://h?ssl_cert_reqs=required&ssl_check_hostname=True&socket_timeout=5&decode_responses=True&health_check_interval=30", "h:6379", ""},
		{"rediss://h?skip_verify=false", "h:6379", ""},
		{"rediss://h?skip_verify=true", "", "redis_url: asks with skip_verify for a server that is not verified"},
		{"rediss://:hunter@h?ssl_cert_reqs=none", "", "asks with ssl_cert_reqs"},
		{"rediss://h?ssl_cert_reqs=required&ssl_cert_reqs=none", "", "asks with ssl_cert_reqs"},
		{"rediss://h?ssl_check_hostname=0", "", "asks with ssl_check_hostname"},
		{"redis://:hunter@h/first", "", `redis_url: cannot be used: invalid database number: "first"`},
		{"redis://:hunter@h?password=hunter&color=red", "", "redis_url: cannot be used: unexpected option: color, password"},
		{"redis://:hunter@h:port", "", "redis_url: is not a URL"},
		{"http://:hunter@h", "", "redis_url: must start with redis://"},
	} {
		options, err := host.RedisOptions(config.Secret(tt.url))
		if tt.err != "" {
			e, ok := errors.AsType[*fault.ConfigError](err)
			if !ok || !strings.HasPrefix(e.Error(), tt.err) && !strings.Contains(e.Reason, tt.err) || strings.Contains(e.Error(), "hunter") {
				t.Errorf("%s: got %v, want %q", tt.url, err, tt.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.url, err)
			continue
		}
		if options.Addr != tt.addr || !options.ContextTimeoutEnabled {
			t.Errorf("%s: dials %s", tt.url, options.Addr)
		}
		if secured := strings.HasPrefix(tt.url, "rediss:"); secured != (options.TLSConfig != nil) || secured && options.TLSConfig.InsecureSkipVerify {
			t.Errorf("%s: TLS %+v", tt.url, options.TLSConfig)
		}
		if strings.Contains(tt.url, "hunter%2F2") && (options.Username != "user" || options.Password != "hunter/2" || options.DB != 3) {
			t.Errorf("%s: user %s, database %d", tt.url, options.Username, options.DB)
		}
	}
}
