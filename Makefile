# The front door of the repository; `make` alone lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3.11
MODEL  ?= models/flights
UV     := .tools/uv/bin/uv
DEV    := .venv/dev/bin
RATOON := $(DEV)/ratoon
IMAGES := data model ops
LOCKED := . tests tests/bench $(IMAGES:%=components/%)
ROOMS  := components pipelines
# A folder may be named with a slash at its end, as a shell completes it.
override MODEL := $(patsubst %/,%,$(MODEL))
BUILD  := build/$(notdir $(MODEL))
export PYTHONPATH := $(CURDIR)
export RATOON_ENVS := $(CURDIR)/.venv
export UV_NO_CONFIG := 1
# Schemas of the kinds of others: from beside the checkout, else from their projects.
ifeq ($(RATOON_CRDS)$(wildcard ../shared/crds),)
CRDS := .tools/crds
export RATOON_CRDS := $(CURDIR)/$(CRDS)
endif

# One environment per image, from the same hashed lock that its Dockerfile installs. What has no
# wheel is in the lock of dev alone; what builds it is held to that lock too.
install = $(UV) venv -q --clear --python $(PYTHON) $(1) && VIRTUAL_ENV=$(1) $(UV) pip install -q \
	--compile-bytecode --require-hashes --no-deps $(or $(3),--only-binary :all:) -r $(2)
lock = env -u UV_NO_CONFIG $(UV) pip compile -q --directory $(1) --python-version 3.11 --generate-hashes \
	--custom-compile-command "make lock" $(2) pyproject.toml -o requirements.lock

# A model that makes its own data says how in source.py; it makes nothing twice.
source = if [ -f '$(MODEL)/source.py' ]; then \
	$(DEV)/python '$(MODEL)/source.py' '$(BUILD)/source'; fi

# --name 'value' for each variable that was given: $(call options,overlay target).
options = $(foreach name,$(1),$(if $($(call upper,$(name))),--$(name) '$($(call upper,$(name)))'))
upper = $(shell echo '$(1)' | tr a-z- A-Z_)

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 18

.PHONY: run
run: .venv/ready ## Train, serve and replay half a year of flights on this machine; link every report
	@$(source)
	@$(DEV)/python -m pipelines.replay '$(MODEL)'

.PHONY: run-fake-cluster
run-fake-cluster: .venv/ready ## The same replay with kserve://, on a fake cluster
	@$(source)
	@$(DEV)/python -m tests.fakes.replay '$(MODEL)'

.PHONY: monitor
monitor: .venv/ready ## Run every monitoring run that is due (AS_OF=2013-09-01 sets the day)
	@$(RATOON) monitor '$(MODEL)' $(call options,as-of overlay)

.PHONY: train
train: .venv/ready ## Train and deploy once (MODEL=models/flights AS_OF=2013-07-01)
	@$(source)
	@$(RATOON) train '$(MODEL)' $(call options,as-of target overlay)

.PHONY: stop
stop: ## Stop the servers that a run left serving
	@if [ -d '$(BUILD)/serving' ]; then $(RATOON) serve stop '$(MODEL)'; \
	else echo "nothing was running: there is no $(BUILD)/serving"; fi

.PHONY: spec
spec: .venv/ready ## Check a spec and explain it (MODEL=models/flights)
	@$(RATOON) spec show '$(MODEL)' $(call options,overlay)

.PHONY: schema
schema: .venv/ready ## Infer a schema and show how the committed one differs (WRITE=1 writes it)
	@$(source)
	@$(RATOON) schema infer '$(MODEL)' $(if $(WRITE),--write)

.PHONY: audit
audit: .venv/ready ## Show everything behind one prediction (REQUEST=<id>)
	@$(RATOON) audit show '$(MODEL)' $(if $(REQUEST),'$(REQUEST)') $(call options,overlay target)

.PHONY: rollback
rollback: .venv/ready ## Make an earlier version serve again (VERSION=… REASON=…; LIST=1 lists them)
	@$(RATOON) rollout $(if $(LIST),list,rollback) '$(MODEL)' $(if $(VERSION),'$(VERSION)') \
		$(call options,overlay target $(if $(LIST),,reason))

.PHONY: approve
approve: .venv/ready ## Promote a proposed version (VERSION=…), or take it back (REJECT=1)
	@$(RATOON) rollout $(if $(REJECT),reject,approve) '$(MODEL)' $(if $(VERSION),'$(VERSION)') \
		$(call options,overlay target reason)

