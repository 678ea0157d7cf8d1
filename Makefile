# What can be done here. `make help` lists it.

GO      ?= go
BIN     := bin/coda
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LINT    := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
FUZZ    ?= 20s
WALL    ?= $(FUZZ)
CHAOS   ?= 20000

# One file that needs nothing else, whatever machine built it; and what is tested is
# what is shipped.
export CGO_ENABLED := 0

.DEFAULT_GOAL := help

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/coda
	@$(GO) build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o $(BIN) ./cmd/coda

.PHONY: demo
demo: build ## run a few circuits of ours through a cloud in a box (needs only Go)
	@$(BIN) dev --once

.PHONY: test
test: parts ## every test; installs the Debian packages it needs, as root
	$(GO) test ./...

# What the race detector slows tenfold and sees nothing of: the work of guests and of
# compilers, in processes of their own.
RACELESS := ^(TestInstruments|TestNewExecutor|TestTape|TestZoo|TestZooNodes|TestZooUnderLoad|TestCrashPoints)$$

.PHONY: race
race: export CGO_ENABLED := 1
race: parts ## tests under the race detector: fewer repetitions, without those of guests
	$(GO) test -race -short -timeout 20m -skip '$(RACELESS)' $$($(GO) list ./... | grep -v -e '/guests$$' -e '/sdk/go$$')

.PHONY: chaos
chaos: parts ## CHAOS (20000) jobs over two nodes that are killed all the time
	CODA_CHAOS=$(CHAOS) $(GO) test -run '^TestChaos$$' -count=1 -timeout 15m -v ./cmd/coda

.PHONY: check
check: ## format, vet, lint, tidy; fails if anything was out of order
	@test -z "$$(gofmt -l .)" || { gofmt -l . ; echo "make check: run gofmt -w on these"; exit 1; }
	$(GO) vet ./...
	GOOS=darwin $(GO) vet ./...
	GOOS=windows $(GO) vet ./...
	$(GO) mod tidy -diff
	$(GO) run $(LINT) run

# What stands between a guest and the node: what reads its module, lifts its values,
# speaks with its process and checks its results.
WALLS := abi.FuzzResult abi/canon.FuzzLift host/executor/module.FuzzParse \
	host/executor/wire.FuzzFrames host/executor/wire.FuzzPayloads

.PHONY: fuzz
fuzz: ## run each fuzz target for FUZZ (20s), those of the walls for WALL
	@.ci/fuzz $(FUZZ) $(WALL) $(WALLS)

.PHONY: bench
bench: ## the benchmarks
	$(GO) test -tags uncaged -run '^$$' -bench . -benchmem ./...

.PHONY: guests
guests: toolchain ## build the built-in executors anew
	guests/build

.PHONY: qubic
qubic: ## build bin/qubic.wasm, the executor of a QubiC board, which is not built in
	@mkdir -p bin
	@cd guests/qubic && GOOS=wasip1 GOARCH=wasm $(GO) build -trimpath -ldflags "-s -w" -buildmode=c-shared -o ../../bin/qubic.wasm .

# The Debian packages behind the real parts of the tests.
PACKAGES  := redis-server clang-19 lld-19 wasi-libc wabt openvpn strace
TOOLCHAIN := clang-19 lld-19 wasi-libc

.PHONY: parts toolchain
parts: ; @$(call install,$(PACKAGES))
toolchain: ; @$(call install,$(TOOLCHAIN))

# install brings the packages that are missing, if we may; else it names them.
define install
missing=; for p in $(1); do \
	dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q '^install ok' || missing="$$missing $$p"; \
done; \
[ -z "$$missing" ] || if ! command -v apt-get >/dev/null; then \
	echo "make: tests that need these Debian packages, or their like, are skipped:$$missing"; \
elif [ "$$(id -u)" = 0 ]; then \
	{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; } >/dev/null || \
		echo "make: these Debian packages could not be installed; tests that need them are skipped:$$missing"; \
else \
	echo "make: run apt-get install$$missing as root; tests that need them are skipped"; \
fi
endef
