# make              build                      make check-fast   < 10 s
# make install      below PREFIX, DESTDIR      make check        < 15 min
# make bench        against Debian's QEMU      make check-all    everything
# make format       clang-format, in place     make sizes        longest functions, files
# make docs         the pages of docs/ that are made from the source
# make SAN=address,undefined ...               the same, sanitized
# make CC=clang MODE=clang ...                 the same, another compiler
-include config.mak

ifeq ($(SRC),)
ifeq ($(filter clean distclean format sizes docs,$(MAKECMDGOALS)),)
$(error not configured: run ./configure first)
endif
SRC := .
endif

MODE ?= opt
ifneq ($(SAN),)
MODE := san
endif
O := build/$(MODE)

OPT.opt   := -O2 -g
OPT.clang := -O2 -g
OPT.san   := -O1 -g -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
OPT.debug := -O0 -g -DCONFIG_DEBUG_TCG
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror
CFLAGS := -std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 $(OPT.$(MODE)) $(WARN) \
          -fno-strict-aliasing -I$(SRC) -include build/config.h $(EXTRA_CFLAGS)
LDFLAGS := $(OPT.$(MODE)) -rdynamic $(EXTRA_LDFLAGS)

ROOMS := util sys block char net ui monitor fpu tcg tcg/x86_64 tcg/interp \
         hw/core hw/boards hw/pci hw/misc hw/intc hw/timer hw/dma hw/input hw/char \
         hw/ide hw/block hw/display hw/arm hw/i2c hw/net hw/nand hw/s3c24xx hw/scsi \
         hw/sd hw/usb
