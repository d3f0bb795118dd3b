# dumpdiff: see README.md. `make` builds build/dumpdiff, `make check` is what CI runs, `make help` prints the lines that
# begin with ##.
.DEFAULT_GOAL := all
BUILD    ?= build
CC       := $(if $(filter default,$(origin CC)),gcc,$(CC))
OPT      ?= -O2
SANITIZE ?=
V        ?= 0
PREFIX   ?= /usr/local
DESTDIR  ?=
JOBS     ?= $(shell nproc 2>/dev/null || echo 1)
# Our own parallel make, unless the caller has said how many already.
PARALLEL  = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(JOBS))
PKGS     := libxxhash libcjson libarchive libelf libdw sqlite3 zlib libpcre2-8 libseccomp
WARN     := -Wall -Wextra -Wpedantic -Wformat=2 -Wno-format-nonliteral -Wconversion -Wshadow -Wvla -Wstrict-prototypes -Wno-sign-conversion
# A newer compiler than ours knows new warnings: they must not keep anybody from building.
ifeq ($(origin WERROR),undefined)
WERROR   := $(if $(filter 12,$(firstword $(subst ., ,$(shell $(CC) -dumpversion)))),-Werror)
endif

# Packages may be missing on a fresh machine: demo and check install them, then a second make asks again.
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
# Loaded when the first packed input or history comes, see archive_api.h and sqlite_api.h: found by pkg-config, not linked.
LIBARCHIVE := $(shell pkg-config --variable=libdir libarchive 2>/dev/null)/libarchive.so
SONAME     := $(shell objdump -p $(LIBARCHIVE) 2>/dev/null | awk '$$1 == "SONAME" { print $$2 }')
PKG_CFLAGS += $(if $(SONAME),-DLIBARCHIVE_SONAME='"$(SONAME)"')
PKG_LIBS   := $(filter-out -larchive -lsqlite3,$(PKG_LIBS))
PKG_LIBS   += $(if $(PKG_LIBS),-lm)
TEST_LIBS  := -larchive -lsqlite3 -lcmocka
need_pkgs   = $(if $(PKG_LIBS),,$(error packages are missing: run `make deps` first))
CFLAGS  ?= $(OPT) -g
BASE_CFLAGS = -std=c11 -D_GNU_SOURCE -I. -Isnapshot $(PKG_CFLAGS) $(BEFORE) -include snapshot/base/banned.h
# A section for each function: the linker then says which of them no path of the program reaches (tools/dead.sh).
ALL_CFLAGS  = $(BASE_CFLAGS) $(CFLAGS) $(WARN) $(WERROR) -ffunction-sections -fdata-sections -MMD -MP
ifneq ($(SANITIZE),)
BUILD   := $(BUILD)-sanitize
ALL_CFLAGS += -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer -DARENA_DEBUG -DFORKED_STRICT
LDFLAGS += -fsanitize=$(SANITIZE)
endif
# `make fuzz` builds everything once more with clang and libFuzzer.
ifneq ($(FUZZING),)
ALL_CFLAGS += -w -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -DARENA_DEBUG -DFORKED_STRICT
LDFLAGS += -fsanitize=fuzzer,address,undefined
# What reads a heap compares what a dump says with what it says elsewhere: no input is made of that, and watching each
# comparison took more than half of the time.
$(BUILD)/snapshot/dotnet/%.o $(BUILD)/snapshot/heap/%.o $(BUILD)/snapshot/memory/space.o: \
    CFLAGS += -fno-sanitize-coverage=trace-cmp
$(BUILD)/snapshot/dotnet/contract.o $(BUILD)/snapshot/dotnet/metadata.o: CFLAGS := $(CFLAGS)
endif
DUMPDIFF := $(BUILD)/dumpdiff$(EXE)
VERSION  := $(shell cat VERSION)
RELEASED := $(shell sed -n 's/^.. \[$(VERSION)\] - //p' CHANGELOG.md)
export DUMPDIFF_SCHEMAS ?= $(CURDIR)/build/schemas
Q        := $(if $(filter 0,$(V)),@)

