package devcloud

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/conductorquantum/coda/host/fault"
)

// The ways in which a node reaches the cloud, which is a token's to say.
const (
	modeHTTPS = "https"
	modeVPN   = "vpn"
)

const checkInterval = 10 // seconds, unless a Tunnel says otherwise

// TokenSpec says what a token is for. The zero value is a node of the default
// QPU, in the mode that Config.Profile makes.
type TokenSpec struct {
	QPU    string  `json:"qpu_id"`          // "": the default one; another need not exist yet
	Mode   string  `json:"connection_mode"` // https or vpn; "": vpn if there is a profile, here or in Config
	Tunnel *Tunnel `json:"vpn"`             // what a node in vpn mode is told; nil: Config.Profile and the defaults
}

// Tunnel is the tunnel of nodes in vpn mode, by the names that they are told it.
// Nothing of it is judged here: to refuse a profile is the node's affair.
type Tunnel struct {
	Profile       string   `json:"client_profile_ovpn"` // an OpenVPN client's; "": Config.Profile
	InterfaceHint *string  `json:"interface_hint"`      // nil: none
	CheckInterval int      `json:"check_interval_sec"`  // 0: 10
	ProbeTargets  []string `json:"probe_targets"`       // none: the cloud's health URL
}

// vpnPart is a Tunnel as a node hears of it, or that there is none.
type vpnPart struct {
	Required      bool     `json:"required"`
	InterfaceHint *string  `json:"interface_hint"`
	CheckInterval *int     `json:"check_interval_sec"`
	ProbeTargets  []string `json:"probe_targets"`
	Profile       *string  `json:"client_profile_ovpn"`
}

// Token is a one-time token as people see it.
type Token struct {
	Token string `json:"token"`
	QPU   string `json:"qpu_id"`
	State string `json:"state"`           // active, redeemed, revoked or expired
	Mode  string `json:"connection_mode"` // https or vpn
}

// Issue makes a one-time token. A QPU that is not registered is registered like
// the default one. Nodes of one QPU share its job stream.
func (c *Cloud) Issue(spec TokenSpec) (Token, error) {
	setDefault(&spec.QPU, c.cfg.QPU)
	tunnel, err := c.tunnel(&spec)
	if err != nil {
		return Token{}, err
	}
	if _, ok := c.registry.device(spec.QPU); !ok {
		c.registry.register(spec.QPU, device{c.cfg.DisplayName, c.cfg.NativeGateSet, c.cfg.NumQubits})
	}
	return Token{c.registry.newToken(spec.QPU, tunnel), spec.QPU, string(active), tunnel.mode()}, nil
}

// Token makes a one-time token for a node of the default QPU.
func (c *Cloud) Token() string { return c.TokenFor(c.cfg.QPU) }

// TokenFor makes a one-time token for a node of another QPU.
func (c *Cloud) TokenFor(qpu string) string {
	token, _ := c.Issue(TokenSpec{QPU: qpu}) // without a mode nothing can be wrong
	return token.Token
}

// Tokens are all that were made, sorted.
func (c *Cloud) Tokens() []Token {
	c.registry.mu.Lock()
	defer c.registry.mu.Unlock()
	list := make([]Token, 0, len(c.registry.tokens))
	for name, t := range c.registry.tokens {
		list = append(list, Token{name, t.qpu, string(t.state), t.tunnel.mode()})
	}
	slices.SortFunc(list, func(a, b Token) int { return strings.Compare(a.Token, b.Token) })
	return list
}

// UnmarshalJSON refuses members that a token does not have: a misspelled profile
// would make a token for https mode.
func (s *TokenSpec) UnmarshalJSON(text []byte) error {
	type plain TokenSpec
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	return decoder.Decode((*plain)(s))
}

// tunnel is what a token's nodes are told, nil in https mode.
func (c *Cloud) tunnel(spec *TokenSpec) (*Tunnel, error) {
	var t Tunnel
	if spec.Tunnel != nil {
		t = *spec.Tunnel
	}
	setDefault(&t.Profile, c.cfg.Profile)
	t.CheckInterval = cmp.Or(t.CheckInterval, checkInterval)
	t.ProbeTargets = slices.Clone(t.ProbeTargets)
	switch spec.Mode {
	case "":
		if t.Profile == "" && spec.Tunnel == nil {
			return nil, nil
		}
	case modeHTTPS:
		if spec.Tunnel != nil {
			return nil, &fault.ConfigError{Where: "connection_mode", Reason: "https mode has no tunnel: leave out vpn"}
		}
		return nil, nil
	case modeVPN:
	default:
		return nil, &fault.ConfigError{Where: "connection_mode", Reason: "must be https or vpn"}
	}
	if t.Profile == "" {
		return nil, &fault.ConfigError{Where: "vpn.client_profile_ovpn", Reason: "vpn mode needs a profile: give the text of an OpenVPN client's configuration"}
	}
	return &t, nil
}

func (t *Tunnel) mode() string {
	if t == nil {
		return modeHTTPS
	}
	return modeVPN
}

// part is what nodes hear of the tunnel from the cloud at a base URL.
func (t *Tunnel) part(base string) vpnPart {
	if t == nil {
		return vpnPart{ProbeTargets: []string{}}
	}
	targets := t.ProbeTargets
	if len(targets) == 0 {
		targets = []string{base + healthPath}
	}
	return vpnPart{Required: true, InterfaceHint: t.InterfaceHint, CheckInterval: &t.CheckInterval, ProbeTargets: targets, Profile: &t.Profile}
}
