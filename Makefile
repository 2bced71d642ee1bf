# Build, package, test and demonstrate the plugin. `make help` lists it all.

GO ?= go
GOFLAGS_HOST := -mod=readonly -trimpath -buildvcs=false
FUZZTIME ?= 60s
TESTTIMEOUT ?= 20m
# The modules with code of ours: `go test ./...` sees only the one it stands in.
MODULES := . sdk test/demo/server test/tools/profile
SYSTEMS := linux/amd64 linux/arm64 linux/arm/7 linux/386 linux/riscv64 windows/amd64 windows/arm64 darwin/amd64 darwin/arm64

START := $(or $(START),$(shell date +%s))
export START
# say,TEXT prints a step with the minutes and seconds since make began.
say = @t=$$(($$(date +%s) - $(START))); printf '\n== %d:%02d %s\n' $$((t / 60)) $$((t % 60)) '$(1)'

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help build package package-all host host-1.14 demo test test-unit test-all matrix platforms tidb fault figures curves bench bench-quick profile peers mysql9 lint fmt fuzz vulncheck tools deps page page-pictures clean

help: ## list the targets
	@echo 'eKuiper plugin mysql $(shell sed -n 's/^ *"version": *"\([^"]*\)".*/\1/p' plugin.json)'
	@echo
	@awk -F ':.*## ' '/^[a-z0-9.-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo '  make demo KEEP=1                                  keep it running until Ctrl-C'
	@echo "  make demo DSN='user:pass@tcp(host:3306)/db'       write into your own server"
	@echo '  make fuzz FUZZTIME=10m                            longer fuzzing'
	@echo "  make fault FAULT='-seed 7'                        the rounds of another seed"
	@echo "  make bench BENCH='-only backlog'                  one comparison, the table left as it is"

build: ## build the plugin for this machine: build/mysql
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags '-s -w' -o build/mysql ./mysql

package: ## pack the zip for this machine: dist/mysql_<version>_<os>_<arch>.zip
	./package.sh

package-all: ## pack the zips for all systems, with dist/SHA256SUMS
	rm -rf dist
	@for system in $(SYSTEMS); do ./package.sh $$(echo $$system | tr / ' ') || exit 1; done
	cd dist && { sha256sum *.zip 2>/dev/null || shasum -a 256 *.zip; } > SHA256SUMS && cat SHA256SUMS

host: build/kuiperd ## build the pinned eKuiper 2.4.0 for tests: build/kuiperd

build/kuiperd: test/host/go.mod test/host/go.sum test/host/main.go
	@echo 'Building eKuiper 2.4.0 from source: 2 to 3 minutes the first time.'
	$(GO) build -C test/host $(GOFLAGS_HOST) -tags 'no_base mysql' -ldflags '-s -w' -o '$(CURDIR)/$@' .

host-1.14: build/kuiperd-1.14.7 ## build the pinned eKuiper 1.14.7: build/kuiperd-1.14.7

build/kuiperd-1.14.7: test/host114/go.mod test/host114/go.sum test/host114/main.go
	@echo 'Building eKuiper 1.14.7 from source: some minutes the first time.'
	$(GO) build -C test/host114 $(GOFLAGS_HOST) -tags no_pprof -ldflags '-checklinkname=0 -s -w' -o '$(CURDIR)/$@' .