# Of the folders that are named for a system one is built: posix or windows. What Linux alone has is left out elsewhere.
SYSTEM   ?= posix
OTHER_SYSTEM := $(if $(filter windows,$(SYSTEM)),posix,windows)
LINUX_SRC := $(wildcard snapshot/memory/live/*.c) $(addprefix snapshot/memory/stacks/,unwind.c symbol_table.c dw_api.c same_build.c)
LIB_SRC  := $(sort $(shell find snapshot diff history -name "*.c" -not -path '*/$(OTHER_SYSTEM)/*'))
LIB_SRC  := $(filter-out $(if $(filter windows,$(SYSTEM)),$(LINUX_SRC)),$(LIB_SRC))
CMD_SRC  := $(sort $(shell find cmd -name "*.c" -not -path '*/$(OTHER_SYSTEM)/*'))
# What the compiler does not see here, for the checks that only read.
WINDOWS_SRC := $(sort $(shell find snapshot cmd -path '*/windows/*.[ch]'))
LIB_OBJ  := $(LIB_SRC:%.c=$(BUILD)/%.o)
CMD_OBJ  := $(CMD_SRC:%.c=$(BUILD)/%.o)
LIB      := $(BUILD)/libdumpdiff.a
CMD_LIB  := $(BUILD)/libcmd.a
UNIT     := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/unit/test_*.c)))
# On what is not part of the project: left out, aloud, where it is not there.
REAL     := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/real/test_*.c)))
GOLDEN   := $(BUILD)/tests/golden/golden
# What golden cases make their inputs with.
MK_SNAP  := $(BUILD)/tests/golden/mk_snap_main
MK_WINDOWS := $(BUILD)/tests/golden/mk_windows_main
GOLDEN_ENV = DUMPDIFF=$(DUMPDIFF) MK_SNAP=$(MK_SNAP) MK_WINDOWS=$(MK_WINDOWS)
FUZZ_TARGETS ?= $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
FUZZ     := $(FUZZ_TARGETS:%=$(BUILD)/tests/fuzz/fuzz_%)
# What tests share (makers of dumps, ...): every file of tests/ that has no main of its own.
TEST_LIB_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard tests/support/*.c)))
SOURCES  := $(LIB_SRC) $(CMD_SRC) $(wildcard tests/*/*.c)
HEADERS  := $(sort $(shell find snapshot diff history cmd tests -name "*.h" -not -path '*/windows/*'))

# -- Building -------------------------------------------------------------------------------------
## the program, build/dumpdiff (SANITIZE=address,undefined, V=1, CC, CFLAGS)
all: $(DUMPDIFF)

$(DUMPDIFF): $(CMD_OBJ) $(LIB)
	@echo "LD $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $(CMD_OBJ) $(LIB) $(PKG_LIBS) $(LDLIBS)

$(LIB): $(LIB_OBJ)
	@rm -f $@
	$(Q)$(AR) rcs $@ $(LIB_OBJ)

# The command line without its main, for tests.
$(CMD_LIB): $(filter-out $(BUILD)/cmd/main.o,$(CMD_OBJ))
	@rm -f $@
	$(AR) rcs $@ $^

# Script and style of the HTML report are part of the program, with their hashes.
EMBEDDED := $(BUILD)/diff/report/embedded.h
$(EMBEDDED): diff/report/report.js diff/report/report.css tools/embed.sh
	@mkdir -p $(@D)
	$(Q)tools/embed.sh $(filter-out %.sh,$^) >$@
$(BUILD)/diff/report/page_assets.o $(BUILD)/diff/report/page_assets.analyzed: $(EMBEDDED)
$(BUILD)/diff/report/page_assets.o $(BUILD)/diff/report/page_assets.analyzed: BASE_CFLAGS += -include $(EMBEDDED)

