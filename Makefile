# `make` lists the targets. Everything they download or build lives in LOCKKEEPER_CACHE, outside the checkout.
SHELL := /bin/sh
TOOLS := test/tools
# Node 24 comes first in PATH, whatever node the machine has; asked for when a recipe runs, since setup may only then have fetched it.
NODE_FIRST = PATH="$$($(TOOLS)/node-path):$$PATH"

.PHONY: help setup test test-local test-kubernetes lint format generate bench demo demo-local cluster cluster-build cluster-down clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

setup: ## install what tests need: Node 24, npm packages, MySQL, MariaDB, ZooKeeper, sysbench (what is there is kept)
	@$(TOOLS)/setup

test: setup lint test-tools ## all tests, on real servers and a real Kubernetes (an hour; the first time 20 minutes more); the last line counts them
	@$(NODE_FIRST) npx --no-install vitest run

test-local: setup lint ## only the tests that need no Kubernetes
	@$(NODE_FIRST) npx --no-install vitest run --project unit --project integration

test-kubernetes: setup test-tools ## only the tests that need one
	@$(NODE_FIRST) npx --no-install vitest run --project kubernetes --project cluster

.PHONY: test-tools
test-tools: setup cluster-build
	@$(TOOLS)/setup-promtool
	@$(TOOLS)/setup-prometheus-crds

lint: ## eslint, prettier and the types
	@$(NODE_FIRST) && export PATH && npx --no-install eslint . && npx --no-install prettier --check --log-level warn . && npx --no-install tsc

format: ## let eslint and prettier fix what they can
	@$(NODE_FIRST) && export PATH && npx --no-install eslint --fix . && npx --no-install prettier --write --log-level warn .

generate: ## write what is made from the sources: crds/*.yaml, docs/reference/, docs/errors.md, parts of charts/lockkeeper (a test fails while they are stale)
	@$(NODE_FIRST) && export PATH && node crds/generate.ts && node docs/generate.ts && node charts/generate.ts

bench: setup ## measure throughput and latency against a native replica
	@$(NODE_FIRST) node test/bench/main.ts

demo: setup ## see the operator, a source and two copies on a Kubernetes of three regions (the first build takes 20 minutes)
	@$(NODE_FIRST) node test/demo/kubernetes.ts

demo-local: setup ## see a pipeline between two local servers with one's own eyes, without Kubernetes
	@$(NODE_FIRST) node test/demo/local.ts

cluster: setup ## a Kubernetes of three regions: KUBECONFIG's, or kind's, or one made on this machine (see test/cluster/README.md)
	@$(NODE_FIRST) node test/cluster/main.ts up

cluster-build: setup ## only build what a Kubernetes made on this machine needs, into the cache
	@$(NODE_FIRST) node test/cluster/main.ts build

cluster-down: ## remove that Kubernetes wholly; what was built stays in the cache
	@$(NODE_FIRST) node test/cluster/main.ts down

clean: ## remove node_modules; LOCKKEEPER_CACHE stays (rm -r it for a fresh start)
	rm -rf node_modules coverage
