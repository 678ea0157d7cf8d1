package devcloud

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
)

const maxSmallBody = 256 << 10

// The paths that nodes are told.
const (
	connectPath   = "/api/internal/qpu/connect"
	heartbeatPath = "/api/internal/qpu/heartbeat"
	healthPath    = "/api/internal/qpu/health"
	webhookPath   = "/api/internal/qpu/webhook"
)

// connectRequest is what a node says when it logs on.
type connectRequest struct {
	Fingerprint  *string   `json:"machine_fingerprint"`
	Connectivity *[][2]int `json:"connectivity"`
}

// bundle is what a node is told.
type bundle struct {
	QPU           string  `json:"qpu_id"`
	DisplayName   string  `json:"qpu_display_name"`
	NativeGateSet string  `json:"native_gate_set"`
	NumQubits     int     `json:"num_qubits"`
	PrivateKey    string  `json:"jwt_private_key,omitempty"` // once, at the first log-on
	KeyID         string  `json:"jwt_key_id"`
	RedisURL      string  `json:"redis_url"`
	BaseURL       string  `json:"cloud_base_url"`
	ConnectPath   string  `json:"connect_path"`
	HeartbeatPath string  `json:"heartbeat_path"`
	WebhookPath   string  `json:"webhook_path"`
	VPN           vpnPart `json:"vpn"`
	StreamKey     string  `json:"stream_key"`
	WebhookURL    string  `json:"webhook_url"`
	Mode          string  `json:"connection_mode"`
	IssuedAt      string  `json:"issued_at"`
	ConnectID     string  `json:"connect_id"`
}

// connect serves the first log-on, with a token, and every later one, with a
// JWT: a credential of three parts.
func (c *Cloud) connect(w http.ResponseWriter, r *http.Request) {
	credential := bearer(r)
	switch {
	case credential == "":
		fail(w, http.StatusUnauthorized, errors.New("missing bearer token"))
	case strings.Count(credential, ".") == 2:
		c.reconnect(w, r)
	default:
		c.firstConnect(w, r, credential)
	}
}

func (c *Cloud) firstConnect(w http.ResponseWriter, r *http.Request, credential string) {
	qpu, err := c.registry.lookUp(credential)
	if err != nil {
		fail(w, http.StatusUnauthorized, err)
		return
	}
	d, _ := c.registry.device(qpu)
	request, err := readConnect(w, r, d)
	if err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	key, err := c.newKey()
	if err != nil {
		fail(w, http.StatusInternalServerError, err)
		return
	}
	private, err := encodeKey(key)
	if err != nil {
		fail(w, http.StatusInternalServerError, err)
		return
	}
	node, err := c.registry.redeem(credential, *request.Fingerprint, request.edges(), &key.PublicKey)
	if err != nil { // another node was faster
		fail(w, http.StatusUnauthorized, err)
		return
	}
	answer := c.bundle(r, node, d)
	answer.PrivateKey = private
	reply(w, http.StatusOK, answer)
}

func (c *Cloud) reconnect(w http.ResponseWriter, r *http.Request) {
	node, err := c.authenticate(r)
	if err != nil {
		fail(w, http.StatusUnauthorized, err)
		return
	}
	d, ok := c.registry.device(node.QPU)
	if !ok {
		fail(w, http.StatusConflict, errors.New("the device is not registered here"))
		return
	}
	request, err := readConnect(w, r, d)
	if err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	if *request.Fingerprint != node.Fingerprint {
		fail(w, http.StatusUnauthorized, errors.New("the machine fingerprint is not the one of the first connect"))
		return
	}
	c.registry.reconnect(node.KeyID, request.edges())
	reply(w, http.StatusOK, c.bundle(r, node, d))
}

func readConnect(w http.ResponseWriter, r *http.Request, d device) (connectRequest, error) {
	var request connectRequest
	if err := readJSON(w, r, maxSmallBody, &request); err != nil {
		return request, err
	}
	if request.Fingerprint == nil || *request.Fingerprint == "" {
		return request, errors.New("machine_fingerprint is required")
	}
	return request, checkTopology(request.edges(), d)
}

func (r *connectRequest) edges() [][2]int {
	if r.Connectivity == nil {
		return nil
	}
	return *r.Connectivity
}

// checkTopology compares a node's edges with the registered size.
func checkTopology(edges [][2]int, d device) error {
	for i, e := range edges {
		for _, q := range e {
			if q < 0 || q >= d.numQubits {
				return fmt.Errorf("connectivity[%d]: qubit %d does not fit the registered device of %d qubits", i, q, d.numQubits)
			}
		}
		if e[0] == e[1] {
			return fmt.Errorf("connectivity[%d]: qubit %d is coupled to itself", i, e[0])
		}
	}
	return nil
}

func (c *Cloud) bundle(r *http.Request, node Node, d device) bundle {
	base := c.baseURL(r)
	return bundle{
		QPU: node.QPU, DisplayName: d.displayName, NativeGateSet: d.nativeGateSet, NumQubits: d.numQubits,
		KeyID: node.KeyID, RedisURL: c.cfg.NodeRedisURL, BaseURL: base,
		ConnectPath: connectPath, HeartbeatPath: heartbeatPath, WebhookPath: webhookPath,
		VPN: node.tunnel.part(base), Mode: node.Mode,
		StreamKey: streamKey(node.QPU), WebhookURL: base + webhookPath,
		IssuedAt: time.Now().UTC().Format(time.RFC3339), ConnectID: uuid.NewString(),
	}
}

func encodeKey(key *rsa.PrivateKey) (string, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), nil
}
