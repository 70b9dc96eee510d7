# Everything starts here. `make` alone says what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3.11
MODEL  ?= models/flights
UV     := .tools/uv/bin/uv
DEV    := .venv/dev/bin
IMAGES := data model ops
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

# One environment per image, from the same hashed lock that its Dockerfile installs.
install = $(UV) venv -q --clear --python $(PYTHON) $(1) && VIRTUAL_ENV=$(1) $(UV) pip install -q \
	--compile-bytecode --require-hashes --no-deps -r $(2)
lock = env -u UV_NO_CONFIG $(UV) pip compile -q --directory $(1) --python-version 3.11 --generate-hashes \
	--custom-compile-command "make lock" $(2) pyproject.toml -o requirements.lock

# A model that makes its own data says how in source.py; it makes nothing twice.
source = if [ -f '$(MODEL)/source.py' ]; then \
	$(DEV)/python '$(MODEL)/source.py' '$(BUILD)/source'; fi

# What a person says who decides on a version.
decided = $(if $(OVERLAY),--overlay '$(OVERLAY)') $(if $(TARGET),--target '$(TARGET)') \
	$(if $(REASON),--reason '$(REASON)') $(if $(VERSION),'$(VERSION)')

.PHONY: help
help: ## Say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

.PHONY: run
run: .venv/ready ## Train, serve and replay the season of flights on this machine; link every report
	@$(source)
	@$(DEV)/python -m pipelines.replay '$(MODEL)'

.PHONY: rehearsal
rehearsal: .venv/ready ## The same season with kserve://, on a fake cluster
	@$(source)
	@$(DEV)/python -m tests.fakes.replay '$(MODEL)'

.PHONY: monitor
monitor: .venv/ready ## Run every monitoring run that is due (AS_OF=2013-09-01 to say what day it is)
	@$(DEV)/python -m pipelines.local.monitor '$(MODEL)' $(if $(AS_OF),--as-of '$(AS_OF)')

.PHONY: train
train: .venv/ready ## Run train-and-deploy once (MODEL=models/flights AS_OF=2013-07-01)
	@$(source)
	@$(DEV)/python -m pipelines.local run manifests/pipelines/train-and-deploy.yaml \
		--param model='$(MODEL)' --param as_of='$(AS_OF)' --workspace build/runs

.PHONY: stop
stop: ## Stop the servers that a run left serving
	@if [ -d '$(BUILD)/serving' ]; then \
		.venv/ops/bin/python -m components.ops.targets.local.stop '$(BUILD)/serving'; \
	else echo "nothing was running: there is no $(BUILD)/serving"; fi

.PHONY: spec
spec: .venv/ready ## Check a spec and say what it means (MODEL=models/flights)
	@.venv/ops/bin/python -m components.ops.plan.check '$(MODEL)'

.PHONY: schema
schema: .venv/ready ## Infer a schema and show how the committed one differs (WRITE=1 writes it)
	@$(source)
	@.venv/data/bin/python -m components.data.infer '$(MODEL)' $(if $(WRITE),--write)

.PHONY: audit
audit: .venv/ready ## From one prediction to everything behind it (REQUEST=<id>)
	@[ -n '$(REQUEST)' ] || { echo "Name the prediction: make audit REQUEST=<id>, the id that its" \
		"answer bears, or <id>/<row> for one row of it."; exit 1; } >&2
	@.venv/ops/bin/python -m components.ops.audit '$(REQUEST)' --model '$(MODEL)'

.PHONY: restore
restore: .venv/ready ## Make an earlier version serve again (VERSION=… OVERLAY=… REASON=…; LIST=1 says which)
	@.venv/ops/bin/python -m components.ops.rollout restore --model '$(MODEL)' $(decided) \
		$(if $(LIST),--list)

.PHONY: approve
approve: .venv/ready ## Promote a proposed version (VERSION=… OVERLAY=…), or take it back (REJECT=1)
	@[ -n '$(VERSION)' ] || { echo "Name the proposed version: make approve VERSION=<version>."; \
		exit 1; } >&2
	@.venv/ops/bin/python -m components.ops.rollout approve --model '$(MODEL)' $(decided) \
		$(if $(REJECT),--reject)

.PHONY: compile
compile: .venv/ready ## Compile both pipelines to YAML and objects (REGISTRY=… TAG=… PVC=… are kept)
	@$(DEV)/python -m pipelines.compile $(if $(REGISTRY),--registry '$(REGISTRY)') \
		$(if $(TAG),--tag '$(TAG)') $(if $(PVC),--pvc '$(PVC)')