in = $(patsubst $(SRC)/%,%,$(wildcard $(SRC)/$(1)))
# What only one guest has: its processor and its boards.
PARTS.i386 := $(foreach p,target-i386/* hw/boards/pc* hw/boards/list-i386,$(call in,$(p).c))
PARTS.arm := $(foreach p,target-arm/* hw/boards/arm* hw/boards/list-arm,$(call in,$(p).c))
GUESTS := i386 arm
CORE := $(filter-out vl.c $(foreach g,$(GUESTS),$(PARTS.$(g))),\
        $(foreach r,$(ROOMS),$(call in,$(r)/*.c)) $(call in,*.c))
HDRS := $(call in,*.h) $(foreach r,$(ROOMS) tools $(GUESTS:%=target-%),$(call in,$(r)/*.h))
ROMS := $(patsubst %.S,%.bin,$(call in,pc-bios/optionrom/*.S))

UNIT := $(call in,tests/unit/*.c) $(call in,tests/codegen/*.c) $(call in,tests/fuzz/*.c)
# The contract of devices holds on the boards of each guest.
ARM_CONTRACT := $(O)/tests/unit/test-arm-device-contract
UNIT_BIN := $(patsubst %.c,$(O)/%,$(UNIT)) $(ARM_CONTRACT)

obj = $(patsubst %.c,$(O)/%.o,$(patsubst %.S,$(O)/%.o,$(1)))

TARGETS ?= i386-softmmu arm-softmmu
PROGRAMS := $(patsubst %-softmmu,$(O)/qemu-system-%,$(TARGETS)) \
            $(patsubst $(SRC)/tools/%.c,$(O)/%,$(wildcard $(SRC)/tools/qemu-*.c))

all: $(PROGRAMS) $(addprefix $(O)/,$(ROMS))

link = @echo "  LINK  $@"; $(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) \
       -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LDLIBS)

$(O)/qemu-system-%: $(call obj,vl.c) $(O)/%.a $(O)/core.a
	$(link)
$(O)/qemu-%: $(O)/tools/qemu-%.o $(O)/core.a
	$(link)
$(O)/qemu-img: $(call obj,$(call in,tools/img-*.c) $(call in,tools/fs-*.c) tools/refused.c)
$(O)/qemu-img: LDLIBS += $(IMG_LIBS)
$(O)/qemu-io: $(call obj,$(call in,tools/io-*.c) tools/refused.c)
$(O)/qemu-nbd: $(call obj,tools/fs-part.c tools/refused.c)

$(O)/core.a: $(call obj,$(CORE))
$(O)/i386.a: $(call obj,$(PARTS.i386))
$(O)/arm.a: $(call obj,$(PARTS.arm))
$(O)/%.a:
	@rm -f $@; ar rcs $@ $^

$(O)/%.o: $(SRC)/%.c build/config.h
	@mkdir -p $(@D)
	@echo "  CC    $(patsubst $(SRC)/%,%,$<)"
	@$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

$(O)/%.o: $(SRC)/%.S
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) -c -o $@ $<

# Option ROMs: 16-bit code at offset 0, padded and check-summed.
$(O)/pc-bios/optionrom/%.bin: $(SRC)/pc-bios/optionrom/%.S $(SRC)/scripts/sign-rom
	@mkdir -p $(@D)
	@echo "  ROM   $@"
	@$(CC) -m32 -c -I$(SRC) -o $(@:.bin=.o) $<
	@ld -m elf_i386 -N -e 0 -Ttext 0 --oformat binary -o $@.raw $(@:.bin=.o)
	@$(SRC)/scripts/sign-rom $@.raw $@
	@cp $@ $(O)/pc-bios/

# Tests of one guest say so in their names; the others take the first.
of_arm = $(if $(findstring /test-arm-,$(1))$(findstring /fuzz-arm,$(1)),$(1))
ARM_TESTS := $(filter-out $(ARM_CONTRACT),$(foreach t,$(UNIT_BIN),$(call of_arm,$(t))))
$(ARM_TESTS): $(O)/%: $(O)/%.o $(O)/arm.a $(O)/core.a
	$(link)
$(ARM_CONTRACT): $(O)/tests/unit/device-contract.o $(O)/arm.a $(O)/core.a
	$(link)
$(filter-out $(ARM_TESTS) $(ARM_CONTRACT),$(UNIT_BIN)): $(O)/%: $(O)/%.o $(O)/i386.a $(O)/core.a
	$(link)

tests: $(UNIT_BIN)

# Every header compiles alone.
$(O)/%.h.ok: $(SRC)/%.h
	@mkdir -p $(@D)
	@echo '#include "$*.h"' | $(CC) $(CFLAGS) -fsyntax-only -x c - && touch $@
check-headers: $(HDRS:%=$(O)/%.ok)

check-fast: all tests check-headers
	@$(SRC)/tests/run -b $(O) -l fast
check: all tests check-headers
	@$(SRC)/tests/run -b $(O) -l check
check-all: all tests check-headers
	@$(SRC)/tests/run -b $(O) -l all
	@$(MAKE) --no-print-directory SAN=address,undefined check-fast
	@TEST_TIMEOUT_SCALE=4 $(SRC)/tests/run -b build/san -l check fuzz-devices boot-686.t
	@$(MAKE) --no-print-directory CC=clang MODE=clang check-fast

bench: all
	@for t in $(TARGETS:%-softmmu=%); do \
	    $(SRC)/tests/bench/run -g $$t -q $(O)/qemu-system-$$t || exit 1; done

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/qemu
	install -m 755 $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(wildcard $(O)/pc-bios/*.bin) $(DESTDIR)$(PREFIX)/share/qemu

format:
	clang-format -i $(shell git ls-files '*.[ch]')
sizes:
	@$(SRC)/tests/lint/sizes.sh
docs:
	@for page in options monitor limits; do \
	    $(SRC)/scripts/gen-$$page-doc >$(SRC)/docs/$$page.md || exit 1; done
tags:
	@git ls-files '*.[chS]' '*.def' | xargs ctags
clean:
	rm -rf build/opt build/san build/clang build/debug
distclean: clean
	rm -f config.mak build/config.h $(if $(filter-out .,$(SRC)),Makefile)
	-@rmdir build 2>/dev/null || true

.PHONY: all tests check check-fast check-all check-headers bench install format sizes docs tags clean distclean
.SECONDARY:
-include $(shell find $(O) -name '*.d' 2>/dev/null)
