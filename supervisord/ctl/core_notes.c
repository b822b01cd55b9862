// SPDX-License-Identifier: GPL-2.0-only
/* The notes of a core file, in the layout of the kernel's own (elf(5), sys/procfs.h). */
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisord/ctl/core.h"
#include "supervisord/ctl/image.h"
#include "supervisord/reliability/registers.h"

#define PAGE 4096
#define THREADS_MAX 256
#define AUXV_MAX 64

/* Of NT_PRSTATUS, what is before the registers; the same on each 64-bit machine. */
struct prstatus_head {
	int32_t signo;
	int32_t code;
	int32_t error;
	int16_t cursig;
	uint16_t pad;
	uint64_t pending;
	uint64_t held;
	int32_t pid;
	int32_t ppid;
	int32_t pgrp;
	int32_t sid;
	uint64_t times[8];
};

struct prpsinfo {
	char state;
	char name;
	char zombie;
	char nice;
	uint32_t pad;
	uint64_t flags;
	uint32_t uid;
	uint32_t gid;
	int32_t pid;
	int32_t ppid;
	int32_t pgrp;
	int32_t sid;
	char comm[16];
	char arguments[80];
};

_Static_assert(sizeof(struct prstatus_head) == 112, "elf_prstatus");
_Static_assert(sizeof(struct prpsinfo) == 136, "elf_prpsinfo");

static void note_write(FILE *to, uint32_t type, const void *bytes, size_t size)
{
	Elf64_Nhdr note = { .n_namesz = 5, .n_descsz = size, .n_type = type };
	static const char zeros[8];

	fwrite(&note, sizeof(note), 1, to);
	fwrite("CORE\0\0\0", 8, 1, to);
	fwrite(bytes, 1, size, to);
	fwrite(zeros, 1, -size & 3, to);
}

static int signal_number(const char *name)
{
	int number;

	if (!name || strncmp(name, "SIG", 3))
		return 0;
	for (int i = 1; i < 32; i++)
		if (sigabbrev_np(i) && !strcmp(sigabbrev_np(i), name + 3))
			return i;
	return sscanf(name, "SIGRT%d", &number) == 1 && number > 0 && number < 65 ? number : 0;
}

static unsigned int registers_count(const struct core *core)
{
	char buffer[REGISTER_NAME_SIZE];
	unsigned int n = 0;

	while (n < FAULTLINE_REGS_MAX && registers_name(core->machine, n, buffer))
		n++;
	return n;
}

static void status_write(const struct core *core, FILE *to, int signo, int tid,
			 const uint64_t *regs)
{
	const json_t *kernel = json_object_get(core->data, "kernel");
	unsigned int n = registers_count(core);
	struct {
		struct prstatus_head head;
		uint64_t regs[FAULTLINE_REGS_MAX + 1];
	} status = { .head = { .signo = signo, .cursig = signo, .pid = tid } };

	status.head.code = signo ? (int)core_number(kernel, "code") : 0;
	status.head.ppid = core_number(kernel, "parent");
	memcpy(status.regs, regs, n * sizeof(*regs));
	/* Behind them whether floating point registers are valid, padded to 8 bytes. */
	status.regs[n] = json_object_get(core->data, "fpregs") != NULL;
	note_write(to, NT_PRSTATUS, &status, sizeof(status.head) + (n + 1) * sizeof(*regs));
}

static void process_write(const struct core *core, FILE *to)
{
	const json_t *kernel = json_object_get(core->data, "kernel");
	const char *comm = json_string_value(json_object_get(kernel, "comm"));
	const struct core_map *program = core_program(core);
	struct prpsinfo info = {
		.name = 'R',
		.uid = core_number(kernel, "uid"),
		.gid = core_number(kernel, "uid"),
		.pid = core_number(kernel, "pid"),
		.ppid = core_number(kernel, "parent"),
	};

	snprintf(info.comm, sizeof(info.comm), "%s", comm ? comm : "");
	snprintf(info.arguments, sizeof(info.arguments), "%s",
		 program ? program->name : comm ? comm : "");
	note_write(to, NT_PRPSINFO, &info, sizeof(info));
}

static void siginfo_write(const struct core *core, FILE *to, int signo)
{
	const json_t *kernel = json_object_get(core->data, "kernel");
	const json_t *sender = json_object_get(kernel, "sender");
	union {
		siginfo_t info;
		char bytes[128];
	} siginfo = { .bytes = { 0 } };

	siginfo.info.si_signo = signo;
	siginfo.info.si_code = (int)core_number(kernel, "code");
	if (siginfo.info.si_code > 0) {
		siginfo.info.si_addr = (void *)core_number(kernel, "address");
	} else {
		/* Sent: by another process, or by itself. */
		if (!sender)
			sender = kernel;
		siginfo.info.si_pid = core_number(sender, "pid");
		siginfo.info.si_uid = core_number(sender, "uid");
	}
	note_write(to, NT_SIGINFO, &siginfo, sizeof(siginfo));
}

