/* The root of a sandbox: the host's programs and libraries, and as little else as works. */
#include "sandbox.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define READ_ONLY (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
#define BIND (1 /* OPEN_TREE_CLONE */ | AT_RECURSIVE)

static int root;

static void must(bool done, const char *what) {
  if (!done) send_fatal("building the root, %s: %s", what, strerror(errno));
}

static void place(int mount, const char *target, const char *what) {
  must(mount >= 0 && sys_move_mount(mount, "", root, target, 4) == 0, what);
  close(mount);
}

/* Binds a path of the host to the same path inside; false where the host has no such thing. */
static bool bind_same(const char *path, uint64_t attributes) {
  int mount = sys_open_tree(AT_FDCWD, path, BIND);
  if (mount < 0) return false;
  struct stat about;
  must(fstat(mount, &about) == 0, path);
  if (S_ISDIR(about.st_mode)) {
    mkdirat(root, path + 1, 0755);
  } else {
    int file = openat(root, path + 1, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    if (file >= 0) close(file);
  }
  must(sys_restrict(mount, attributes, 0, attributes & MOUNT_ATTR_NODEV), path);
  place(mount, path + 1, path);
  return true;
}

static void write_file(const char *path, const char *text, mode_t mode) {
  int file = openat(root, path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, mode);
  must(file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text) && fchmod(file, mode) == 0, path);
  close(file);
}

static void write_text(const char *path, const char *text) { write_file(path, text, 0644); }

/* /bin, /lib and their like are links on most systems, folders on some. */
static void programs(void) {
  static const char *const names[] = {"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", NULL};
  must(bind_same("/usr", READ_ONLY), "/usr");
  for (int i = 0; names[i] != NULL; i++) {
    char link[MAX_PATH];
    ssize_t length = readlink(names[i], link, sizeof link - 1);
    if (length > 0) {
      link[length] = '\0';
      must(symlinkat(link, root, names[i] + 1) == 0, names[i]);
    } else {
      bind_same(names[i], READ_ONLY);
    }
  }
}

static void settings(const struct base *base) {
  static const char *const names[] = {
      "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives",    "/etc/ca-certificates", "/etc/pki",
      "/etc/crypto-policies", "/etc/localtime", "/etc/services", "/etc/protocols", "/etc/mime.types", "/etc/fonts", NULL};
  char text[512];
  mkdirat(root, "etc", 0755);
  for (int i = 0; names[i] != NULL; i++) bind_same(names[i], READ_ONLY);
  mkdirat(root, "etc/ssl", 0755);
  bind_same("/etc/ssl/certs", READ_ONLY);
  bind_same("/etc/ssl/openssl.cnf", READ_ONLY);
  DIR *etc = opendir("/etc");
  for (struct dirent *entry; etc != NULL && (entry = readdir(etc)) != NULL;) {
    if (strncmp(entry->d_name, "java-", 5) != 0) continue;
    snprintf(text, sizeof text, "/etc/%s", entry->d_name);
    bind_same(text, READ_ONLY);
  }
  if (etc != NULL) closedir(etc);
  snprintf(text, sizeof text, "root:x:0:0:root:/root:/sbin/nologin\nsbx_user1051:x:%u:%u::/tmp:/sbin/nologin\n", base->uid, base->gid);
  write_text("etc/passwd", text);
  snprintf(text, sizeof text, "root:x:0:\nsbx_user1051:x:%u:\n", base->gid);
  write_text("etc/group", text);
  write_text("etc/hosts", "127.0.0.1 localhost sandbox\n::1 localhost\n");
  write_text("etc/hostname", "sandbox\n");
  write_text("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n");
  write_text("etc/resolv.conf", base->resolv_conf);
}

