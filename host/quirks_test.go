package host_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// quirks names, for each oddity of the node that this one takes the place of
// (numbered as its specification numbers them), the tests that hold our behaviour:
// folder and function.
var quirks = map[int][]string{
	// Settings and files.
	1:  {"host/config TestHeldSettings"},                                                                   // the cloud's newer key counts
	2:  {"host/config TestHeldSettings"},                                                                   // a spent token reconnects
	3:  {"host/config TestAllErrorsAreReportedAndNoSecretIs", "host/config TestSyntaxErrorsRepeatNoValue"}, // no secret in errors
	4:  {"host/config TestValues"},                                                                         // empty is unset
	5:  {"host/config TestValues"},                                                                         // ranges
	6:  {"host/identity TestFilesOfAnOlderNode"},                                                           // null is absent
	7:  {"host/identity TestUnsafeFilesAreRefused"},                                                        // owner, mode, links
	8:  {"host/identity TestCrashDuringSave"},                                                              // atomic, as a pair
	10: {"host/identity TestTakeOver"},                                                                     // no path from a file is trusted
	11: {"host/config TestDeviceYAMLOfAnOlderSite"},                                                        // YAML's own rules
	12: {"host/config TestCredentialsAreAskedForInOrder"},                                                  // no empty subject
	13: {"host/identity TestFingerprintIsMadeOnce", "host/config TestHeldSettings"},                        // one fingerprint
	14: {"host/provision TestOutcomes"},                                                                    // a lost answer may have redeemed the token
	15: {"host/provision TestOutcomes", "host/provision TestWaits"},                                        // 408, 425, 429; jitter; Retry-After
	16: {"host/provision TestZeroRetriesStillTryOnce"},                                                     // at least one attempt
	17: {"host/provision TestOutcomes", "host/identity TestKeys"},                                          // errors of our own kinds
	18: {"host/provision TestConnectWithAToken", "host/config TestOwnHeaders"},                             // Authorization is not to be replaced
	19: {"host/provision TestCredentialsAreKeptBeforeTheTunnel"},                                           // kept before anything can fail
	20: {"host/provision TestNothingBadIsKept"},                                                            // a copy, swapped whole
	21: {"host/provision TestBundleCases"},                                                                 // integers and ranges
	22: {"host/provision TestBundleCases"},                                                                 // the first URL that is one
	23: {"host/provision TestBundleCases"},                                                                 // one slash
	24: {"host/provision TestBundleCases"},                                                                 // absent keeps, null clears
	25: {"host/provision TestAProfileIsUsedOnlyWhereRequired"},                                             // no tunnel that nobody asked for
	26: {"host TestBootFailures"},                                                                          // what was started is undone
	27: {"host TestBootFailures"},                                                                          // the executor is opened once, before the log-on

	// The tunnel.
	28: {"host/vpn/profile TestCases", "host/vpn/profile TestDifferential"},                       // an allow-list over OpenVPN's own grammar
	29: {"host/vpn/profile TestWritten"},                                                          // reneg-sec is looked for as a directive
	30: {"host TestTheKeptProfileIsJudgedAgain"},                                                  // owner, mode and policy, at every start
	31: {"host/vpn TestSomebodyElsesTunnel", "host/vpn TestTheInterfaceOfAnOwnTunnel"},            // up, with an address, and the tunnel's own
	32: {"host/vpn TestTheWatchGoesOn"},                                                           // whatever fails
	33: {"host/vpn TestStates"},                                                                   // degraded stays that, and every change is told
	34: {"host TestStopTunnelLeavesOthersAlone", "host TestStopTunnelEndsTheProcessThatWasNoted"}, // verified, and waited for
	35: {"host/vpn/openvpn TestStartsThatFail"},                                                   // errors of our own kind, and no child left
	36: {"host/vpn TestNoTunnelIsRequired", "host TestNoTunnelIsEstablished"},                     // nobody is asked

	// Heartbeats.
	37: {"host TestDrain"},                                // they go on through the drain
	38: {"host/heartbeat TestRejected"},                   // bounded; null is absent
	39: {"host/worker TestMessagesOfOneClaimRunTogether"}, // a batch has a current job

	// Jobs.
	40: {"host/worker TestRedisGoesAndComes"},                                                                                   // joining is tried again
	41: {"host/queue TestAJobFromTheStreamToItsEnd"},                                                                            // not healthy before contact
	42: {"host/queue TestOutagesAreNoticed", "host/queue TestAFlushedGroupIsMadeAgain", "host TestConnectionsThatAreForgotten"}, // loss is loss; the group comes back
	43: {"host/queue TestReclaimTakesWhatWasAbandoned", "host/queue TestRetireRemovesOnlyOurOwnEmptyConsumers"},
	44: {"host/worker TestTheLifeOfAJob"},                                                   // completed only after delivery
	45: {"host/worker TestDeliveryIsTriedAgain", "host/worker TestWhatNobodyTakesIsBuried"}, // a success is never reported as a failure
	46: {"host/worker TestCancellation"},                                                    // unreadable is not cancelled
	47: {"host/worker TestDrain"},                                                           // unfinished is not acknowledged
	48: {"host/worker TestMessagesOfOneClaimRunTogether"},                                   // malformed members are answered
	49: {"host/worker TestABatchThatFailsRunsOneByOne"},                                     // and the count is checked
	50: {"host/worker TestCancellationInABatch"},                                            // batches are jobs like others
	51: {"host/worker TestSettledJobsAreLeftAlone"},                                         // a failure is sent again, not run
	52: {"host/worker TestMessagesThatCannotRun"},                                           // shots from 1 on
	53: {"host/worker TestMessagesThatCannotRun"},                                           // which field is missing
	54: {"host/worker TestDrain", "host/queue TestALateClaimIsGivenBack"},                   // one deadline, no race with a read
	55: {"abi TestDeviceAccepts", "host/executor TestRefusedBeforeTheGuestSeesThem"},        // checked against the device
	57: {"host/worker TestWhatNobodyTakesIsBuried"},                                         // failures are delivered too

	// Webhooks and executors.
	58: {"host/worker TestDeliveryIsTriedAgain"},           // no wait after the last attempt
	59: {"host/webhook TestTokensGoToAllowedOriginsAlone"}, // where tokens may go
	60: {"host/webhook TestAnswers"},                       // 408, 425, 429 are tried again
	61: {"host TestChoose"},                                // no Python object is taken for an executor
	62: {"abi TestCounts", "guests TestConformance"},       // leftmost is measurements[0]

	// Probes, commands, the daemon.
	63: {"host/server TestProbes", "host TestDrain"},         // from the first moment to the last
	64: {"host/daemon TestStopHurriesANodeThatTakesTooLong"}, // time for the drain
	65: {"host/daemon TestNobodyIsSignalledUnverified"},      // no PID file is trusted
	66: {"host/daemon TestTail"},                             // counts from 1; an empty log is a log
	67: {"host TestDoctor"},                                  // no password; works when nothing else does
	68: {"host/config TestTokenFile", "cmd/coda TestStart"},  // tokens stay out of the process list
	69: {"host/daemon TestSecondNodeIsRefused"},              // one node per state
	70: {"cmd/coda TestScripts"},                             // reset refuses folders and running nodes
	71: {"host/daemon TestStartReturnsWhenTheNodeServes"},    // started means serving

	// Circuits.
	72: {"abi TestParseCircuitCases"},
	73: {"abi/qasm TestParseCases"},
}

func TestEveryQuirkIsHeld(t *testing.T) {
	t.Parallel()
	tests := map[string]map[string]bool{} // by folder
	for id := 1; id <= 73; id++ {
		if id == 9 || id == 56 { // not used
			continue
		}
		if len(quirks[id]) == 0 {
			t.Errorf("Q%d: no test holds it", id)
		}
		for _, named := range quirks[id] {
			folder, name, _ := strings.Cut(named, " ")
			if tests[folder] == nil {
				tests[folder] = testsIn(t, folder)
			}
			if !tests[folder][name] {
				t.Errorf("Q%d: there is no %s in %s", id, name, folder)
			}
		}
	}
}

// testsIn lists the test functions of a folder of this repository.
func testsIn(t *testing.T, folder string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", folder, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has no tests: %v", folder, err)
	}
	found := map[string]bool{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") {
				found[f.Name.Name] = true
			}
		}
	}
	return found
}