# The version stands in one place.
$(BUILD)/cmd/main.o $(BUILD)/cmd/cmd_man.o $(BUILD)/cmd/cmd_gate.o: BASE_CFLAGS += -DDUMPDIFF_VERSION='"$(VERSION)"' -DDUMPDIFF_RELEASED='"$(RELEASED)"'
$(BUILD)/cmd/main.o $(BUILD)/cmd/cmd_man.o $(BUILD)/cmd/cmd_gate.o: VERSION

ifeq ($(SYSTEM),windows)
BEFORE   := -include snapshot/base/os/windows/gnu.h
endif

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	@echo "CC $<"
	$(Q)$(need_pkgs)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/tests/%: $(BUILD)/tests/%.o $(TEST_LIB_OBJ) $(CMD_LIB) $(LIB)
	@echo "LD $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $< $(TEST_LIB_OBJ) $(CMD_LIB) $(LIB) $(PKG_LIBS) $(TEST_LIBS) $(LDLIBS)

# The unit tests are one program, and so are the fuzz targets that are only replayed: the name by which it is called
# chooses. Linking each of them with everything took longer than running it.
$(UNIT:%=%.o) $(REAL:%=%.o) $(FUZZ:%=%.o): tools/test_table.sh
$(UNIT:%=%.o) $(REAL:%=%.o): BASE_CFLAGS += -Dmain=main_of_$(*F)
$(BUILD)/tests/all_tests.c: tools/test_table.sh tests/unit tests/real
	@mkdir -p $(@D)
	$(Q)tools/test_table.sh main $(notdir $(UNIT) $(REAL)) >$@
$(BUILD)/tests/all_tests: $(BUILD)/tests/all_tests.c $(UNIT:%=%.o) $(REAL:%=%.o) $(TEST_LIB_OBJ) $(CMD_LIB) $(LIB)
	@echo "LD $@"
	$(Q)$(CC) $(BASE_CFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) $(TEST_LIBS) $(LDLIBS)
$(UNIT) $(REAL): $(BUILD)/tests/all_tests
	$(Q)ln -sf ../all_tests $@

ifneq ($(FUZZING),)
$(FUZZ): $(BUILD)/tests/fuzz/fuzz_%: $(BUILD)/tests/fuzz/fuzz_%.o $(TEST_LIB_OBJ) $(LIB)
	@echo "LD $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIB) $(PKG_LIBS) $(TEST_LIBS) $(LDLIBS)
else
$(FUZZ:%=%.o): BASE_CFLAGS += -DLLVMFuzzerTestOneInput=target_of_$(*F)
$(BUILD)/tests/fuzz/all_targets.c: tools/test_table.sh tests/fuzz
	@mkdir -p $(@D)
	$(Q)tools/test_table.sh replay $(notdir $(FUZZ)) >$@
$(BUILD)/tests/fuzz/all_targets: $(BUILD)/tests/fuzz/all_targets.c $(FUZZ:%=%.o) $(BUILD)/tests/fuzz/replay_main.o \
    $(TEST_LIB_OBJ) $(LIB)
	@echo "LD $@"
	$(Q)$(CC) $(BASE_CFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) $(TEST_LIBS) $(LDLIBS)
$(FUZZ): $(BUILD)/tests/fuzz/all_targets
	$(Q)ln -sf all_targets $@
endif

# -- Checks that need no run of the program -------------------------------------------------------
## walls, headers, format and pages
lint: layers headers format-check pages-check

## who uses whom, by the symbols of the objects: tools/walls.txt is the table
walls: $(LIB_OBJ) $(CMD_OBJ)
	@tools/walls.sh $(BUILD) $(LIB_OBJ) $(CMD_OBJ)

## functions that no path of the program reaches, asked of the linker
dead: $(LIB_OBJ) $(CMD_OBJ)
	@$(need_pkgs)tools/dead.sh $(CC) $(LDFLAGS) $(CMD_OBJ) $(LIB_OBJ) $(PKG_LIBS) $(LDLIBS)

