# The few verbs of this project. Each calls a script of tools/ or CMake; V=1 shows everything they do.

.DEFAULT_GOAL := all
.PHONY: help all deps test proof standards asan tsan clang crash soak fuzz lint analyze format docs demo run install uninstall bench comparison clean

PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
SOAK_SECONDS ?= 600
SOAK_FUZZ_SECONDS ?= 600

help: ## say what there is
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

all: ## bring dependencies and build (the default)
	@tools/deps build
	@tools/build debug

deps: ## bring everything that building, testing and the demo need
	@tools/deps

test: ## run all tests but fuzzing and benches
	@tools/deps build test docs $(if $(filter true,$(CI)),dev)
	@tools/test

proof: ## prove in full that hidden data change no answer (ARGS="-k WORD")
	@tools/deps build test
	@tools/build debug
	@tools/proof $(ARGS)

standards: ## say of each example of ODCS and ODPS what weft and the schemas say (WEFT_SPECS)
	@tools/deps build
	@tools/build debug weft weft-worker
	@tools/standards

asan: ## run all tests under the address and undefined-behaviour sanitizers
	@tools/deps build test
	@tools/test asan

tsan: ## run all tests under the thread sanitizer
	@tools/deps build test
	@tools/test tsan

clang: ## build with clang
	@tools/deps build dev
	@tools/build clang

crash: ## fail, stop or kill weft at each call that writes, and print and keep what came of it (ARGS="run --most 40")
	@tools/deps build test
	@tools/build debug
	@tools/crash $(ARGS)

soak: ## kill servers and workers under load for SOAK_SECONDS (600), then fuzz each target for ten minutes
	@tools/deps build test dev
	@tools/build debug
	@tools/build fuzz fuzz_targets
	@tools/soak $(SOAK_SECONDS) $(SOAK_SEED)
	@tools/fuzz $(SOAK_FUZZ_SECONDS)

fuzz: ## fuzz each target for a minute (FUZZ_SECONDS=60)
	@tools/deps build dev
	@tools/build fuzz fuzz_targets
	@tools/fuzz $(FUZZ_SECONDS)

lint: ## check format, layers, names, banned calls, and that docs are in step
	@tools/deps build dev
	@tools/lint

analyze: ## look for faults along the paths of functions: clang-tidy and gcc -fanalyzer (ARGS="FILE ...")
	@tools/deps build test dev
	@tools/build debug
	@tools/analyze $(ARGS)

format: ## format our C
	@tools/deps dev
	@tools/lint --format

docs: ## make the pages of docs/reference, the tables of docs/standards.md and schemas/ again, and the site
	@tools/deps build docs
	@tools/build debug docs
	@tools/docs

demo: ## the retail example, served, from nothing
	@tools/deps build demo
	@tools/build debug weft weft-worker
	@tools/demo

run: ## serve with what was built (ARGS="--home DIR ...")
	@tools/deps build
	@tools/build debug
	@build/weft serve $(ARGS)

install: ## install a release build below PREFIX (/usr/local); DESTDIR is honoured
	@tools/deps build
	@tools/build release
	@DESTDIR="$(DESTDIR)" cmake --install build/release --prefix "$(PREFIX)" $(if $(V),,> build/release/install.log)
	@echo "installed below $(DESTDIR)$(PREFIX)"

uninstall: ## remove what install put below PREFIX
	@DESTDIR="$(DESTDIR)" tools/uninstall "$(PREFIX)"

bench: ## measure, beside the peers
	@tools/deps build test
	@tools/build release
	@WEFT_BUILD_DIR="$(CURDIR)/build/release" bench/run $(ARGS)

comparison: ## hold the same data against the same contract, beside datacontract-cli and Soda
	@tools/deps build test
	@tools/build release
	@WEFT_BUILD_DIR="$(CURDIR)/build/release" BENCH_OUT=results/contract_checks.txt bench/run contract_checks

clean: ## remove what was built, and keep what was brought
	@find build -mindepth 1 -maxdepth 1 ! -name deps -exec rm -rf {} + 2> /dev/null || true