static void devices(void) {
  static const char *const names[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", NULL};
  static const char *const memory[] = {"size", "64m", "nr_inodes", "4096", "mode", "1777", NULL};
  mkdirat(root, "dev", 0755);
  for (int i = 0; names[i] != NULL; i++) must(bind_same(names[i], MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC), names[i]);
  must(symlinkat("/proc/self/fd", root, "dev/fd") == 0 && symlinkat("fd/0", root, "dev/stdin") == 0 &&
           symlinkat("fd/1", root, "dev/stdout") == 0 && symlinkat("fd/2", root, "dev/stderr") == 0,
       "links in /dev");
  mkdirat(root, "dev/shm", 0755);
  place(new_mount("tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, memory), "dev/shm", "/dev/shm");
}

static void mask(const char *path, int empty) {
  struct stat about;
  if (fstatat(root, path, &about, 0) < 0) return;
  int mount = S_ISDIR(about.st_mode) ? sys_open_tree(empty, "", 1 | AT_EMPTY_PATH) : sys_open_tree(AT_FDCWD, "/dev/null", 1);
  place(mount, path, path);
}

static void processes(bool rootless) {
  static const char *const hidden[] = {"hidepid", "invisible", NULL};
  static const char *const plain[] = {NULL};
  static const char *const masked[] = {"proc/kcore", "proc/keys", "proc/key-users", "proc/kmsg", "proc/sysrq-trigger", "proc/timer_list",
      "proc/sched_debug", "proc/kallsyms", "proc/kpagecount", "proc/kpageflags", "proc/kpagecgroup", "proc/vmallocinfo", "proc/slabinfo",
      "proc/modules", "proc/config.gz", "proc/acpi", "proc/asound", "proc/bus", "proc/driver", "proc/fs", "proc/irq", "proc/scsi",
      "proc/tty", NULL};
  static const char *const nothing[] = {"size", "4k", "nr_inodes", "1", "mode", "0555", NULL};
  unsigned attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  mkdirat(root, "proc", 0755);
  int proc = rootless ? -1 : new_mount("proc", attributes, hidden);
  if (proc < 0) proc = new_mount("proc", attributes, plain);
  place(proc, "proc", "/proc");
  int empty = new_mount("tmpfs", attributes | MOUNT_ATTR_RDONLY, nothing);
  must(empty >= 0, "an empty folder");
  for (int i = 0; masked[i] != NULL; i++) mask(masked[i], empty);
  close(empty);
  int sys = sys_open_tree(root, "proc/sys", 1);
  must(sys >= 0 && sys_restrict(sys, READ_ONLY | MOUNT_ATTR_NOEXEC, 0, false), "/proc/sys");
  place(sys, "proc/sys", "/proc/sys");
}

void build_root(const struct base *base) {
  static const char *const options[] = {"size", "2m", "nr_inodes", "2048", "mode", "0755", NULL};
  static const char *const folders[] = {"tmp", "opt", "var", "var/task", "var/runtime", "var/lang", "var/lambent", "var/tmp", "mnt", "run", NULL};
  must(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0, "detaching from the host's mounts");
  root = new_mount("tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, options);
  must(root >= 0, "a tmpfs");
  /* Mounts can be put below it only once it is in the namespace. /proc exists everywhere. */
  must(sys_move_mount(root, "", AT_FDCWD, "/mnt", 4) == 0 || sys_move_mount(root, "", AT_FDCWD, "/tmp", 4) == 0, "placing it");
  for (int i = 0; folders[i] != NULL; i++) must(mkdirat(root, folders[i], 0755) == 0, folders[i]);
  programs();
  settings(base);
  /* Programs look for it to learn that they are on Lambda. Nothing of ours starts there. */
  write_file("lambda-entrypoint.sh", "#!/bin/sh\nexec \"$@\"\n", 0755);
  devices();
  processes(base->rootless);
  must(fchdir(root) == 0 && syscall(SYS_pivot_root, ".", ".") == 0, "changing to it");
  must(umount2(".", MNT_DETACH) == 0 && chdir("/") == 0, "leaving the host's");
  must(sys_restrict(root, MOUNT_ATTR_RDONLY, 0, false), "making it read-only");
  close(root);
}
