# The one list of commands; `make` alone shows it. Each first sets up what it needs and this machine lacks (setup.sh,
# then the packages of package-lock.json), which takes no time where all is there.

BOARD ?= mps2-an500
BOARDS := $(notdir $(patsubst %/,%,$(wildcard board/boards/*/)))

ifneq ($(filter flash build,$(MAKECMDGOALS)),)
ifeq ($(filter $(BOARD),$(BOARDS)),)
$(error There is no board "$(BOARD)". There are: $(BOARDS))
endif
endif

# Where setup.sh puts a newer Node than the distribution's, and a Chromium where the distribution has none.
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/wasmcam
export PATH := $(CACHE)/node/node_modules/.bin:$(PATH)

# What the camera is told, taken from the environment so that the shell need not quote it again.
CAMERA_OPTIONS = $${PORT:+--port "$$PORT"} $${SCENE:+--scene "$$SCENE"} $${FILES:+--files "$$FILES"} \
	$${SIZE:+--size "$$SIZE"} $${QUALITY:+--quality "$$QUALITY"} $${FPS:+--fps "$$FPS"} \
	$${SETTINGS:+--settings "$$SETTINGS"} $${PUSH_TO:+--push-to "$$PUSH_TO"} $${SOURCE:+--source "$$SOURCE"} \
	$${PUSH_PORT:+--push-port "$$PUSH_PORT"}
# And where there can be other machines.
FLEET_OPTIONS = $${LISTEN:+--host "$$LISTEN"} $${NATS:+--nats "$$NATS"} $${NATS_NAME:+--nats-name "$$NATS_NAME"}

# $(1): groups of setup.sh. npm's own record of what it installed tells whether package-lock.json is newer.
define prepare
	@./setup.sh $(1)
	@record=node_modules/.package-lock.json; if [ ! -f $$record ] || [ package-lock.json -nt $$record ]; then \
		echo "== fetching the project's packages (npm ci)"; npm ci --loglevel=error && touch $$record; fi
endef

define build-module
	@echo "== the module and its page"
	@npm run --silent build
endef

# $(1): the board; $(2): another processor than its usual one. The first build makes the ahead-of-time compiler too.
define build-firmware
	@echo "== the firmware of $(1): compiled ahead of time, then linked"
	@board/build.sh firmware $(1) $(2)
endef

define build-sanitized
	$(call prepare,fuzz)
	@echo "== the board linux, with sanitizers"
	@board/build.sh sanitized
endef

# The program for 64-bit Arm, and what runs it here.
define build-arm
	$(call prepare,cross arm)
	$(call build-firmware,linux,aarch64)
endef

# $(1): commands, a line each, that run at once; one that fails is a failure.
define at-once
	@printf '%s\n' $(1) | xargs -P 4 -I COMMAND sh -c COMMAND
endef

# What tests and benchmarks are made with: where one part waits or computes on one core, another has the other.
define prepare-tests
	$(call prepare,node)
	@echo "== the module and its page; types; what else is missing here"
	$(call at-once,"npm run --silent build" "npm run --silent typecheck" "./setup.sh board test")
	@board/build.sh aotc >/dev/null
	@echo "== the firmware of mps2-an500 and linux: compiled ahead of time, then linked"
	$(call at-once,"board/build.sh firmware mps2-an500" "board/build.sh firmware linux")
endef

# The tests look for the distribution's Chromium by themselves, and for another where CHROMIUM says.
browser = fetched=$(CACHE)/browser/chromium; [ ! -x $$fetched ] || export CHROMIUM="$${CHROMIUM:-$$fetched}"
# And for a python3 that has OpenCV.
opencv = for fetched in $(CACHE)/opencv-*/python; do [ ! -x "$$fetched" ] || export OPENCV_PYTHON="$$fetched"; done

# How firmware gets to a board and starts there.
flash-mps2-an500 = node --import tsx host/emulator/main.ts $(CAMERA_OPTIONS)
flash-linux = node --import tsx host/linux/main.ts $(CAMERA_OPTIONS) $(FLEET_OPTIONS) $${CAMERA:+--camera "$$CAMERA"}

.DEFAULT_GOAL := help
.PHONY: help flash start test test-long sanitize arm sim soak fuzz bench build clean
# A command prepares, builds and runs in this order; two at once would build the same files.
.NOTPARALLEL:

help: ## This list
	@echo "make COMMAND [NAME=value ...]"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo "BOARD is one of: $(BOARDS). PORT (8080), SCENE (a folder of photographs, or pattern), FILES (a folder"
	@echo "of JPEG files, shown as they are), SIZE (320x240),"
	@echo "QUALITY (85), FPS (30) and SETTINGS (a file for what the camera keeps) are for flash and start."
	@echo "SOURCE=push shows what others send to PUSH_PORT (9999), SOURCE=http://… what another camera shows; PUSH_TO is"
	@echo "HOST:PORT of another camera or relay to send frames to. All three are for flash and start, see docs/relay.md."
	@echo "NATS (a server to send frames to, nats://…) and NATS_NAME are for start and BOARD=linux, see docs/scale.md;"
	@echo "so is LISTEN, the address to listen on (127.0.0.1; 0.0.0.0: so that other machines can watch)."
	@echo "CAMERA (a device such as /dev/video0) is for flash BOARD=linux."

flash: ## The camera on a board, live: builds, starts, says where to look. BOARD PORT SCENE SIZE QUALITY FPS SETTINGS
	$(call prepare,node board)
	$(build-module)
	$(call build-firmware,$(BOARD))
	@echo "== starting $(BOARD)"
	@$(flash-$(BOARD))

start: ## The camera on Node alone, live, without Rust, LLVM or QEMU. PORT SCENE SIZE QUALITY FPS SETTINGS
	$(call prepare,node)
	$(build-module)
	@node --import tsx host/main.ts $(CAMERA_OPTIONS) $(FLEET_OPTIONS)

test: ## All tests, with the emulated board, Chromium, ffmpeg, gstreamer and OpenCV
	$(prepare-tests)
	@$(browser); $(opencv); node --import tsx tests/run.ts

test-long: ## The same at length, with sanitizers and 64-bit Arm, then the simulated world under SEEDS (20) new seeds
	$(prepare-tests)
	$(build-sanitized)
	$(build-arm)
	@$(browser); $(opencv); node --import tsx tests/run.ts long

sanitize: ## The tests of the board linux, with a program that finds errors of memory while it runs
	$(call prepare,node board test)
	$(build-module)
	$(build-sanitized)
	@node --import tsx tests/sanitizers/run.ts

arm: ## The tests of the board linux, with the program for 64-bit Arm under QEMU
	$(call prepare,node board test)
	$(build-module)
	$(build-arm)
	@node --import tsx tests/arm/run.ts

sim: ## Minutes of camera life in a simulated world, checked all the while. SEEDS (1000) FROM JOBS, or SEED, or PLAN
	$(call prepare,node)
	$(build-module)
	@node --import tsx tests/simulation/run.ts

fuzz: ## Looks for inputs that break server, controls, relay, the look at JPEG files or a board. SECONDS (60), TARGET
	$(call prepare,node board fuzz)
	$(build-module)
	@node --import tsx tests/fuzz/run.ts

soak: ## The emulated board for HOURS (1) or SECONDS with viewers coming and going; ends with a verdict
	$(call prepare,node board)
	$(build-module)
	$(call build-firmware,mps2-an500)
	@node --import tsx tests/soak/run.ts

bench: ## Measures speed and size on the emulated board and Node; also writes build/bench.json
	$(prepare-tests)
	@node --import tsx tests/bench/run.ts

build: ## The module and the firmware in build/. BOARD, and for linux on 64-bit Arm: TARGET=aarch64
	$(call prepare,node board $(if $(TARGET),cross))
	$(build-module)
	$(call build-firmware,$(BOARD),$(TARGET))

clean: ## Removes build/; fetched packages and the cached ahead-of-time compiler stay
	rm -rf build
