package host

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/conductorquantum/coda/host/config"
)

// mostSkew is how far the clocks may differ without anybody noticing: tokens are
// dated this much into the past.
const mostSkew = 30 * time.Second

const maxHealth = 4 << 10

// cloud asks the cloud's health endpoint the way the node would, and follows the
// one request through DNS, TCP, TLS and HTTP. The answer's date tells the clock.
func (d *doctor) cloud(ctx context.Context) []Finding {
	const check = "cloud"
	if err := config.CheckHTTPURL(d.s.WebappURL); err != nil {
		return []Finding{finding(check, Problem, "set CODA_WEBAPP_URL to the cloud's address, such as https://example.com",
			"not asked: the cloud's URL %v", err)}
	}
	target, err := url.Parse(d.s.HealthURL())
	if err != nil {
		return []Finding{finding(check, Problem, "correct CODA_WEBAPP_URL", "not asked: the cloud's URL is not a URL")}
	}
	ctx, cancel := context.WithTimeout(ctx, networkPatience)
	defer cancel()
	var way journey
	request, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, way.trace()), http.MethodGet, target.String(), nil)
	if err != nil {
		return []Finding{finding(check, Problem, "correct CODA_WEBAPP_URL", "not asked: the cloud's URL cannot be requested")}
	}
	request.Header.Set("User-Agent", d.agent)
	d.s.SetHeaders(request.Header)
	proxy, err := http.ProxyFromEnvironment(request)
	if err != nil {
		return []Finding{finding(check, Problem, "correct HTTPS_PROXY or HTTP_PROXY", "not asked: the proxy in the environment cannot be used")}
	}
	towards := target
	if proxy != nil {
		towards = proxy
		way.note("through the proxy " + proxy.Host)
	}
	transport := &http.Transport{Proxy: http.ProxyURL(proxy), DisableKeepAlives: true, ForceAttemptHTTP2: true}
	begin := time.Now()
	response, err := transport.RoundTrip(request) // follows no redirects
	if err != nil {
		what, do := noAnswer(ctx, err, towards)
		found := []Finding{d.unreached(check, do, what),
			finding("clock", Warning, "", "not compared with the cloud's, which did not answer")}
		if so := way.String(); so != "" {
			found = append([]Finding{finding(check, OK, "", "%s", so)}, found...)
		}
		return found
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxHealth))
	return []Finding{
		finding(check, OK, "", "%s", way.String()),
		health(response, body, err, target),
		clock(response.Header.Get("Date"), begin, time.Now()),
	}
}

// health judges the answer.
func health(response *http.Response, body []byte, err error, target *url.URL) Finding {
	const check = "cloud"
	at := target.Redacted()
	var said struct {
		OK bool `json:"ok"`
	}
	switch status := response.StatusCode; {
	case status >= 300 && status < 400:
		to := "elsewhere"
		if location, err := response.Location(); err == nil {
			to = "to " + location.Scheme + "://" + location.Host
		}
		return finding(check, Problem, "set CODA_WEBAPP_URL to where the cloud itself answers", "%s redirects %s (HTTP %d), which a node does not follow", at, to, status)
	case status >= 500 || status == http.StatusTooManyRequests:
		return finding(check, Problem, "try again later; if it stays, ask the cloud's operators", "%s answers HTTP %d", at, status)
	case status < 200 || status > 299:
		return finding(check, Problem, "check CODA_WEBAPP_URL and CODA_NODE_CONNECT_HEADERS", "%s answers HTTP %d", at, status)
	case err != nil:
		return finding(check, Problem, "try again; a proxy or firewall may cut connections", "%s breaks off its answer: %v", at, err)
	case json.Unmarshal(bytes.TrimSpace(body), &said) != nil || !said.OK:
		return finding(check, Warning, "check CODA_WEBAPP_URL; a captive portal or a proxy may answer in the cloud's place", "%s answers HTTP %d, but not as the cloud does", at, status)
	default:
		return finding(check, OK, "", "%s answers HTTP %d", at, status)
	}
}

// clock compares this machine's with the cloud's, which is told to the second.
func clock(date string, begin, end time.Time) Finding {
	const check = "clock"
	theirs, err := http.ParseTime(date)
	if err != nil {
		return finding(check, Warning, "", "not compared with the cloud's, which did not tell its time")
	}
	var skew time.Duration
	switch latest := theirs.Add(time.Second); {
	case begin.After(latest):
		skew = begin.Sub(latest)
	case end.Before(theirs):
		skew = end.Sub(theirs)
	}
	skew = skew.Round(time.Second)
	if skew.Abs() <= mostSkew {
		return finding(check, OK, "", "within %s of the cloud's", max(skew.Abs(), time.Second))
	}
	way := "ahead of"
	if skew < 0 {
		way = "behind"
	}
	return finding(check, Warning, "keep the clock with NTP: timedatectl set-ntp true", "%s %s the cloud's; a node learns that, but certificates and logs are judged by this clock", skew.Abs(), way)
}

// noAnswer says why no answer came, and what to do.
func noAnswer(ctx context.Context, err error, towards *url.URL) (what, do string) {
	name := towards.Hostname()
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return fmt.Sprintf("DNS: %s cannot be resolved: %s", dns.Name, dns.Err),
			"check the name, and this machine's resolver: getent hosts " + dns.Name
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fmt.Sprintf("TLS: the certificate of %s is not trusted: %v", name, cause(err)),
			"check this machine's clock and CA certificates; where a firewall inspects TLS, install its certificate"
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return fmt.Sprintf("TLS: %s does not speak TLS there", towards.Host), "check the scheme and the port"
	}
	allow := "allow outgoing connections to " + towards.Host + " in the firewall, or set HTTPS_PROXY"
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Sprintf("%s did not answer within %s", towards.Host, networkPatience), allow
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Sprintf("TCP: %s refuses the connection", towards.Host), "check the address and the port; else the cloud is down"
	default:
		return fmt.Sprintf("%s: %v", towards.Host, cause(err)), allow
	}
}

// cause is what stands behind the errors that repeat addresses.
func cause(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err
	}
	return err
}

// journey is what a request met on its way, stage by stage.
type journey struct {
	mu     sync.Mutex // stages end on several goroutines
	stages []string
}

func (j *journey) note(stage string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.stages = append(j.stages, stage)
}

func (j *journey) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.stages, "; ")
}

func (j *journey) trace() *httptrace.ClientTrace {
	var asked string
	return &httptrace.ClientTrace{
		DNSStart: func(info httptrace.DNSStartInfo) { asked = info.Host },
		DNSDone: func(info httptrace.DNSDoneInfo) {
			if info.Err != nil || len(info.Addrs) == 0 {
				return
			}
			more := ""
			if n := len(info.Addrs) - 1; n > 0 {
				more = fmt.Sprintf(" and %d more", n)
			}
			j.note(fmt.Sprintf("DNS: %s is %s%s", asked, info.Addrs[0].IP, more))
		},
		ConnectDone: func(_, address string, err error) {
			if err == nil {
				j.note("TCP: connected to " + address)
			}
		},
		TLSHandshakeDone: func(state tls.ConnectionState, err error) {
			if err == nil {
				j.note("TLS: " + tls.VersionName(state.Version) + ", certificate valid until " +
					state.PeerCertificates[0].NotAfter.UTC().Format(time.DateOnly))
			}
		},
	}
}
