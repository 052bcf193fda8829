# What a developer types. Continuous integration runs .ci/run, which needs no make.

golangci_version := v2.15.0
golangci := .tools/golangci-lint-$(golangci_version)
# Of 5 November 2026; latest for what has become known since.
vulndb_version := v0.0.0-20261105234957-e22db6528018
kafka := deploy/dev/kafka.sh
# What no event goes through, compiled without inlining, which is 2.1 MB less: the Kafka and the Redis that demo and bench embed, command line,
# configuration, and how metrics are written out.
lean := github.com/twmb/franz-go/... github.com/alicebob/miniredis/... github.com/yuin/gopher-lua/... \
	github.com/spf13/... go.yaml.in/yaml/... github.com/prometheus/... google.golang.org/protobuf/...

.PHONY: help test race lint vulns run-demo build integration kafka-start kafka-start-3 kafka-stop chaos image ci

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1: /p' $(MAKEFILE_LIST) | awk -F': ' '{ printf "  %-14s %s\n", $$1, $$2 }'

test: ## every test, on embedded servers
	go test ./...

race: ## the same with the race detector, without the test that trains a model
	go test -race ./...

lint: $(golangci) ## gofmt, vet and the linters of .golangci.yml
	@test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }
	go vet ./...
	$(golangci) run ./...

run-demo: ## conversations through an embedded Kafka and Redis, flags on the terminal
	go run ./cmd/worker demo

build: ## bin/worker as it ships: static, stripped, corpus and lexicons compressed
	go run pack.go
	CGO_ENABLED=0 go build -trimpath -tags packed,nethttpomithttp2 -ldflags="-s -w" $(lean:%=-gcflags=%=-l) -o bin/worker ./cmd/worker

second-reader: .tools/train/bin/python ## train the second reader anew from the corpus; an hour on two cores
	go run ./cmd/worker train --second .tools/train/data.jsonl
	MALLOC_MMAP_THRESHOLD_=33554432 MALLOC_TRIM_THRESHOLD_=17179869184 MALLOC_TOP_PAD_=268435456 .tools/train/bin/python tools/train/second.py \
		.tools/train/data.jsonl --out internal/classify/model/second.model --examples internal/encoder/testdata/examples.jsonl --tokens internal/encoder/testdata/tokens.json

second-reader-tokens: .tools/train/bin/python ## write down anew how the reference cuts the corpus into tokens
	python3 testdata/corpus/compile.py .tools/train/corpus.jsonl $$(ls testdata/corpus/d*.txt)
	.tools/train/bin/python tools/train/tokens.py .tools/train/corpus.jsonl --model internal/classify/model/second.model --out internal/encoder/testdata/tokens.json

.tools/train/bin/python: tools/train/requirements.txt
	python3 -m venv .tools/train
	.tools/train/bin/pip install -q -r tools/train/requirements.txt
	touch $@

vulns: ## what the Go vulnerability database knows of this code and all that it calls
	go mod download golang.org/x/vulndb@$(vulndb_version)
	go run golang.org/x/vulndb/cmd/indexdb@$(vulndb_version) -vulns "$$(go env GOMODCACHE)/golang.org/x/vulndb@$(vulndb_version)/data/osv" -out .tools/vulndb
	go run golang.org/x/vuln/cmd/govulncheck@v1.9.0 -db file://$(CURDIR)/.tools/vulndb ./...

integration: ## the worker against the Kafka of kafka-start and a redis-server of its own
	@test -s .kafka/run/brokers || { echo "no Kafka runs: make kafka-start-3"; exit 1; }
	ONSIDE_TEST_KAFKA=$$(cat .kafka/run/brokers) go test -race -count=1 -v \
		$$(grep -q , .kafka/run/brokers || echo -skip TestLeaderLost) ./test/integration

chaos: ## kill workers, take Kafka and Redis away, count what is lost; KILLS=500 MINUTES=40 ARGS="--json"
	go run ./test/chaos --kills $(or $(KILLS),30) --minutes $(or $(MINUTES),0) $(ARGS)

kafka-start: ## a real Apache Kafka of one broker, in .kafka
	$(kafka) start 1

kafka-start-3: ## the same of three brokers
	$(kafka) start 3

kafka-stop: ## stop it
	$(kafka) stop

image: ## the container image onside
	docker build -f deploy/Dockerfile -t onside .

ci: ## all of it, as continuous integration does
	.ci/run

$(golangci):
	mkdir -p .tools
	GOBIN=$(CURDIR)/.tools GOFLAGS=-trimpath go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(golangci_version)
	mv .tools/golangci-lint $@