.PHONY: compile
compile: .venv/ready ## Compile both pipelines to YAML and objects (REGISTRY=… TAG=… PVC=… are kept)
	@$(RATOON) compile $(call options,registry tag pvc)

.PHONY: images
images: .venv/dev/.installed ## Build the three images with docker or podman (REGISTRY=… TAG=…)
	@$(RATOON) images build $(call options,registry tag)

.PHONY: push
push: .venv/dev/.installed ## Push the images (REGISTRY=… TAG=…)
	@$(RATOON) images push $(call options,registry tag)

.PHONY: submit
submit: .venv/ready ## Run a pipeline on a cluster and follow it (PIPELINE=monitor ENDPOINT=http://…)
	@$(RATOON) submit '$(MODEL)' $(call options,pipeline as-of target overlay endpoint namespace \
		account experiment follow)

.PHONY: upload
upload: .venv/ready ## Copy a model's tables to where an overlay has them (OVERLAY=kind.yaml SAMPLE=10)
	@$(source)
	@$(RATOON) upload '$(MODEL)' $(call options,overlay sample)

.PHONY: overlays
overlays: .venv/ready .tools/kustomize ## Render every overlay of kustomize/ to its golden file
	@$(DEV)/python -m tests.manifests.kustomize

.PHONY: docs
docs: .venv/ready ## Write the spec reference and its JSON Schema
	@$(DEV)/python -m pipelines.reference

.PHONY: test
test: .venv/test-ready .tools/kustomize $(CRDS) ## Run every test
	@$(DEV)/python -m pytest tests/unit/core tests/unit/report tests/unit/pipelines tests/golden tests/docs tests/manifests
	@$(DEV)/python -m pytest tests/images tests/monitoring
	@.venv/test-data/bin/python -m pytest tests/unit/data tests/unit/core/tasks
	@.venv/test-model/bin/python -m pytest tests/unit/model tests/unit/core/tasks tests/server
	@.venv/test-ops/bin/python -m pytest tests/unit/ops
	@$(DEV)/python -m pytest tests/contract tests/cluster tests/loop tests/faults