## walls, dead code, lengths, systems, names, what is written once, errors in headers, likes of what is not ours
layers: walls dead
	@tools/readers.sh $(SOURCES) $(HEADERS) $(WINDOWS_SRC)
	@tools/lengths.sh $(SOURCES) $(HEADERS) $(WINDOWS_SRC)
	@tools/systems.sh $(filter-out tests/%,$(SOURCES) $(HEADERS)) $(WINDOWS_SRC)
	@tools/names.sh $(SOURCES) $(HEADERS)
	@tools/words.sh
	@tools/evidence.sh
	@tools/once.sh $(filter-out tests/%,$(SOURCES) $(HEADERS))
	@tools/docs.sh $(filter-out tests/%,$(HEADERS))
	@tools/likes.sh

## each header compiles alone
headers: $(HEADERS:%=$(BUILD)/%.alone)

$(BUILD)/%.h.alone: %.h
	@mkdir -p $(@D)
	@$(CC) $(filter-out -include snapshot/base/banned.h,$(BASE_CFLAGS)) $(WARN) -Wno-unused $(WERROR) \
	    -MMD -MP -MF $@.d -MT $@ -fsyntax-only -x c $<
	@touch $@

## sources are as clang-format writes them
format-check: $(BUILD)/format.ok
$(BUILD)/format.ok: $(SOURCES) $(HEADERS) $(WINDOWS_SRC) .clang-format
	@mkdir -p $(@D)
	@tools/format.sh $(if $(filter .clang-format,$?),$(SOURCES) $(HEADERS) $(WINDOWS_SRC),$?)
	@touch $@

## writes the sources as clang-format does
format:
	clang-format -i $(SOURCES) $(HEADERS) $(WINDOWS_SRC)

## links, folders, length of the README, version, and what SECURITY.md says of the sandbox agree
pages-check:
	@tools/pages_lint.sh
	@tools/security.sh

## what editors and analysers ask how a file is compiled
compile_commands.json:
	@$(MAKE) --no-print-directory -Bn $(SOURCES:%.c=$(BUILD)/%.o) | tools/compile_commands.sh >$@

# -- Tests ----------------------------------------------------------------------------------------
# `make quick` is for before each commit, `make check` is everything; both stop at the first failure.
## one unit test by its name or file, or golden cases by name: NAME='rule-*-hit'
test:
	@+MAKE='$(MAKE) --no-print-directory $(PARALLEL)' BUILD=$(BUILD) $(GOLDEN_ENV) tools/run_one.sh '$(NAME)'

## all unit tests
unit: $(UNIT)
	@tools/run_tests.sh $(UNIT)

## those on real transcripts and dumps, which DUMPDIFF_SHARED names (../shared)
real: $(REAL)
	@tools/run_tests.sh $(REAL)

## rewrites the blocks that README.md and doc/ show of the program
pages: all
	@DUMPDIFF=$(DUMPDIFF) tools/pages.sh --update

## all golden cases
golden-check: $(GOLDEN) $(MK_SNAP) $(MK_WINDOWS) $(DUMPDIFF)
	@$(GOLDEN_ENV) tools/run_tests.sh $(GOLDEN)

## rewrites pages, and out, err and exit of golden cases (CASES='bad-*': of some), never must
golden: $(GOLDEN) $(MK_SNAP) $(MK_WINDOWS) $(DUMPDIFF)
	@$(GOLDEN_ENV) tools/pages.sh --update
	@$(GOLDEN_ENV) $(GOLDEN) --update $(CASES)

## the corpora under the sanitizers with the normal compiler: part of check
fuzz-replay:
	@+$(MAKE) --no-print-directory SANITIZE=address,undefined OPT=-O1 fuzz-replay-run
fuzz-replay-run: $(FUZZ)
	@tools/fuzz.sh replay $(BUILD)/tests/fuzz $(FUZZ_TARGETS)

## fuzzes (FUZZ_SECONDS=120 a target, FUZZ_TARGETS='snap transcript'); fuzz-merge keeps what is new
fuzz fuzz-merge:
	@tools/deps.sh all
	@+$(MAKE) --no-print-directory $(PARALLEL) FUZZING=1 CC=clang BUILD=build-fuzz SANITIZE= OPT=-O1 $@-run
