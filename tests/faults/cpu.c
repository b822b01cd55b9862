// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults that the processor tells the kernel of.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "acts.h"

#ifndef __x86_64__
#error "these faults are written for x86-64"
#endif

/* Far into the hole between the two halves of the addresses. */
#define NON_CANONICAL 0x8000000000000000UL

void null_read(long with)
{
	asm volatile("mov (%0), %%rax" :: "r"(8L) : "rax");
}

void null_jump(long with)
{
	((void (*)(void))16)();
}

void read_only_write(long with)
{
	void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	asm volatile("movq $1, (%0)" :: "r"(page) : "memory");
}

void data_jump(long with)
{
	static char code[16] = { (char)0xc3 };	/* ret */

	((void (*)(void))code)();
}

void wild_read(long with)
{
	asm volatile("mov (%0), %%rax" :: "r"(NON_CANONICAL) : "rax");
}

void wild_stack(long with)
{
	asm volatile("mov $0x40, %rsp\n\tpush $1");
	__builtin_unreachable();
}

void privileged(long with)
{
	asm volatile("hlt");
}

void illegal(long with)
{
	asm volatile("ud2");
}

void divide(long with)
{
	asm volatile("xor %%edx, %%edx; mov $1, %%eax; xor %%ecx, %%ecx; div %%ecx"
		     ::: "eax", "ecx", "edx");
}

void breakpoint(long with)
{
	asm volatile("int3");
}

/* Behind the end of a file there is no memory. */
void bus(long with)
{
	int fd = memfd_create("short", 0);
	char *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

	asm volatile("movb (%0), %%al" :: "r"(page) : "al");
}

static int __attribute__((noinline, noipa)) recurse(int depth)
{
	volatile char room[512];

	room[0] = depth;
	return depth < 0 ? 0 : recurse(depth + 1) + room[0];
}

void stack_overflow(long with)
{
	struct rlimit limit = { 256 << 10, 256 << 10 };

	setrlimit(RLIMIT_STACK, &limit);
	recurse(0);
}

/* The kernel does not ask whether a fault is welcome. */
void fault_blocked(long with)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGSEGV);
	sigprocmask(SIG_BLOCK, &set, NULL);
	null_read(0);
}

void fault_ignored(long with)
{
	signal(SIGSEGV, SIG_IGN);
	null_read(0);
}

static void fault_again(int signo)
{
	null_jump(0);
}

void fault_in_handler(long with)
{
	signal(SIGSEGV, fault_again);
	null_read(0);
}

static sigjmp_buf jump;

static void jump_out(int signo)
{
	siglongjmp(jump, 1);
}

/* Handled where the handler has a stack of its own to run on. */
void overflow_handled(long alternate)
{
	static char room[64 << 10];
	stack_t stack = { .ss_sp = room, .ss_size = sizeof(room) };
	struct sigaction action = { .sa_handler = jump_out, .sa_flags = alternate ? SA_ONSTACK : 0 };

	sigaltstack(&stack, NULL);
	sigaction(SIGSEGV, &action, NULL);
	if (!sigsetjmp(jump, 1))
		stack_overflow(0);
	_exit(9);
}

/* As programs do that find a null pointer by its fault. */
void faults_handled(long with)
{
	signal(SIGSEGV, jump_out);
	signal(SIGFPE, jump_out);
	signal(SIGILL, jump_out);
	signal(SIGTERM, jump_out);
	for (volatile int i = 0; i < 20; i++) {
		if (sigsetjmp(jump, 1))
			continue;
		switch (i % 4) {
		case 0:
			null_read(0);
			break;
		case 1:
			divide(0);
			break;
		case 2:
			illegal(0);
			break;
		case 3:
			raise(SIGTERM);
			break;
		}
	}
	_exit(5);
}
