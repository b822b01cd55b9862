// SPDX-License-Identifier: GPL-2.0-only
/* Core files from fault data that are whole, partial and hostile. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "supervisord/ctl/core.h"

#define ROUNDS 3000

/* The program of a dynamic executable that is there on every machine that runs this. */
static const char *const whole =
	"{\"kernel\": {\"pid\": 7, \"tid\": 8, \"parent\": 1, \"uid\": 5, \"signal\": \"SIGSEGV\", \"code\": 1,"
	" \"comm\": \"pump\", \"address\": \"0x10\"},"
	" \"registers\": {\"rip\": \"0x401000\", \"rsp\": \"0x7ffd00001000\", \"rbp\": \"0x1\", \"r15\": \"0xffffffffffffffff\"},"
	" \"stack\": {\"address\": \"0x7ffd00001000\", \"hex\": \"00112233445566778899aabbccddeeff\"},"
	" \"auxv\": [\"0x6\", \"0x1000\", \"0x21\", \"0x7000\", \"0x9\", \"0x401000\"],"
	" \"fpregs\": \"00\","
	" \"threads\": {\"total\": 2, \"list\": [{\"tid\": 9, \"pc\": \"0x402000\", \"sp\": \"0x7f0000000000\"}, {\"tid\": 10}]},"
	" \"maps\": [{\"start\": \"0x400000\", \"end\": \"0x500000\", \"rights\": \"r-xp\", \"offset\": \"0x0\","
	"   \"name\": \"/proc/self/exe\", \"program\": true},"
	"  {\"start\": \"0x500000\", \"end\": \"0x501000\", \"rights\": \"rw-p\", \"offset\": \"0x100000\"},"
	"  {\"start\": \"0x7f0000000000\", \"end\": \"0x7f0000001000\", \"offset\": \"0x0\", \"name\": \"/does/not/exist\"},"
	"  {\"start\": \"0x7ffd00000000\", \"end\": \"0x7ffd00021000\", \"rights\": \"rw-p\", \"name\": \"[stack]\"}]}";

struct file {
	unsigned char *bytes;
	size_t size;
};

static int build(json_t *data, struct file *file)
{
	int fd = memfd_create("core", MFD_CLOEXEC);
	struct error error = {};
	struct stat st;
	int ret;

	assert_true(fd >= 0);
	ret = core_write(fd, data, NULL, NULL, &error);
	assert_int_equal(!ret, !error.text[0]);
	assert_int_equal(fstat(fd, &st), 0);
	file->size = st.st_size;
	file->bytes = malloc(st.st_size + 1);
	assert_int_equal(pread(fd, file->bytes, st.st_size, 0), st.st_size);
	close(fd);
	return ret;
}

/* The first note of @type; all notes are whole, and so are all segments. */
static const void *find_note(const struct file *file, uint32_t type, size_t *size)
{
	const Elf64_Ehdr *ehdr = (const void *)file->bytes;
	const Elf64_Phdr *phdr = (const void *)(ehdr + 1);
	const void *found = NULL;
	Elf64_Nhdr note;

	assert_true(file->size >= sizeof(*ehdr) + ehdr->e_phnum * sizeof(*phdr));
	assert_memory_equal(ehdr->e_ident, ELFMAG, SELFMAG);
	assert_int_equal(ehdr->e_type, ET_CORE);
	for (int i = 0; i < ehdr->e_phnum; i++)
		assert_true(phdr[i].p_offset <= file->size &&
			    phdr[i].p_filesz <= file->size - phdr[i].p_offset);
	assert_int_equal(phdr->p_type, PT_NOTE);
	for (size_t at = 0; at < phdr->p_filesz;) {
		const unsigned char *here = file->bytes + phdr->p_offset + at;

		assert_true(phdr->p_filesz - at >= sizeof(note) + 8);
		memcpy(&note, here, sizeof(note));
		assert_int_equal(note.n_namesz, 5);
		assert_true(note.n_descsz <= phdr->p_filesz - at - sizeof(note) - 8);
		if (note.n_type == type && !found) {
			found = here + sizeof(note) + 8;
			*size = note.n_descsz;
		}
		at += sizeof(note) + 8 + ((note.n_descsz + 3) & ~3U);
	}
	return found;
}