fuzz-run: $(FUZZ)
	@tools/fuzz.sh run $(BUILD)/tests/fuzz $(FUZZ_TARGETS)
fuzz-merge-run: $(FUZZ)
	@tools/fuzz.sh merge $(BUILD)/tests/fuzz $(FUZZ_TARGETS)

# The history takes two minutes to make: HISTORY_SNAPSHOTS=1000 for a smaller one. BEFORE=PROGRAM: another
# build, run in turn; none of the times may be more than 5 % above its own.
export BEFORE
bench: export BENCH_LOG := $(abspath $(BUILD))/bench/figures.jsonl
bench: export BENCH_COUNT := tests/bench/count.sh
## ratios and limits, on an otherwise idle machine; all runs in build/bench.json (tools/bench-compare A B)
bench: $(BUILD)/tests/bench/bench $(BUILD)/tests/bench/make_data $(BUILD)/tests/bench/make_heaps \
    $(BUILD)/tests/bench/make_history $(BUILD)/tests/bench/make_native $(BUILD)/tests/bench/make_fleet \
    $(BUILD)/tests/bench/make_heapsnapshot $(DUMPDIFF)
	@mkdir -p $(BUILD)/bench && rm -f $(BENCH_LOG)
	@$(BUILD)/tests/bench/make_data $(BUILD)/bench && $(BUILD)/tests/bench/make_heaps $(BUILD)/bench && \
	    $(BUILD)/tests/bench/make_heapsnapshot $(BUILD)/bench
	@status=0; $(BUILD)/tests/bench/make_history $(BUILD)/bench $(HISTORY_SNAPSHOTS) || status=1; \
	    $(BUILD)/tests/bench/bench $(DUMPDIFF) $(BUILD)/bench || status=1; \
	    tests/bench/bench-dotnet.sh $(DUMPDIFF) $(BUILD)/bench/dotnet || status=1; \
	    tests/bench/packed.sh $(DUMPDIFF) $(BUILD)/bench/dotnet || status=1; \
	    tests/bench/bench-native.sh $(DUMPDIFF) $(BUILD)/tests/bench/make_native $(BUILD)/bench/native || status=1; \
	    tests/bench/retention.sh $(DUMPDIFF) $(BUILD)/bench/dotnet || status=1; \
	    tests/bench/stops.sh $(DUMPDIFF) $(BUILD)/bench/dotnet || status=1; \
	    tests/bench/graph.sh $(DUMPDIFF) $(BUILD)/bench/dotnet || status=1; \
	    tests/bench/fleet.sh $(DUMPDIFF) $(BUILD)/tests/bench/make_fleet $(BUILD)/bench/fleet || status=1; \
	    $(GOLDEN_ENV) BUILD=$(BUILD) tests/bench/instructions.sh >$(BUILD)/bench/counts || status=1; cat $(BUILD)/bench/counts; \
	    tests/bench/figures.py gather $(BENCH_LOG) $(DUMPDIFF) $(BUILD)/bench/counts -o $(BUILD)/bench.json || status=1; exit $$status
# Instructions, not time: part of check, whatever else the machine does. UPDATE=--update writes the table.
## instructions a row of wide snapshots, against tests/bench/instructions.txt (UPDATE=--update)
instructions: $(BUILD)/tests/bench/make_data $(DUMPDIFF)
	@$(GOLDEN_ENV) BUILD=$(BUILD) tests/bench/instructions.sh $(UPDATE)

## input too large to keep
large: all
	@tests/e2e/large.sh $(DUMPDIFF)

# Dumps made here and now, where dotnet is there. dumps and holders take the quicker ones, e2e all of them.
HOLDERS := $(BUILD)/tests/unit/test_holders $(BUILD)/tests/e2e/graph_peer
## what is read out of each kind of dump and of a running process, against ClrMD
dumps: $(DUMPDIFF)
	@tests/e2e/dumps.sh $(DUMPDIFF) $(BUILD)/e2e short