.PHONY: check
check: .venv/ready .tools/kustomize ## Lint, type-check, and check the imports between rooms and every generated file
	@$(DEV)/ruff format --check . && $(DEV)/ruff check .
	@$(DEV)/mypy $(ROOMS)
	@$(DEV)/lint-imports
	@$(DEV)/hadolint components/*/Dockerfile
	@$(MAKE) check-generated

.PHONY: check-generated
check-generated: .venv/ready .tools/kustomize ## Check that every generated file is fresh
	@$(DEV)/python -m pipelines.reference --check
	@$(RATOON) compile --check
	@$(DEV)/python -m tests.manifests.kustomize --check

.PHONY: bench
bench: .venv/ready .venv/bench/.made ## Benchmark against other tools, side by side in one run
	@$(DEV)/python models/flights/source.py build/flights/source
	@$(DEV)/python -m tests.bench

.PHONY: lock
lock: $(UV) ## Write the hashed locks again from each pyproject.toml
	@for folder in $(LOCKED); do $(call lock,$$folder) || exit 1; done

.PHONY: audit-deps
audit-deps: .venv/dev/.made ## Look up known vulnerabilities of every locked package (by network; not in CI)
	@failed=0; for lock in $(LOCKED:%=%/requirements.lock); do echo "$$lock" && \
		$(DEV)/pip-audit --strict --require-hashes --disable-pip -r $$lock || failed=1; done; exit $$failed

# Each room in its own environment; what runs in processes of its own is not counted.
covered = $(1)/python -m coverage run -p --source=components,pipelines -m pytest $(2)

.PHONY: coverage
coverage: .venv/test-ready .tools/kustomize ## Run the unit tests and list the lines that none of them runs (HTML: build/coverage)
	@mkdir -p build/coverage && rm -f build/coverage/data*
	@export COVERAGE_FILE=build/coverage/data; \
		$(call covered,$(DEV),tests/unit/core tests/unit/report tests/unit/pipelines tests/golden) && \
		$(call covered,.venv/test-data/bin,tests/unit/data tests/unit/core/tasks) && \
		$(call covered,.venv/test-model/bin,tests/unit/model tests/server) && \
		$(call covered,.venv/test-ops/bin,tests/unit/ops) && \
		$(DEV)/coverage combine -q && $(DEV)/coverage html -q -d build/coverage && \
		$(DEV)/coverage report --skip-covered --sort=miss

.PHONY: clean
clean: stop ## Remove what runs and tests wrote; keep the environments
	@rm -rf build

$(UV):
	@for python in $(PYTHON) python3; do if command -v $$python >/dev/null; then \
		$$python pipelines/local/platform_check.py && break || exit 1; fi; done
	@command -v $(PYTHON) >/dev/null || { echo "Ratoon needs Python 3.11, which is not on the PATH as" \
		"$(PYTHON). Install it, or name it: make PYTHON=/path/to/python3.11"; exit 1; } >&2
	@$(PYTHON) -m venv .tools/uv && .tools/uv/bin/python -m pip install -q \
		--disable-pip-version-check uv==0.13.9

# Renders overlays where the PATH has none: neither kustomize nor a kubectl with kustomize 5. Without
# Go nothing is made, and what needs it is skipped with the reason.
.tools/kustomize:
	@if command -v kustomize >/dev/null || kubectl version --client 2>/dev/null | \
		grep -q 'Kustomize Version: v[5-9]'; then :; elif command -v go >/dev/null; then \
		echo "making kustomize" && GOBIN=$(CURDIR)/.tools \
		go install sigs.k8s.io/kustomize/kustomize/v5@v5.8.1; fi

# etcd and promtool as Debian builds them, unpacked and not installed: no service of theirs starts.
# What the PATH has is linked. Without apt nothing is made, and what needs it says so.
unpack = if command -v $(notdir $@) >/dev/null; then ln -sf "$$(command -v $(notdir $@))" $@; \
	elif command -v apt-get >/dev/null; then echo "making $(notdir $@)" && rm -rf $@.deb && \
		mkdir -p $@.deb && cd $@.deb && apt-get -qq download $(1) && dpkg-deb -x *.deb . && \
		mv usr/bin/$(notdir $@) .. && cd .. && rm -rf $(notdir $@).deb; \
	else echo "there is neither $(notdir $@) on the PATH nor apt-get to download it"; fi

.tools/etcd: | $(UV)
	@$(call unpack,etcd-server)

.tools/promtool: | $(UV)
	@$(call unpack,prometheus)

# 3 to 6 minutes the first time, on two cores.
.tools/kube-apiserver: tests/cluster/kube-apiserver/go.mod tests/cluster/kube-apiserver/go.sum
	@if command -v go >/dev/null; then echo "making kube-apiserver" && cd $(dir $<) && \
		go build -trimpath -ldflags '-s -w' -o $(CURDIR)/$@ k8s.io/kubernetes/cmd/kube-apiserver; \
	else echo "there is no Go to build kube-apiserver with"; fi

.PHONY: test-tools
test-tools: .tools/etcd .tools/promtool .tools/kube-apiserver ## Bring what some tests skip without: an API server (by Go), promtool

# Each file is the one that is pinned; without a way to it, what needs it is skipped with the reason.
.tools/crds: tests/manifests/crds.yaml | .venv/ready
	@$(DEV)/python -m tests.manifests.crds $@ || true

.venv/dev/.made: requirements.lock | $(UV)
	@echo "making the environment dev"
	@SECONDS=0; $(call install,.venv/dev,$<,--build-constraints $<) && echo $$SECONDS > $@

# The command `ratoon` of this checkout, from any folder. Nothing is fetched for it.
.venv/dev/.installed: pyproject.toml .venv/dev/.made
	@VIRTUAL_ENV=.venv/dev $(UV) pip install -q --no-deps --no-build-isolation -e . && touch $@

.venv/bench/.made: tests/bench/requirements.lock | $(UV)
	@$(call install,.venv/bench,$<) && touch $@

.venv/%/.made: components/%/requirements.lock | $(UV)
	@echo "making the environment $*"
	@SECONDS=0; $(call install,.venv/$*,$<) && echo $$SECONDS > $@

.venv/ready: .venv/dev/.installed $(IMAGES:%=.venv/%/.made)
	@touch $@

# Tests of an image run in its own environment, with pytest laid over it.
.venv/test-%/.made: tests/requirements.lock .venv/%/.made
	@$(call install,.venv/test-$*,$<)
	@echo $(CURDIR)/.venv/$*/lib/python3.11/site-packages \
		> .venv/test-$*/lib/python3.11/site-packages/image.pth
	@touch $@

.venv/test-ready: .venv/ready $(IMAGES:%=.venv/test-%/.made)
	@touch $@
