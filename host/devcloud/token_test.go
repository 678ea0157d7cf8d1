package devcloud_test

import (
	"encoding/json"
	"testing"

	"github.com/conductorquantum/coda/host/devcloud"
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

// What a node is told in either mode.
func TestConnectionModes(t *testing.T) {
	t.Parallel()
	for profile, want := range map[string]string{
		"":         `{"required":false,"interface_hint":null,"check_interval_sec":null,"probe_targets":[],"client_profile_ovpn":null}`,
		"client\n": `{"required":true,"interface_hint":null,"check_interval_sec":10,"probe_targets":["CLOUD/api/internal/qpu/health"],"client_profile_ovpn":"client\n"}`,
	} {
		cloud := start(t, devcloud.Config{Profile: profile, BaseURL: "CLOUD"})
		r := request(t, "POST", cloud.URL()+"/api/internal/qpu/connect", `{"machine_fingerprint":"f"}`, "Authorization", "Bearer "+cloud.Token())
		var bundle struct {
			VPN  json.RawMessage `json:"vpn"`
			Mode string          `json:"connection_mode"`
		}
		mode := "https"
		if profile != "" {
			mode = "vpn"
		}
		if err := json.Unmarshal([]byte(text(t, r)), &bundle); err != nil || bundle.Mode != mode || string(bundle.VPN) != want {
			t.Errorf("%s, %s, %v", bundle.Mode, bundle.VPN, err)
		}
	}
}