static void whole_data(void **state)
{
	json_t *data = json_loads(whole, 0, NULL);
	const unsigned char *note;
	struct file file;
	uint64_t word;
	size_t size = 0;
	int number;

	assert_non_null(data);
	assert_int_equal(build(data, &file), 0);
	note = find_note(&file, NT_PRSTATUS, &size);
	assert_non_null(note);
	assert_int_equal(size, 336);
	memcpy(&number, note + 32, sizeof(number));
	assert_int_equal(number, 8);
	memcpy(&word, note + 112 + 16 * 8, sizeof(word));
	assert_int_equal(word, 0x401000);
	memcpy(&word, note + 112, sizeof(word));
	assert_int_equal(word, UINT64_MAX);
	assert_int_equal(note[0], 11);
	note = find_note(&file, NT_SIGINFO, &size);
	assert_int_equal(size, 128);
	memcpy(&word, note + 16, sizeof(word));
	assert_int_equal(word, 0x10);
	/* AT_SYSINFO_EHDR is left out: its memory is not there. */
	note = find_note(&file, NT_AUXV, &size);
	assert_int_equal(size, 3 * 16);
	note = find_note(&file, NT_FILE, &size);
	memcpy(&word, note, sizeof(word));
	assert_int_equal(word, 3);
	assert_non_null(memmem(note, size, "/does/not/exist", 16));
	/* Half a set of floating point registers is none. */
	assert_null(find_note(&file, NT_FPREGSET, &size));
	free(file.bytes);
	json_decref(data);
}

static void partial_data(void **state)
{
	static const char *const removable[] = { "stack", "auxv", "fpregs", "threads", "maps" };
	static const struct {
		const char *text;
		int ret;
	} rows[] = {
		{ "{}", -ENODATA },
		{ "[]", -ENODATA },
		{ "{\"registers\": {}}", -ENODATA },
		{ "{\"registers\": {\"rip\": 7}}", -EINVAL },
		{ "{\"registers\": {\"rip\": 7}, \"kernel\": {\"pid\": \"0xzz\"}}", -EINVAL },
		{ "{\"registers\": {\"rip\": 7}, \"kernel\": {\"pid\": 1}}", 0 },
		{ "{\"registers\": {\"pc\": 7, \"pstate\": 0}, \"kernel\": {\"pid\": 1}}", 0 },
	};
	struct file file;
	size_t size;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		json_t *data = json_loads(rows[i].text, 0, NULL);

		assert_int_equal(build(data, &file), rows[i].ret);
		if (!rows[i].ret)
			assert_non_null(find_note(&file, NT_PRSTATUS, &size));
		free(file.bytes);
		json_decref(data);
	}
	for (size_t i = 0; i < sizeof(removable) / sizeof(*removable); i++) {
		json_t *data = json_loads(whole, 0, NULL);

		json_object_del(data, removable[i]);
		assert_int_equal(build(data, &file), 0);
		assert_non_null(find_note(&file, NT_PRSTATUS, &size));
		free(file.bytes);
		json_decref(data);
	}
}

