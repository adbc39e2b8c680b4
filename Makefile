# make run · make test · make examples · make lib · make bench · make lint · make install
# No configure step. CC, CXX and CFLAGS may be set; everything that is built goes to build/.
CC ?= cc
CXX ?= c++
CFLAGS ?= -O2 -g
PREFIX ?= /usr/local
PYTHON ?= python3
# As many at once as there are processors.
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 1)
WARN = -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -pedantic -Werror
STD = -std=c11
LIBS = -lm -pthread
BUILD ?= build
TESTS = $(patsubst tests/%.c,%,$(wildcard tests/test_*.c))
EXAMPLES = $(patsubst examples/%.c,%,$(wildcard examples/*.c))

.PHONY: all run test examples lib plugins conform cuda_test opinfo goldens bench gnn-table accuracy lint install clean force
all: lib examples

# Trains a character GPT on tensor.h's own text and prints what it writes.
run: $(BUILD)/gpt
	$(BUILD)/gpt

# The implementation is compiled once, and every test links to it.
$(BUILD)/tensor.c:
	@mkdir -p $(BUILD)
	@printf "#define TENSOR_IMPLEMENTATION\n#include \"tensor.h\"\n" > $@
$(BUILD)/tensor.o: $(BUILD)/tensor.c tensor.h
	$(CC) $(STD) $(CFLAGS) $(WARN) -I. -c $< -o $@
$(BUILD)/test_%: tests/test_%.c tests/tn_test.h tensor.h $(BUILD)/tensor.o
	$(CC) $(STD) $(CFLAGS) $(WARN) $< $(BUILD)/tensor.o -o $@ $(LIBS)
# ext/graph.h once too; two tests have it in them, for its private functions.
$(BUILD)/graph.o: ext/graph.h tensor.h
	@mkdir -p $(BUILD)
	printf '#define TENSOR_GRAPH_IMPLEMENTATION\n#include "ext/graph.h"\n' > $(BUILD)/graph.c
	$(CC) $(STD) $(CFLAGS) $(WARN) -I. -c $(BUILD)/graph.c -o $@
$(BUILD)/test_gnn: tests/gnn_golden.h
$(BUILD)/test_graph_%: tests/test_graph_%.c ext/graph.h tests/tn_test.h tests/gnn_golden.h tensor.h $(BUILD)/tensor.o $(BUILD)/graph.o
	$(CC) $(STD) $(CFLAGS) $(WARN) $< $(BUILD)/graph.o $(BUILD)/tensor.o -o $@ $(LIBS)
$(BUILD)/test_graph_data $(BUILD)/test_graph_transform: $(BUILD)/test_graph_%: tests/test_graph_%.c ext/graph.h tests/tn_test.h tensor.h $(BUILD)/tensor.o
	$(CC) $(STD) $(CFLAGS) -O1 $(WARN) $< $(BUILD)/tensor.o -o $@ $(LIBS)
test: $(addprefix $(BUILD)/,$(TESTS))
	@tests/run $(addprefix $(BUILD)/,$(TESTS))

$(BUILD)/%: examples/%.c tensor.h
	@mkdir -p $(BUILD)
	$(CC) -O2 $< -o $@ -lm
$(addprefix $(BUILD)/,gcn_cora gin_mutag hetero link_prediction molecule_explain sage_sampled): ext/graph.h
$(BUILD)/cpp: examples/cpp.cpp tensor.h
	@mkdir -p $(BUILD)
	$(CXX) -std=c++17 -O2 $< -o $@ -lm
examples: $(addprefix $(BUILD)/,$(EXAMPLES)) $(BUILD)/cpp

# The header as a shared library, for other languages and for the conformance runner.
lib: $(BUILD)/libtensor.so
$(BUILD)/libtensor.so: $(BUILD)/tensor.c tensor.h
	$(CC) $(STD) -O2 -fPIC -shared -I. $< -o $@ $(LIBS)

# The plugins that this machine can build: build/plugins/tensor_accel_ID.so. They need no SDK.
BUILD_PLUGIN = $(CC) $(STD) $(CFLAGS) -fPIC -shared -fvisibility=hidden $(WARN) $(if $(findstring sanitize,$(CFLAGS)),,-Wl$(comma)-z$(comma)defs)
comma = ,
plugins: $(addprefix $(BUILD)/plugins/tensor_accel_,null.so opencl.so cuda.so)
# Kernel sources as C, which the kit includes.
KIT = $(wildcard accel/*.h) $(BUILD)/kernels.inc
$(BUILD)/kernels.inc: accel/embed.awk $(wildcard accel/prelude/*.k accel/kernels/*.k)
	@mkdir -p $(BUILD)
	awk -f accel/embed.awk accel/prelude/*.k accel/kernels/*.k > $@
$(BUILD)/plugsum: tools/plugsum.c
	@mkdir -p $(BUILD)/plugins
	$(CC) $(STD) $(CFLAGS) $(WARN) $< -o $@
$(BUILD)/plugins/tensor_accel_cuda.so: plugins/cuda/cuda.c $(wildcard plugins/cuda/*.h) tensor.h $(KIT) $(BUILD)/plugsum $(BUILD)/ptx.choice $(if $(PTX),$(BUILD)/ptx.pack)
	$(BUILD_PLUGIN) -I$(BUILD) $(if $(PTX),-DTN_PTX_PACK='"$(abspath $(BUILD)/ptx.pack)"') $< -o $@ $(LIBS) && $(BUILD)/plugsum $@
$(BUILD)/plugins/tensor_accel_opencl.so: plugins/opencl/opencl.c plugins/opencl/cl.h tensor.h $(KIT) $(BUILD)/plugsum
	$(BUILD_PLUGIN) -I$(BUILD) $< -o $@ $(LIBS) && $(BUILD)/plugsum $@
$(BUILD)/plugins/tensor_accel_null.so: plugins/null/null.c plugins/null/null.h tensor.h $(BUILD)/plugsum
	$(BUILD_PLUGIN) $< -o $@ $(LIBS) && $(BUILD)/plugsum $@
$(BUILD)/test_pointwise: tools/accuracy.h
$(BUILD)/test_kit: tests/test_kit.c tests/tn_test.h tensor.h $(KIT)
	$(CC) $(STD) $(CFLAGS) -O0 $(WARN) -I$(BUILD) $< -o $@ $(LIBS)
$(BUILD)/plugins/bad/%.so: tests/plugins/variant.c tensor.h
	@mkdir -p $(BUILD)/plugins/bad
	$(BUILD_PLUGIN) -DVARIANT=$* $< -o $@
$(BUILD)/test_accel: $(BUILD)/plugins/tensor_accel_null.so $(foreach v,0 1 2 3 4 5 6 7 8,$(BUILD)/plugins/bad/$(v).so)

# make plugins PTX=1: the CUDA plugin carries the kernels of usual programs as PTX and needs NVRTC for others alone. NVRTC has to be
# here, a GPU does not: the kernels are those that accel_conform, accel_usual and gpt.c ask the record plugin for. PTX_OPS=add,mm takes
# only those of such rows of accel_conform, for tests.
PTX ?=
PTX_OPS ?=
RECORD = $(BUILD)/record
$(BUILD)/ptx.choice: force
	@mkdir -p $(BUILD)
	@echo '$(PTX) $(PTX_OPS)' | cmp -s - $@ || echo '$(PTX) $(PTX_OPS)' > $@
$(RECORD)/tensor_accel_record.so: tests/plugins/record.c plugins/null/null.c plugins/null/null.h tensor.h $(KIT) $(BUILD)/plugsum
	@mkdir -p $(RECORD)
	$(BUILD_PLUGIN) -I$(BUILD) $< -o $@ $(LIBS) && $(BUILD)/plugsum $@
$(BUILD)/accel_usual: tests/accel_usual.c tensor.h $(BUILD)/tensor.o
	$(CC) $(STD) $(CFLAGS) $(WARN) $< $(BUILD)/tensor.o -o $@ $(LIBS)
$(BUILD)/ptx.pack: $(RECORD)/tensor_accel_record.so $(BUILD)/accel_conform $(if $(PTX_OPS),,$(BUILD)/accel_usual $(BUILD)/gpt) $(BUILD)/ptx.choice tools/pack_kernels.py tools/check_kernels.py
	rm -rf $(RECORD)/texts && mkdir $(RECORD)/texts
	TN_RECORD=$(RECORD)/texts $(BUILD)/accel_conform $(RECORD)/tensor_accel_record.so --plain $(if $(PTX_OPS),--op $(PTX_OPS))
ifeq ($(PTX_OPS),)
	TN_RECORD=$(RECORD)/texts TN_ACCEL_PATH=$(abspath $(RECORD)) $(BUILD)/accel_usual record >/dev/null || test $$? -eq 1
	TN_RECORD=$(RECORD)/texts TN_ACCEL_PATH=$(abspath $(RECORD)) TN_DEVICE=record $(BUILD)/gpt tensor.h 3 >/dev/null 2>&1
endif
	$(PYTHON) tools/pack_kernels.py $(RECORD)/texts $@ --keep $(RECORD)/ptx

# The CUDA plugin over a driver that computes nothing: make cuda_test BUILD=build/fake PTX=1 PTX_OPS=add
$(BUILD)/fake/libcuda.so.1: tests/plugins/fake_cuda.c tests/plugins/fake_cuda.h plugins/cuda/cu.h
	@mkdir -p $(BUILD)/fake
	$(BUILD_PLUGIN) -Wl,-soname,libcuda.so.1 $< -o $@
$(BUILD)/accel_cuda: tests/accel_cuda.c tests/plugins/fake_cuda.h tests/tn_test.h tensor.h $(BUILD)/tensor.o
	$(CC) $(STD) $(CFLAGS) $(WARN) -DFAKE_CUDA='"$(abspath $(BUILD)/fake/libcuda.so.1)"' $< $(BUILD)/tensor.o -o $@ $(LIBS)
cuda_test: $(BUILD)/accel_cuda $(BUILD)/fake/libcuda.so.1 $(BUILD)/plugins/tensor_accel_cuda.so
	$(BUILD)/accel_cuda

# A plugin's devices against the CPU: make conform PLUGIN=build/plugins/tensor_accel_null.so ARGS='--op mm'
PLUGIN ?= $(BUILD)/plugins/tensor_accel_null.so
$(BUILD)/accel_conform: tests/accel_conform.c tensor.h $(BUILD)/tensor.o
	$(CC) $(STD) $(CFLAGS) $(WARN) $< $(BUILD)/tensor.o -o $@ $(LIBS)
conform: $(BUILD)/accel_conform $(PLUGIN)
	$(BUILD)/accel_conform $(PLUGIN) $(ARGS)

# PyTorch's frozen op samples: make opinfo DIR=folder (needs numpy and cffi)
opinfo: lib
	$(PYTHON) tests/conform/opinfo.py $(DIR)

# Goldens of PyTorch (needs torch and safetensors).
goldens:
	$(PYTHON) tools/make_goldens.py

# The f32 functions against the C library: make accuracy ARGS='--share 4099 exp log'
$(BUILD)/accuracy: tools/accuracy.c tools/accuracy.h tensor.h $(BUILD)/tensor.o
	$(CC) $(STD) $(CFLAGS) $(WARN) $< $(BUILD)/tensor.o -o $@ $(LIBS)
accuracy: $(BUILD)/accuracy
	$(BUILD)/accuracy $(ARGS)

bench: lib
	$(PYTHON) bench/compare.py
# Graph nets' accuracies beside PyTorch Geometric's and the papers': make gnn-table ARGS='--only gcn --seeds 5'
$(BUILD)/gnn_table: bench/gnn_table.c ext/graph.h tensor.h $(BUILD)/tensor.o
	$(CC) $(STD) $(CFLAGS) $(WARN) $< $(BUILD)/tensor.o -o $@ $(LIBS)
gnn-table: $(BUILD)/gnn_table
	$(PYTHON) bench/gnn_table.py $(ARGS)
lint:
	$(PYTHON) tools/lint

install:
	install -d $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/lib/cmake/tensor
	install -d $(DESTDIR)$(PREFIX)/include/ext
	install -m 644 tensor.h $(DESTDIR)$(PREFIX)/include/tensor.h
	install -m 644 ext/graph.h $(DESTDIR)$(PREFIX)/include/ext/graph.h
	sed 's|@PREFIX@|$(PREFIX)|' tools/tensor.pc.in > $(DESTDIR)$(PREFIX)/lib/pkgconfig/tensor.pc
	install -m 644 tools/tensor-config.cmake tools/tensor-config-version.cmake $(DESTDIR)$(PREFIX)/lib/cmake/tensor/

clean:
	rm -rf $(BUILD)
