/* The system calls a function has no business with. */
#include "sandbox.h"
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE AUDIT_ARCH_AARCH64
#else
#error "no system call filter for this machine"
#endif

#ifndef SYS_io_uring_setup
#define SYS_io_uring_setup 425
#define SYS_io_uring_enter 426
#define SYS_io_uring_register 427
#endif
#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#endif

#define NAMESPACES (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)
#define TIOCSTI_ 0x5412
#define TIOCLINUX_ 0x541C

/* Refused with EPERM. */
static const int refused[] = {
    SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_open_tree, SYS_move_mount, SYS_fsopen, SYS_fsconfig, SYS_fsmount, SYS_fspick,
    SYS_mount_setattr, SYS_setns, SYS_unshare, SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_process_madvise, SYS_kcmp,
    SYS_pidfd_getfd, SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_keyctl, SYS_add_key, SYS_request_key, SYS_kexec_load,
    SYS_kexec_file_load, SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_reboot, SYS_swapon, SYS_swapoff, SYS_acct,
    SYS_quotactl, SYS_quotactl_fd, SYS_settimeofday, SYS_clock_settime, SYS_clock_adjtime, SYS_adjtimex, SYS_sethostname, SYS_setdomainname, SYS_syslog,
    SYS_vhangup, SYS_name_to_handle_at, SYS_open_by_handle_at, SYS_fanotify_init, SYS_fanotify_mark, SYS_lookup_dcookie,
    SYS_move_pages, SYS_migrate_pages, SYS_nfsservctl,
#if defined(__x86_64__)
    SYS_iopl, SYS_ioperm, SYS_modify_ldt, SYS_create_module, SYS_get_kernel_syms, SYS_query_module, SYS_uselib, SYS_ustat, SYS_sysfs,
    SYS__sysctl, SYS_afs_syscall, SYS_vserver,
#endif
};

/* Answered as by a kernel that has never heard of them: callers then take the older way. */
static const int unknown[] = {SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register, SYS_clone3, SYS_memfd_secret};

static const unsigned families[] = {AF_UNIX, AF_INET, AF_INET6};

static struct sock_filter program[512];
static unsigned length;

static void emit(uint16_t code, uint32_t value, uint8_t yes, uint8_t no) {
  program[length++] = (struct sock_filter){.code = code, .jt = yes, .jf = no, .k = value};
}
static void load(size_t offset) { emit(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0); }
static void answer(uint32_t action) { emit(BPF_RET | BPF_K, action, 0, 0); }
static void answer_error(int number) { answer(SECCOMP_RET_ERRNO | (uint32_t)number); }
static void load_number(void) { load(offsetof(struct seccomp_data, nr)); }
/* The lower half of an argument; the kernel ignores the upper one where we look. */
static void load_argument(int index) { load(offsetof(struct seccomp_data, args) + 8 * (size_t)index); }

static void refuse(int call, int number) {
  emit(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 1);
  answer_error(number);
}

static void check_clone(void) {
  emit(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 4);
  load_argument(0);
  emit(BPF_JMP | BPF_JSET | BPF_K, NAMESPACES, 0, 1);
  answer_error(EPERM);
  answer(SECCOMP_RET_ALLOW);
}

/* UNIX, IPv4, IPv6, and of netlink the family that lists addresses. */
static void check_socket(int call) {
  unsigned count = sizeof families / sizeof families[0];
  emit(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, (uint8_t)(count * 2 + 7));
  load_argument(0);
  for (unsigned i = 0; i < count; i++) {
    emit(BPF_JMP | BPF_JEQ | BPF_K, families[i], 0, 1);
    answer(SECCOMP_RET_ALLOW);
  }
  emit(BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 0, 3);
  load_argument(2);
  emit(BPF_JMP | BPF_JEQ | BPF_K, 0 /* NETLINK_ROUTE */, 0, 1);
  answer(SECCOMP_RET_ALLOW);
  answer_error(EAFNOSUPPORT);
  answer_error(EAFNOSUPPORT); /* never reached: keeps the jump above simple */
}

/* Process 1 is not the payload's to signal, also where both are the same user. */
static void check_kill(int call) {
  emit(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 4);
  load_argument(0);
  emit(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 1);
  answer_error(EPERM);
  answer(SECCOMP_RET_ALLOW);
}

static void check_ioctl(void) {
  emit(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 5);
  load_argument(1);
  emit(BPF_JMP | BPF_JEQ | BPF_K, TIOCSTI_, 1, 0);
  emit(BPF_JMP | BPF_JEQ | BPF_K, TIOCLINUX_, 0, 1);
  answer_error(EPERM);
  answer(SECCOMP_RET_ALLOW);
}

/* Other personalities reach old code paths; asking for the present one is harmless. */
static void check_personality(void) {
  emit(BPF_JMP | BPF_JEQ | BPF_K, SYS_personality, 0, 5);
  load_argument(0);
  emit(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
  emit(BPF_JMP | BPF_JEQ | BPF_K, 0xffffffff, 0, 1);
  answer(SECCOMP_RET_ALLOW);
  answer_error(EPERM);
}

bool deny_syscalls(void) {
  length = 0;
  load(offsetof(struct seccomp_data, arch));
  emit(BPF_JMP | BPF_JEQ | BPF_K, NATIVE, 1, 0);
  answer_error(ENOSYS);
  load_number();
#if defined(__x86_64__)
  emit(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1); /* the x32 interface */
  answer_error(ENOSYS);
#endif
  check_clone();
  check_socket(SYS_socket);
  check_socket(SYS_socketpair);
  check_ioctl();
  check_kill(SYS_kill);
  check_kill(SYS_tkill);
  check_kill(SYS_tgkill);
  check_kill(SYS_rt_sigqueueinfo);
  check_kill(SYS_rt_tgsigqueueinfo);
  check_personality();
  for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) refuse(refused[i], EPERM);
  for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) refuse(unknown[i], ENOSYS);
  answer(SECCOMP_RET_ALLOW);
  struct sock_fprog filter = {.len = (unsigned short)length, .filter = program};
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0;
}
