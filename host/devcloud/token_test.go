package devcloud_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/conductorquantum/coda/host/config"
	"github.com/conductorquantum/coda/host/devcloud"
	"github.com/conductorquantum/coda/host/identity"
)

func TestTokenInterface(t *testing.T) {
	t.Parallel()
	cloud := start(t, devcloud.Config{})
	make := func(body string) devcloud.Token {
		t.Helper()
		var token devcloud.Token
		r := request(t, "POST", cloud.URL()+"/api/dev/tokens", body)
		if err := json.Unmarshal([]byte(text(t, r)), &token); err != nil || r.StatusCode != 201 || token.State != "active" {
			t.Fatalf("%d %+v, %v", r.StatusCode, token, err)
		}
		return token
	}
	used, other, stays := make(`{}`), make(`{"qpu_id":"other"}`), make(`{}`)
	if n, err := connect(t, cloud, t.TempDir(), used.Token); err != nil || n.settings.QPUID != "dev" {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		token, body string
		status      int
	}{
		{other.Token, `{"state":"active"}`, 400},
		{other.Token, `state`, 400},
		{other.Token, `{"state":"expired"}`, 200},
		{other.Token, `{"state":"expired"}`, 200},
		{other.Token, `{"state":"revoked"}`, 409},
		{used.Token, `{"state":"revoked"}`, 409},
		{"invented", `{"state":"revoked"}`, 404},
	} {
		if r := request(t, "PUT", cloud.URL()+"/api/dev/tokens/"+tt.token, tt.body); r.StatusCode != tt.status {
			t.Errorf("%s: %d %s, want %d", tt.body, r.StatusCode, text(t, r), tt.status)
		}
	}
	var list struct {
		Tokens []devcloud.Token `json:"tokens"`
	}
	if err := json.Unmarshal([]byte(text(t, request(t, "GET", cloud.URL()+"/api/dev/tokens", ""))), &list); err != nil {
		t.Fatal(err)
	}
	states := map[string]string{}
	for _, token := range list.Tokens {
		states[token.Token] = token.QPU + " " + token.State
	}
	for token, want := range map[string]string{used.Token: "dev redeemed", other.Token: "other expired", stays.Token: "dev active"} {
		if states[token] != want {
			t.Errorf("%s: %q, want %q", token, states[token], want)
		}
	}
	if r := request(t, "POST", cloud.URL()+"/api/dev/tokens", "?"); r.StatusCode != 400 {
		t.Errorf("rubbish: %d", r.StatusCode)
	}
}

// What a node is told in either mode, which is each token's own, and told again
// when it reconnects.
func TestConnectionModes(t *testing.T) {
	t.Parallel()
	const (
		none  = `{"required":false,"interface_hint":null,"check_interval_sec":null,"probe_targets":[],"client_profile_ovpn":null}`
		usual = `{"required":true,"interface_hint":null,"check_interval_sec":10,"probe_targets":["CLOUD/api/internal/qpu/health"],"client_profile_ovpn":"client\n"}`
	)
	for _, tt := range []struct{ profile, spec, mode, vpn string }{
		{"", `{}`, "https", none},
		{"", `{"connection_mode":"https"}`, "https", none},
		{"", `{"vpn":{"client_profile_ovpn":"client\n"}}`, "vpn", usual},
		{"client\n", `{}`, "vpn", usual},
		{"client\n", `{"connection_mode":"vpn"}`, "vpn", usual},
		{"client\n", `{"connection_mode":"https"}`, "https", none},
		{
			"other\n", `{"connection_mode":"vpn","vpn":{"client_profile_ovpn":"client\n","interface_hint":"tun7","check_interval_sec":2,"probe_targets":["http://192.0.2.1/"]}}`, "vpn",
			`{"required":true,"interface_hint":"tun7","check_interval_sec":2,"probe_targets":["http://192.0.2.1/"],"client_profile_ovpn":"client\n"}`,
		},
	} {
		cloud := start(t, devcloud.Config{Profile: tt.profile, BaseURL: "CLOUD"})
		var token devcloud.Token
		if r := request(t, "POST", cloud.URL()+"/api/dev/tokens", tt.spec); r.StatusCode != 201 {
			t.Fatalf("%s: %d %s", tt.spec, r.StatusCode, text(t, r))
		} else if err := json.Unmarshal([]byte(text(t, r)), &token); err != nil || token.Mode != tt.mode || cloud.Tokens()[0] != token {
			t.Errorf("%s: %+v, %v", tt.spec, token, err)
		}
		hear := func(credential string) (key, id string) {
			r := request(t, "POST", cloud.URL()+"/api/internal/qpu/connect", `{"machine_fingerprint":"f"}`, "Authorization", "Bearer "+credential)
			var bundle struct {
				Key  string          `json:"jwt_private_key"`
				ID   string          `json:"jwt_key_id"`
				VPN  json.RawMessage `json:"vpn"`
				Mode string          `json:"connection_mode"`
			}
			if err := json.Unmarshal([]byte(text(t, r)), &bundle); err != nil || bundle.Mode != tt.mode || string(bundle.VPN) != tt.vpn {
				t.Errorf("%s: %s, %s, %v", tt.spec, bundle.Mode, bundle.VPN, err)
			}
			return bundle.Key, bundle.ID
		}
		key, id := hear(token.Token)
		signer, err := identity.NewSigner(config.Secret(key), id, "dev")
		if err != nil {
			t.Fatal(err)
		}
		credential, err := signer.Token(time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if again, _ := hear(credential); again != "" {
			t.Error("the private key was sent twice")
		}
		if nodes := cloud.Nodes(); len(nodes) != 1 || nodes[0].Mode != tt.mode || nodes[0].Connects != 2 {
			t.Errorf("%s: %+v", tt.spec, nodes)
		}
	}
}

func TestTokensThatCannotBe(t *testing.T) {
	t.Parallel()
	cloud := start(t, devcloud.Config{})
	for spec, want := range map[string]string{
		`{"connection_mode":"vpn"}`: "vpn.client_profile_ovpn",
		`{"vpn":{}}`:                "vpn.client_profile_ovpn",
		`{"connection_mode":"VPN","vpn":{"client_profile_ovpn":"client"}}`: "must be https or vpn",
		`{"connection_mode":"https","vpn":{"client_profile_ovpn":"x"}}`:    "leave out vpn",
		`{"profile":"client"}`:         "profile",
		`{"vpn":{"profile":"client"}}`: "profile",
	} {
		if r := request(t, "POST", cloud.URL()+"/api/dev/tokens", spec); r.StatusCode != 400 || !strings.Contains(text(t, r), want) {
			t.Errorf("%s: %d, want %q", spec, r.StatusCode, want)
		}
	}
	if tokens := cloud.Tokens(); len(tokens) != 0 {
		t.Errorf("made all the same: %+v", tokens)
	}
}