## who holds what, against ClrMD
holders: $(DUMPDIFF) $(HOLDERS)
	@tests/e2e/holders.sh $(BUILD) $(BUILD)/e2e
## everything on real programs: dumps, holders, gate, troubles, services, heaptrack, native, java, node, page, the static build
e2e: $(DUMPDIFF) $(HOLDERS)
	@status=0; tests/e2e/dumps.sh $(DUMPDIFF) $(BUILD)/e2e all || status=1; \
	    tests/e2e/holders.sh $(BUILD) $(BUILD)/e2e all || status=1; \
	    tests/e2e/workflows.sh $(BUILD)/e2e || status=1; \
	    tests/e2e/gate-recipe.sh $(DUMPDIFF) $(BUILD)/e2e 10 || status=1; \
	    tests/e2e/troubles.sh $(DUMPDIFF) $(BUILD)/e2e || status=1; \
	    tests/e2e/services.sh $(DUMPDIFF) $(BUILD)/e2e || status=1; \
	    tests/e2e/heaptrack.sh $(DUMPDIFF) $(BUILD)/e2e/heaptrack || status=1; \
	    tests/e2e/native.sh $(DUMPDIFF) $(BUILD)/e2e || status=1; \
	    tests/e2e/java.sh $(DUMPDIFF) $(BUILD)/e2e || status=1; \
	    tests/e2e/node.sh $(DUMPDIFF) $(BUILD)/e2e || status=1; \
	    tests/e2e/stacks.sh $(DUMPDIFF) $(BUILD)/e2e || status=1; \
	    tests/e2e/texts.sh $(DUMPDIFF) $(BUILD)/e2e || status=1; \
	    tests/e2e/tools.sh $(DUMPDIFF) $(BUILD)/e2e || status=1; \
	    tests/e2e/page.sh $(DUMPDIFF) $(BUILD)/e2e || status=1; \
	    tests/e2e/static.sh '$(MAKE) $(PARALLEL)' $(BUILD)/e2e || status=1; \
	    tests/e2e/package.sh $(BUILD)/e2e || status=1; exit $$status
## a fleet in PostgreSQL: doc/fleet.md, dashboard, alert rules, kills (UPDATE=--update writes the page): part of check
fleet: $(DUMPDIFF) $(MK_SNAP)
	@tests/e2e/fleet.py $(BUILD) $(UPDATE)

## the HTML report in a real browser (SHOTS=folder: pictures of it), as far as there is one: part of check
page: $(DUMPDIFF)
	@tests/e2e/page.sh $(DUMPDIFF) $(BUILD)/e2e $(SHOTS)
## the recipe in examples/ on a service with and without a leak; workflows by actionlint
gate: $(DUMPDIFF)
	@tests/e2e/workflows.sh $(BUILD)/e2e
	@tests/e2e/gate-recipe.sh $(DUMPDIFF) $(BUILD)/e2e

## programs with known troubles, and services: what is said first of them (TROUBLES='event bag': of some)
troubles: $(DUMPDIFF)
	@tests/e2e/troubles.sh $(DUMPDIFF) $(BUILD)/e2e $(TROUBLES)
	@[ '$(TROUBLES)' ] || tests/e2e/services.sh $(DUMPDIFF) $(BUILD)/e2e

# Shallow: quicker, and with far fewer false alarms than the deep mode.
ANALYZE := clang --analyze --analyzer-output text -Xclang -analyzer-config -Xclang mode=shallow \
    -Xclang -analyzer-werror -w
## builds for arm64 and runs the unit tests under qemu-user, as far as the machine has what that takes: part of check
cross:
	@+tools/cross.sh $(MAKE) $(PKGS)

CPU_NAME = $(or $(CPU),$(shell uname -m))
## one file without libraries, for this processor (CPU=aarch64: for arm64); what it is made of stands beside it
static:
	@+tools/static.sh '$(MAKE) $(PARALLEL)' $(CPU)