/* Where the capture has none, what a debugger needs to place the program. */
static size_t auxv_make(const struct core *core, Elf64_auxv_t *auxv)
{
	const struct core_map *program = core_program(core);
	struct image image;
	const char *why;
	uint64_t bias;

	if (!program || image_read(&image, program->name, program->build_id, &why))
		return 0;
	bias = program->start - image.base;
	auxv[0] = (Elf64_auxv_t){ AT_PHDR, { bias + image.phdrs } };
	auxv[1] = (Elf64_auxv_t){ AT_PHENT, { sizeof(Elf64_Phdr) } };
	auxv[2] = (Elf64_auxv_t){ AT_PHNUM, { image.phnum } };
	auxv[3] = (Elf64_auxv_t){ AT_PAGESZ, { PAGE } };
	auxv[4] = (Elf64_auxv_t){ AT_ENTRY, { bias + image.entry } };
	image_release(&image);
	return 5;
}

static uint64_t element(const json_t *array, size_t i)
{
	const char *text = json_string_value(json_array_get(array, i));

	return text ? strtoull(text, NULL, 16) : 0;
}

static void auxv_write(const struct core *core, FILE *to)
{
	const json_t *words = json_object_get(core->data, "auxv");
	Elf64_auxv_t auxv[AUXV_MAX + 1] = {};
	size_t n = 0;

	for (size_t i = 0; i + 1 < json_array_size(words) && n < AUXV_MAX; i += 2) {
		auxv[n].a_type = element(words, i);
		auxv[n].a_un.a_val = element(words, i + 1);
		/* The kernel's own library is in no file, and not in the capture. */
		n += auxv[n].a_type != AT_SYSINFO_EHDR && auxv[n].a_type != AT_NULL;
	}
	if (!n)
		n = auxv_make(core, auxv);
	auxv[n] = (Elf64_auxv_t){ .a_type = AT_NULL };
	if (n)
		note_write(to, NT_AUXV, auxv, (n + 1) * sizeof(*auxv));
}

static void files_write(const struct core *core, FILE *to)
{
	uint64_t head[2] = { 0, PAGE };
	char *bytes = NULL;
	size_t size = 0;
	FILE *note = open_memstream(&bytes, &size);

	if (!note)
		return;
	for (size_t i = 0; i < core->n_maps; i++)
		head[0] += core->maps[i].file;
	fwrite(head, sizeof(head), 1, note);
	for (size_t i = 0; i < core->n_maps; i++) {
		const struct core_map *map = &core->maps[i];
		uint64_t entry[3] = { map->start, map->end, map->offset / PAGE };

		if (map->file)
			fwrite(entry, sizeof(entry), 1, note);
	}
	for (size_t i = 0; i < core->n_maps; i++)
		if (core->maps[i].file)
			fwrite(core->maps[i].name, 1, strlen(core->maps[i].name) + 1, note);
	if (!fclose(note) && head[0])
		note_write(to, NT_FILE, bytes, size);
	free(bytes);
}

static void fpregs_write(const struct core *core, FILE *to)
{
	size_t size;
	void *bytes = core_bytes(json_object_get(core->data, "fpregs"), 512, &size);

	if (bytes && size == 512 && core->machine == EM_X86_64)
		note_write(to, NT_FPREGSET, bytes, size);
	free(bytes);
}

/* Where the others were, and no more: their stacks are not in the capture. */
static void threads_write(const struct core *core, FILE *to, int signo)
{
	json_t *list = json_object_get(json_object_get(core->data, "threads"), "list"), *thread;
	int pc = registers_pc(core->machine), sp = registers_sp(core->machine);
	size_t i;

	json_array_foreach(list, i, thread) {
		uint64_t regs[FAULTLINE_REGS_MAX] = {};

		if (i == THREADS_MAX)
			break;
		regs[pc] = core_number(thread, "pc");
		regs[sp] = core_number(thread, "sp");
		if (regs[pc] && core_number(thread, "tid"))
			/* As in the kernel's, all have the signal: readers take it from the last. */
			status_write(core, to, signo, core_number(thread, "tid"), regs);
	}
}

int core_notes(struct core *core, FILE *to, struct error *err)
{
	const json_t *kernel = json_object_get(core->data, "kernel");
	const json_t *registers = json_object_get(core->data, "registers");
	int signo = signal_number(json_string_value(json_object_get(kernel, "signal")));
	uint64_t regs[FAULTLINE_REGS_MAX] = {};
	char buffer[REGISTER_NAME_SIZE];

	if (!core_number(kernel, "pid"))
		return error_set(err, -EINVAL, "this fault does not say which process it was");
	for (unsigned int i = 0; i < registers_count(core); i++)
		regs[i] = core_number(registers, registers_name(core->machine, i, buffer));
	/* The thread that faulted comes first: that is the one a debugger begins with. */
	status_write(core, to, signo, core_number(kernel, "tid"), regs);
	process_write(core, to);
	siginfo_write(core, to, signo);
	auxv_write(core, to);
	files_write(core, to);
	fpregs_write(core, to);
	threads_write(core, to, signo);
	return 0;
}