/* Files that are no programs, and one that would keep a reader waiting. */
static void hostile_files(void **state)
{
	char garbage[] = "/tmp/faultline-core-XXXXXX", fifo[] = "/tmp/faultline-fifo-XXXXXX";
	const char *names[] = { "/dev/zero", "/proc/self/mem", "/", garbage, fifo, "" };
	int fd = mkstemp(garbage);
	struct file file;
	size_t size;
	Elf64_Ehdr ehdr;
	int self;

	/* Headers of a true program, and then nothing but 0xff. */
	self = open("/proc/self/exe", O_RDONLY);
	assert_int_equal(read(self, &ehdr, sizeof(ehdr)), sizeof(ehdr));
	close(self);
	assert_int_equal(write(fd, &ehdr, sizeof(ehdr)), sizeof(ehdr));
	for (int i = 0; i < 4096; i++)
		assert_int_equal(write(fd, "\xff", 1), 1);
	close(fd);
	close(mkstemp(fifo));
	unlink(fifo);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		json_t *data = json_loads(whole, 0, NULL), *map;
		size_t n;

		json_array_foreach(json_object_get(data, "maps"), n, map)
			json_object_set_new(map, "name", json_string(names[i]));
		assert_int_equal(build(data, &file), 0);
		assert_non_null(find_note(&file, NT_PRSTATUS, &size));
		free(file.bytes);
		json_decref(data);
	}
	unlink(garbage);
	unlink(fifo);
}

static json_t *anything(void)
{
	static const char *const texts[] = {
		"", "0x", "0xffffffffffffffff", "0x0", "-1", "abc", "0xzz", "SIGRT99999999999", "f", "0123456789abcdef",
		"/proc/self/exe", "0x7fffffffffff", "[stack]", "SIGSEGV",
	};

	switch (rand() % 8) {
	case 0:
		return json_null();
	case 1:
		return json_integer(rand() - RAND_MAX / 2);
	case 2:
		return json_integer(INT64_MIN);
	case 3:
		return json_array();
	case 4:
		return json_pack("{s:s}", "list", "x");
	case 5:
		return json_real(1e300);
	default:
		return json_string(texts[rand() % (sizeof(texts) / sizeof(*texts))]);
	}
}

/* Changes one member somewhere in @value. */
static void spoil(json_t *value)
{
	const char *name;
	json_t *member;
	size_t i;
	int left;

	if (json_is_array(value) && json_array_size(value)) {
		i = rand() % json_array_size(value);
		if (rand() % 3)
			spoil(json_array_get(value, i));
		else
			json_array_set_new(value, i, anything());
	} else if (json_is_object(value) && json_object_size(value)) {
		left = rand() % json_object_size(value);
		json_object_foreach(value, name, member) {
			if (left--)
				continue;
			if (rand() % 3 && (json_is_object(member) || json_is_array(member)))
				spoil(member);
			else
				json_object_set_new(value, name, anything());
			break;
		}
	}
}

static void hostile_data(void **state)
{
	struct file file;
	size_t size;

	srand(1);
	for (int i = 0; i < ROUNDS; i++) {
		json_t *data = json_loads(whole, 0, NULL);

		for (int n = rand() % 6; n >= 0; n--)
			spoil(data);
		if (!build(data, &file))
			assert_non_null(find_note(&file, NT_PRSTATUS, &size));
		free(file.bytes);
		json_decref(data);
	}
}

static void many_mappings(void **state)
{
	json_t *data = json_loads(whole, 0, NULL), *maps = json_array();
	struct file file;
	uint64_t count;
	size_t size;

	for (uint64_t i = 0; i < 20000; i++)
		json_array_append_new(maps, json_pack("{s:I, s:I, s:s, s:s}",
			"start", (json_int_t)(i * 8192 + 4096), "end", (json_int_t)(i * 8192 + 8192),
			"offset", "0x1000", "name", "/lib/x"));
	json_object_set_new(data, "maps", maps);
	assert_int_equal(build(data, &file), 0);
	memcpy(&count, find_note(&file, NT_FILE, &size), sizeof(count));
	assert_int_equal(count, CORE_MAPS_MAX);
	free(file.bytes);
	json_decref(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_data),
		cmocka_unit_test(partial_data),
		cmocka_unit_test(hostile_files),
		cmocka_unit_test(hostile_data),
		cmocka_unit_test(many_mappings),
	};

	return cmocka_run_group_tests_name("core", tests, NULL, NULL);
}