.PHONY: images
images: .venv/dev/.made ## Build the three images with docker or podman (REGISTRY=… TAG=…)
	@$(DEV)/python -m pipelines.build $(if $(REGISTRY),--registry '$(REGISTRY)') \
		$(if $(TAG),--tag '$(TAG)')

.PHONY: push
push: .venv/dev/.made ## Push them (REGISTRY=… TAG=…)
	@$(DEV)/python -m pipelines.build --push $(if $(REGISTRY),--registry '$(REGISTRY)') \
		$(if $(TAG),--tag '$(TAG)')

.PHONY: submit
submit: .venv/ready ## Run a pipeline on a cluster, follow it (PIPELINE=monitor ENDPOINT=http://… OVERLAY=…)
	@$(DEV)/python -m pipelines.submit '$(MODEL)' $(if $(PIPELINE),--pipeline '$(PIPELINE)') \
		$(if $(AS_OF),--as-of '$(AS_OF)') $(if $(TARGET),--target '$(TARGET)') \
		$(if $(OVERLAY),--overlay '$(OVERLAY)') $(if $(ENDPOINT),--endpoint '$(ENDPOINT)') \
		$(if $(NAMESPACE),--namespace '$(NAMESPACE)') $(if $(ACCOUNT),--account '$(ACCOUNT)') \
		$(if $(EXPERIMENT),--experiment '$(EXPERIMENT)') $(if $(FOLLOW),--follow '$(FOLLOW)')

.PHONY: upload
upload: .venv/ready ## Copy a model's tables to where an overlay has them (OVERLAY=kind.yaml SAMPLE=10)
	@[ -n '$(OVERLAY)' ] || { echo "Say where to: make upload OVERLAY=kind.yaml, a file of the" \
		"model's folder with other places for its data."; exit 1; } >&2
	@$(source)
	@.venv/ops/bin/python -m pipelines.upload '$(MODEL)' --overlay '$(OVERLAY)' \
		$(if $(SAMPLE),--sample '$(SAMPLE)')

.PHONY: overlays
overlays: .venv/ready .tools/kustomize ## Render every overlay of kustomize/ to its golden
	@$(DEV)/python -m tests.manifests.kustomize

.PHONY: docs
docs: .venv/ready ## Write the spec reference and its JSON Schema from the models
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
check: .venv/ready .tools/kustomize ## Lint, types, arrows between rooms, freshness of everything generated
	@$(DEV)/ruff format --check . && $(DEV)/ruff check .
	@$(DEV)/mypy $(ROOMS)
	@$(DEV)/lint-imports
	@$(DEV)/hadolint components/*/Dockerfile
	@$(DEV)/python -m pipelines.reference --check
	@$(DEV)/python -m pipelines.compile --check
	@$(DEV)/python -m tests.manifests.kustomize --check

.PHONY: bench
bench: .venv/ready .venv/bench/.made ## Measure against the others, side by side in one run
	@$(DEV)/python models/flights/source.py build/flights/source
	@$(DEV)/python -m tests.bench

.PHONY: lock
lock: $(UV) ## Make the hashed locks anew from each pyproject.toml
	@for folder in . tests tests/bench $(IMAGES:%=components/%); do $(call lock,$$folder) || exit 1; done

.PHONY: clean
clean: stop ## Remove what runs and tests made; keep the environments
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

# Each file is the one that is pinned; without a way to it, what needs it is skipped with the reason.
.tools/crds: tests/manifests/crds.yaml | .venv/ready
	@$(DEV)/python -m tests.manifests.crds $@ || true

.venv/dev/.made: requirements.lock | $(UV)
	@echo "making the environment dev"
	@SECONDS=0; $(call install,.venv/dev,$<) && echo $$SECONDS > $@

.venv/bench/.made: tests/bench/requirements.lock | $(UV)
	@$(call install,.venv/bench,$<) && touch $@

.venv/%/.made: components/%/requirements.lock | $(UV)
	@echo "making the environment $*"
	@SECONDS=0; $(call install,.venv/$*,$<) && echo $$SECONDS > $@

.venv/ready: .venv/dev/.made $(IMAGES:%=.venv/%/.made)
	@touch $@

# Tests of an image run in its own environment, with pytest laid over it.
.venv/test-%/.made: tests/requirements.lock .venv/%/.made
	@$(call install,.venv/test-$*,$<)
	@echo $(CURDIR)/.venv/$*/lib/python3.11/site-packages \
		> .venv/test-$*/lib/python3.11/site-packages/image.pth
	@touch $@

.venv/test-ready: .venv/ready $(IMAGES:%=.venv/test-%/.made)
	@touch $@
