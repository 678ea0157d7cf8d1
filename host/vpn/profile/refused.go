package profile

// The reasons why directives that OpenVPN has are not for a profile from elsewhere.
const (
	runsProgram  = "it runs a program"
	loadsLibrary = "it loads a library"
	changesEnv   = "it changes the environment of programs"
	readsFile    = "it reads a file of this machine"
	writesFile   = "it writes a file of this machine"
	movesPaths   = "it changes what paths mean"
	opensControl = "it lets others control OpenVPN"
	includes     = "it takes in another file, which nobody has judged"
	hides        = "it hides another directive"
	isServer     = "it is for servers"
	isNodes      = "it is the node's to decide"
	unfitMode    = "OpenVPN would do something else than keep a tunnel"
)

// refused is what a profile is likely to hold that the policy does not accept. It is
// for messages alone: what is in no list is refused as well.
var refused = map[string]string{
	"script-security": "it lets programs run",

	"up": runsProgram, "down": runsProgram, "route-up": runsProgram, "route-pre-down": runsProgram,
	"ipchange": runsProgram, "tls-verify": runsProgram, "tls-crypt-v2-verify": runsProgram,
	"auth-user-pass-verify": runsProgram, "client-connect": runsProgram, "client-disconnect": runsProgram,
	"client-crresponse": runsProgram, "learn-address": runsProgram, "iproute": runsProgram, "dns-updown": runsProgram,
	"up-delay": runsProgram, "up-restart": runsProgram, "down-pre": runsProgram,

	"plugin": loadsLibrary, "engine": loadsLibrary, "providers": loadsLibrary,
	"pkcs11-providers": loadsLibrary, "pkcs11-id": loadsLibrary,

	"setenv": changesEnv + ", or hides another directive", "setenv-safe": changesEnv,
	"push": isServer, "config": includes, "ignore-unknown-option": hides,

	"askpass": readsFile, "capath": readsFile, "dh": readsFile, "secret": readsFile, "auth-gen-token-secret": readsFile,
	"http-proxy": "it can send a file of this machine to a proxy", "http-proxy-user-pass": readsFile,
	"socks-proxy": "it can send a file of this machine to a proxy", "auth-user-pass": "it asks for a password, or reads one from a file of this machine",

	"log": writesFile, "log-append": writesFile, "status": writesFile, "writepid": writesFile, "replay-persist": writesFile,
	"ifconfig-pool-persist": writesFile, "tls-export-cert": writesFile, "tmp-dir": writesFile, "genkey": writesFile,

	"cd": movesPaths, "chroot": movesPaths, "dev-node": movesPaths, "client-config-dir": readsFile,

	"management": opensControl, "management-up-down": opensControl, "management-external-key": opensControl,
	"management-external-cert": opensControl, "management-client": opensControl, "management-query-passwords": opensControl,
	"management-hold": opensControl, "management-signal": opensControl, "management-client-user": opensControl,

	"server": isServer, "mode": isServer, "tls-server": isServer, "port-share": isServer, "client-to-client": isServer,
	"duplicate-cn": isServer, "ifconfig-pool": isServer,

	"daemon": isNodes, "user": isNodes, "group": isNodes, "setcon": isNodes, "syslog": isNodes, "nice": isNodes, "mlock": isNodes,
	"redirect-gateway": isNodes, "redirect-private": isNodes, "route": isNodes, "route-ipv6": isNodes, "dhcp-option": isNodes,
	"ifconfig": isNodes, "remap-usr1": isNodes,

	"mktun": unfitMode, "rmtun": unfitMode, "help": unfitMode, "version": unfitMode, "test-crypto": unfitMode,
	"show-ciphers": unfitMode, "show-digests": unfitMode, "show-tls": unfitMode, "show-engines": unfitMode, "show-curves": unfitMode,

	"compress": "compression lets others guess what is encrypted", "comp-lzo": "compression lets others guess what is encrypted",
}

// whyNot says why the grammar has no such directive. Only a name that is known to be
// one is shown: what stands where it should not may be a part of a key.
func whyNot(name string) string {
	reason, known := refused[name]
	switch {
	case known:
		return name + " is not allowed: " + reason
	case blocks[name]:
		return name + " must be given as a block, <" + name + "> … </" + name + ">: a profile names no file of this machine"
	default:
		return "this directive is not among those that are allowed"
	}
}
