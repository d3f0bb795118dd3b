# dumpdiff: see README.md. `make` builds build/dumpdiff, `make check` is what CI runs.
.DEFAULT_GOAL := all
BUILD   ?= build
CC      ?= gcc
OPT     ?= -O2
SANITIZE ?=
PKGS    := libxxhash libcjson
WARN    := -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wvla -Wstrict-prototypes -Wno-sign-conversion
WERROR  ?= -Werror

# Packages may be missing on a fresh machine: `deps` installs them before a second make asks again.
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
CFLAGS  ?= $(OPT) -g
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE $(CFLAGS) $(WARN) $(WERROR) -I. -Isnapshot $(PKG_CFLAGS) -MMD -MP
ifneq ($(SANITIZE),)
BUILD   := $(BUILD)-sanitize
ALL_CFLAGS += -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer -DARENA_DEBUG
LDFLAGS += -fsanitize=$(SANITIZE)
endif

LIB_SRC  := $(sort $(wildcard snapshot/*/*.c diff/*.c diff/*/*.c))
CMD_SRC  := $(sort $(wildcard cmd/*.c))
LIB_OBJ  := $(LIB_SRC:%.c=$(BUILD)/%.o)
CMD_OBJ  := $(CMD_SRC:%.c=$(BUILD)/%.o)
LIB      := $(BUILD)/libdumpdiff.a
UNIT_SRC := $(sort $(wildcard tests/unit/test_*.c))
UNIT     := $(UNIT_SRC:%.c=$(BUILD)/%)
SOURCES  := $(LIB_SRC) $(CMD_SRC) $(wildcard tests/*/*.c)
HEADERS  := $(sort $(wildcard snapshot/*/*.h diff/*.h diff/*/*.h cmd/*.h tests/*/*.h))

all: $(BUILD)/dumpdiff

$(BUILD)/dumpdiff: $(CMD_OBJ) $(LIB)
	$(CC) $(LDFLAGS) -o $@ $(CMD_OBJ) $(LIB) $(PKG_LIBS) $(LDLIBS)

$(LIB): $(LIB_OBJ)
	@rm -f $@
	$(AR) rcs $@ $(LIB_OBJ)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(LIB)
	$(CC) $(LDFLAGS) -o $@ $< $(LIB) $(PKG_LIBS) -lcmocka $(LDLIBS)

unit: $(UNIT)
	@set -e; for t in $(UNIT); do echo "== $$t"; $$t; done

format:
	clang-format -i $(SOURCES) $(HEADERS)

clean:
	rm -rf build build-*

.PHONY: all unit format clean
.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