## dumpdiff.exe for Windows (x64), by mingw-w64, and a zip of it with its licences, in build/windows
windows:
	@+tools/windows.sh '$(MAKE) $(PARALLEL)'

## unit tests and golden cases of that under Wine, as far as the machine has it
windows-check: $(DUMPDIFF) $(GOLDEN) $(MK_SNAP) $(MK_WINDOWS)
	@+tests/e2e/windows.sh '$(MAKE) $(PARALLEL)' $(BUILD)/e2e

## the Debian package, in build/deb
deb:
	@JOBS=$(JOBS) tools/deb.sh $(BUILD)/deb

## the sources as a tarball, with its sum, in build/dist
dist:
	@tools/dist.sh $(BUILD)/dist

## the RPM of the static program, in build/rpm
rpm:
	@+tools/static.sh '$(MAKE) $(PARALLEL)' $(CPU)
	@tools/rpm.sh $(BUILD)/rpm build-static-$(CPU_NAME)/dumpdiff-$(CPU_NAME) $(CPU)

## the container image of the static program, by buildah as an OCI archive, in build/image
image:
	@+tools/static.sh '$(MAKE) $(PARALLEL)' $(CPU)
	@tools/image.sh $(BUILD)/image build-static-$(CPU_NAME)/dumpdiff-$(CPU_NAME) $(CPU)

## all that a release is made of, with a bill of materials and sums, in build/release (PARTIAL=1: what can be made here)
release:
	@+JOBS=$(JOBS) tools/release.sh '$(MAKE) $(PARALLEL)' $(BUILD)/release

## the static build where nothing else is: golden cases, a bare root, arm64 under qemu-user
static-check:
	@+tests/e2e/static.sh '$(MAKE) $(PARALLEL)' $(BUILD)/e2e

## what is shipped, on systems that have nothing of ours (root, bwrap, mmdebstrap, rpm, buildah, crun, lintian, node)
package-check: $(DUMPDIFF)
	@+status=0; tests/e2e/package.sh $(BUILD)/e2e || status=1; \
	    tests/e2e/recipes.sh '$(MAKE) $(PARALLEL)' $(BUILD)/e2e || status=1; \
	    tests/e2e/kubernetes.sh '$(MAKE) $(PARALLEL)' $(BUILD)/e2e || status=1; \
	    tests/e2e/systems.sh '$(MAKE) $(PARALLEL)' $(BUILD)/e2e || status=1; exit $$status

## sizes, start-up and speed of what is shipped beside the ordinary build, on an otherwise idle machine
package-bench: $(DUMPDIFF) $(BUILD)/tests/bench/make_data $(BUILD)/tests/bench/make_heaps
	@+tests/bench/shipped.sh '$(MAKE) $(PARALLEL)' $^ $(BUILD)/bench/shipped

## clang's analyser over the program: null pointers, leaks, use after free, values that nobody set
analyze: $(LIB_SRC:%.c=$(BUILD)/%.analyzed) $(CMD_SRC:%.c=$(BUILD)/%.analyzed)

$(BUILD)/cmd/main.analyzed $(BUILD)/cmd/cmd_man.analyzed $(BUILD)/cmd/cmd_gate.analyzed: BASE_CFLAGS += -DDUMPDIFF_VERSION='"$(VERSION)"' -DDUMPDIFF_RELEASED='"$(RELEASED)"'
$(BUILD)/%.analyzed: %.c tools/analyze.h
	@mkdir -p $(@D)
	@$(need_pkgs)$(ANALYZE) $(BASE_CFLAGS) $(if $(filter %/err.c,$<),,-include tools/analyze.h) \
	    -MMD -MP -MF $@.d -MT $@ $<
	@touch $@