build/demo-server: test/demo/server/go.mod test/demo/server/go.sum $(filter-out %_test.go,$(wildcard test/demo/server/*.go))
	@echo 'Building the embedded MySQL server: about a minute the first time.'
	CGO_ENABLED=0 $(GO) build -C test/demo/server $(GOFLAGS_HOST) -ldflags '-s -w' -o '$(CURDIR)/$@' .

# With a DSN of one's own the embedded server is not needed. The demo finds its
# settings in the environment, where make puts the variables it was given.
demo: build/kuiperd $(if $(DSN),,build/demo-server) ## watch random rows pass through eKuiper into a MySQL table
	@$(GO) build -o build/demo ./test/demo
	@build/demo

NOMYSQL := NOT TESTED: what the sink does on MySQL, which cannot be had here; see above. MariaDB is tested.

test: ## run everything: install what is missing, build, lint, all tests with the race detector
	$(call say,dependencies)
	@mkdir -p build
	@test/tools/deps.sh
	$(call say,MySQL)
	@$(MAKE) --no-print-directory mysql9 || echo '$(NOMYSQL)'
	$(call say,eKuiper)
	@$(MAKE) --no-print-directory host
	$(call say,package)
	@$(MAKE) --no-print-directory package
	$(call say,lint)
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory test-all
	@[ -n '$(MYSQL9)' ] || [ -x build/mysql9/mysqld ] || echo '$(NOMYSQL)'
	$(call say,all passed)

# Unit tests run side by side. Those below test/ meet real hosts and servers,
# and the mock host uses socket names of the real one: one package at a time.
test-all:
	$(call say,sdk)
	cd sdk && $(GO) test -race -timeout $(TESTTIMEOUT) ./...
	$(call say,unit)
	$(GO) test -race -timeout $(TESTTIMEOUT) $$($(GO) list ./... | grep -v /test/)
	$(call say,conformance$(comma) integration and end to end)
	$(GO) test -race -p 1 -timeout $(TESTTIMEOUT) ./test/...
	$(call say,demo server)
	cd test/demo/server && $(GO) test -timeout $(TESTTIMEOUT) ./...
	$(call say,demo)
	@$(MAKE) --no-print-directory demo

# MATRIX_SERVERS names some kinds in place of all: mariadb, mysql, tidb, galera,
# group, demo. What cannot be had is told at the end, and fails.
matrix: ## run the same tests on MariaDB, MySQL, TiDB, Galera, Group Replication, go-mysql-server; write docs/servers.md (some minutes)
	$(call say,dependencies)
	@mkdir -p build
	@test/tools/deps.sh clusters
	@$(MAKE) --no-print-directory mysql9 || true
	$(call say,go-mysql-server)
	@$(MAKE) --no-print-directory build/demo-server || true
	$(call say,TiDB)
	@$(MAKE) --no-print-directory tidb || true
	$(call say,the matrix)
	$(GO) test -c -o build/matrix.test ./mysql/internal/sink/matrix
	cd mysql/internal/sink/matrix && MATRIX_SERVERS='$(or $(MATRIX_SERVERS),all)' '$(CURDIR)/build/matrix.test' -test.timeout 2h -full \
		$(if $(MATRIX_SERVERS),,-report '$(CURDIR)/docs/servers.md') $(MATRIX)

# PLATFORMS may name flags, such as '-only linux_arm64,windows -units=false';
# the table is left as it is then.
platforms: ## run the zip of every system (qemu, Wine) with a host and a database; write docs/platforms.md (20 minutes)
	$(call say,dependencies)
	@mkdir -p build
	@test/tools/deps.sh platforms
	$(call say,every system)
	$(GO) run ./test/platforms $(or $(PLATFORMS),-report docs/platforms.md)

tidb: build/tidb-server ## build TiDB 8.5 for the matrix: build/tidb-server (7 minutes the first time)

# A build with a newer Go panics.
build/tidb-server: test/matrix/tidb/go.mod test/matrix/tidb/go.sum
	@echo 'Building TiDB 8.5 from source: 7 minutes the first time.'
	GOTOOLCHAIN=go1.25.12 $(GO) build -C test/matrix/tidb $(GOFLAGS_HOST) -ldflags '-s -w' -o '$(CURDIR)/$@' github.com/pingcap/tidb/cmd/tidb-server

bench-quick: build ## compare with the bare driver, settings with each other, a short backlog (2 minutes)
	$(GO) run ./test/bench -quick -pairs 3 -most-pairs 3 -rows 200000 -backlog 500000 -backlog-pairs 1

# BENCH may name more flags, such as -only backlog; without the table then.
bench: build build/kuiperd peers ## everything, eKuiper, peers and MySQL 9 too, ten to twenty pairs each; writes docs/performance.md (an hour)
	@$(MAKE) --no-print-directory mysql9 || echo 'No MySQL 9: its chapter will be left out.'
	$(GO) run ./test/bench $(or $(BENCH),-report docs/performance.md)

peers: build/peers/redpanda build/peers/telegraf ## build the peers of the bench, pinned: build/peers

build/peers/redpanda: test/bench/redpanda/go.mod test/bench/redpanda/go.sum test/bench/redpanda/main.go
	@echo 'Building Redpanda Connect 4.49.1 from source: 2 minutes the first time.'
	CGO_ENABLED=0 $(GO) build -C test/bench/redpanda $(GOFLAGS_HOST) -ldflags '-s -w' -o '$(CURDIR)/$@' .

# Telegraf has build tags to leave out what is not named.
TELEGRAF := github.com/influxdata/telegraf/cmd/telegraf
TELEGRAF_TAGS := custom,inputs.tail,outputs.sql,parsers.json
build/peers/telegraf: test/bench/telegraf/go.mod test/bench/telegraf/go.sum
	@echo 'Building Telegraf 1.37.2 from source: 5 minutes the first time.'
	CGO_ENABLED=0 $(GO) build -C test/bench/telegraf $(GOFLAGS_HOST) -tags '$(TELEGRAF_TAGS)' -ldflags '-s -w' -o '$(CURDIR)/$@' $(TELEGRAF)

mysql9: $(if $(MYSQL9),,build/mysql9/mysqld) ## unpack Oracle's MySQL for tests and the bench: build/mysql9

build/mysql9/mysqld: test/mariadb/mysql9.sh
	@echo 'Unpacking MySQL from Debian sid, which installs nothing.'
	@test/mariadb/mysql9.sh build/mysql9

# The rounds of the proof. FAULT may name more flags, such as -seed 7.
fault: build/kuiperd ## hurt everything in many rounds, count rows, write docs/faults.md (over an hour)
	@mkdir -p build
	$(GO) test -c -o build/fault.test ./test/fault
	cd test/fault && '$(CURDIR)/build/fault.test' -test.timeout 4h -full -report '$(CURDIR)/docs/faults.md' $(FAULT)

# What the compiler is told of: each road at full speed, and at a pace that is kept up with.
PROFILED := messages_of_100_vs single_row_messages journal_cpu exactly_once ack_throughput mysql9_load host_batches
profile: build/kuiperd ## take the profile that the compiler is given anew: mysql/default.pgo (4 minutes)
	@$(MAKE) --no-print-directory mysql9 || echo 'No MySQL 9: its road will be left out.'
	@rm -rf build/profiles && mkdir -p build/profiles
	CGO_ENABLED=0 $(GO) build -tags profile -trimpath -o build/mysql-profile ./mysql
	@for road in $(PROFILED); do \
		PROFILE_DIR='$(CURDIR)/build/profiles' $(GO) run ./test/bench -plugin build/mysql-profile -pairs 2 -rows 600000 -only $$road || exit 1; \
	done
	$(GO) run -C test/tools/profile . -o '$(CURDIR)/mysql/default.pgo' '$(CURDIR)'/build/profiles/*.prof

figures: build ## measure size, start, memory at 30,000 rows/s for a minute, CPU (90 s)
	$(GO) run ./test/figures

curves: build ## measure idle rules, 1,000 rules, and cost by columns, size, rows and rules; write docs/curves.md (8 minutes)
	$(GO) run ./test/curves -report docs/curves.md

# SOAK is how long; a day of it is a 24th part.
SOAK ?= 1h
.PHONY: soak
soak: build/kuiperd ## days of kills, cuts and edits in SOAK (1h); every row counted, memory flat; writes docs/soak.md
	$(GO) run ./test/soak -for $(SOAK) -report docs/soak.md

# What a package's tests import says whether they talk to a server.
test-unit: ## run the tests that need no server and no host
	cd sdk && $(GO) test ./...
	$(GO) test $$($(GO) list -f '{{.ImportPath}} {{.TestImports}} {{.XTestImports}}' ./... | grep -v -e '^[^ ]*/test/' -e /test/mariadb -e /test/matrix | cut -d ' ' -f 1)

page: ## look at the plugin's page in a headless Chromium, which is installed if need be (Debian's, 123 MB; a minute or two)
	@mkdir -p build
	@test/tools/deps.sh page
	$(GO) test -timeout $(TESTTIMEOUT) ./test/page -browser

page-pictures: ## take the pictures of docs/page.md anew, in Chromium
	@mkdir -p build
	@test/tools/deps.sh page
	$(GO) test -timeout $(TESTTIMEOUT) ./test/page -run Pictures -pictures '$(CURDIR)/docs'

lint: tools ## check format, go vet, staticcheck, documents, and that every system compiles
	@test/tools/lint.sh '$(CURDIR)/build/tools' $(MODULES)

fmt: tools ## format the Go code
	find . -name '*.go' -not -path './build/*' -print0 | xargs -0 build/tools/gofumpt -w

fuzz: ## run each fuzz target for FUZZTIME (60s)
	FUZZTIME=$(FUZZTIME) test/tools/fuzz.sh $(MODULES)

vulncheck: build/tools/govulncheck ## look for known vulnerabilities of what is linked in (VULNDB=file:///copy where no network is)
	@VULNDB='$(VULNDB)' test/tools/vulncheck.sh '$(CURDIR)/build/tools/govulncheck' . sdk

build/tools/govulncheck: test/tools/vuln/go.mod test/tools/vuln/go.sum
	@mkdir -p build/tools
	$(GO) build -C test/tools/vuln -mod=readonly -o '$(CURDIR)/build/tools/' golang.org/x/vuln/cmd/govulncheck

tools: build/tools/staticcheck build/tools/govulncheck
build/tools/staticcheck: test/tools/go.mod test/tools/go.sum
	@mkdir -p build/tools
	$(GO) build -C test/tools -mod=readonly -o '$(CURDIR)/build/tools/' mvdan.cc/gofumpt honnef.co/go/tools/cmd/staticcheck

deps: ## install what the tests need: MariaDB's server, a C compiler, Prometheus, Mosquitto, busybox, zip, curl, fish
	@mkdir -p build
	@test/tools/deps.sh

clean: ## remove what was built
	rm -rf build dist

comma := ,