# -- For users ------------------------------------------------------------------------------------
## program, man pages, completion and schemas (PREFIX, DESTDIR)
install: all
	install -D -m 755 $(DUMPDIFF) $(DESTDIR)$(PREFIX)/bin/dumpdiff
	tools/install_made.sh $(DUMPDIFF) $(DESTDIR)$(PREFIX)/share
	install -d $(DESTDIR)$(PREFIX)/share/dumpdiff
	install -m 644 $(wildcard schema/*.json) $(DESTDIR)$(PREFIX)/share/dumpdiff/

## what is missing on this machine, for everything (Debian)
deps:
	@tools/deps.sh all
	@tools/schemas.sh $(DUMPDIFF_SCHEMAS)

# Two services that leak and hang: as logs that a debugger printed, then as raw dumps.
## installs what is missing, builds, compares two dumps of a sick service, twice
demo:
	@tools/deps.sh build
	@+$(MAKE) --no-print-directory $(PARALLEL) all
	$(DUMPDIFF) diff --top 8 demo/before demo/after
	@echo
	$(DUMPDIFF) diff --top 8 demo/dumps/before.core.zst demo/dumps/after.core.zst

# -- Before each commit, and everything -----------------------------------------------------------
## the program and all programs that test it
programs: all $(UNIT) $(REAL) $(GOLDEN) $(MK_SNAP) $(MK_WINDOWS)

## lint, unit tests and golden cases: before each commit
quick: lint programs
	@$(GOLDEN_ENV) BUILD=$(BUILD) tools/run_tests.sh $(MORE_TESTS) $(UNIT) $(REAL) $(GOLDEN)

# Real dumps, unit tests and corpora under the sanitizers first, then all of quick, whose sum closes the log.
## everything CI runs; installs what is missing
check:
	@tools/deps.sh check
	@tools/schemas.sh $(DUMPDIFF_SCHEMAS)
	@+$(MAKE) --no-print-directory $(PARALLEL) programs
	@+$(MAKE) --no-print-directory $(PARALLEL) analyze
	@+$(MAKE) --no-print-directory $(PARALLEL) SANITIZE=address,undefined OPT=-O1 sanitized
	@+$(MAKE) --no-print-directory $(PARALLEL) cross
	@+$(MAKE) --no-print-directory dumps
	@+$(MAKE) --no-print-directory holders
	@+$(MAKE) --no-print-directory page
	@+$(MAKE) --no-print-directory fleet
	@+$(MAKE) --no-print-directory $(BUILD)/tests/bench/make_data
	@+$(MAKE) --no-print-directory quick MORE_TESTS='tests/bench/compare.sh tests/bench/instructions.sh tests/walls/planted.sh tests/walls/planted_once.sh tests/walls/planted_faults.sh tests/walls/developers.sh'

## a clean clone with nothing beside it: demo and quick, at most 3 tests skip; no part of check
newcomer:
	@tools/newcomer.sh
## the same in a bare Debian 12 (mmdebstrap, bwrap): demo, the README's first page, check (QUICK=1: quick)
newcomer-bare:
	@QUICK=$(QUICK) tools/newcomer.sh --bare

MUTATIONS ?= 150
## unit tests, corpora and MUTATIONS runs over changed inputs, as check runs them with SANITIZE=address,undefined
sanitized: all $(UNIT) $(REAL) $(FUZZ)
	@tools/run_tests.sh $(UNIT) $(REAL)
	@tests/e2e/mutations.py $(DUMPDIFF) $(MUTATIONS)
	@tools/fuzz.sh replay $(BUILD)/tests/fuzz $(FUZZ_TARGETS)

## removes all that was built
clean:
	rm -rf build build-*

## this list
help:
	@tools/make_help.sh $(firstword $(MAKEFILE_LIST))

.PHONY: all windows windows-check cross static static-check deb dist rpm image release package-check package-bench help test pages-check compile_commands.json gate lint walls dead layers headers format-check format unit real golden-check golden fuzz-replay fuzz-replay-run fuzz \
    fuzz-run fuzz-merge fuzz-merge-run bench instructions large dumps holders e2e fleet page troubles \
    analyze install programs pages quick deps demo check newcomer newcomer-bare sanitized clean
.SECONDARY:
-include $(shell find $(BUILD) -type f -name '*.d' 2>/dev/null)
