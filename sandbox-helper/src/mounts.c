/* The mount calls of the kernel, and mounting into a sandbox from outside. */
#include "sandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#ifndef OPEN_TREE_CLOEXEC
#define OPEN_TREE_CLOEXEC O_CLOEXEC
#endif

int sys_open_tree(int folder, const char *path, unsigned flags) {
  return (int)syscall(SYS_open_tree, folder, path, flags | OPEN_TREE_CLOEXEC);
}
int sys_move_mount(int from, const char *from_path, int to, const char *to_path, unsigned flags) {
  return (int)syscall(SYS_move_mount, from, from_path, to, to_path, flags);
}
int sys_fsopen(const char *type) { return (int)syscall(SYS_fsopen, type, 1 /* FSOPEN_CLOEXEC */); }
int sys_fsconfig(int fs, unsigned command, const char *key, const char *value) {
  return (int)syscall(SYS_fsconfig, fs, command, key, value, 0);
}
int sys_fsmount(int fs, unsigned attributes) {
  return (int)syscall(SYS_fsmount, fs, 1 /* FSMOUNT_CLOEXEC */, attributes);
}

struct attributes {
  uint64_t set, clear, propagation, userns;
};

bool sys_restrict(int mount, uint64_t set, uint64_t clear, bool recursive) {
  struct attributes wanted = {.set = set, .clear = clear};
  return syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &wanted, sizeof wanted) == 0;
}

/* A detached mount of a fresh file system. Options are pairs; a flag has the value NULL. */
int new_mount(const char *type, unsigned attributes, const char *const *options) {
  int fs = sys_fsopen(type);
  if (fs < 0) return -1;
  for (; options[0] != NULL; options += 2) {
    unsigned command = options[1] == NULL ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING;
    if (sys_fsconfig(fs, command, options[0], options[1]) < 0) goto fail;
  }
  if (sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL) < 0) goto fail;
  int mount = sys_fsmount(fs, attributes);
  if (mount < 0) goto fail;
  close(fs);
  return mount;
fail:;
  int reason = errno;
  close(fs);
  errno = reason;
  return -1;
}

bool view_open(struct view *view, pid_t pid, char *error, size_t size) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/ns/mnt", pid);
  view->own_ns = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
  view->sandbox_ns = open(path, O_RDONLY | O_CLOEXEC);
  view->root = -1;
  if (view->own_ns < 0 || view->sandbox_ns < 0 || setns(view->sandbox_ns, CLONE_NEWNS) < 0) {
    snprintf(error, size, "entering the mount namespace: %s", strerror(errno));
    return false;
  }
  view->root = sys_open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE);
  bool writable = view->root >= 0 && sys_restrict(view->root, 0, MOUNT_ATTR_RDONLY, false);
  if (!writable) snprintf(error, size, "cloning the root: %s", strerror(errno));
  if (setns(view->own_ns, CLONE_NEWNS) < 0) send_fatal("returning to the own mount namespace: %s", strerror(errno));
  return writable;
}

/* Makes the target below the root, as a folder or an empty file. Existing ones are left alone. */
static bool make_target(int root, const char *target, bool folder) {
  char path[MAX_PATH];
  if (snprintf(path, sizeof path, "%s", target + 1) >= (int)sizeof path) return false;
  for (char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    mkdirat(root, path, 0755);
    *slash = '/';
  }
  if (folder) return mkdirat(root, path, 0755) == 0 || errno == EEXIST || errno == ENOENT;
  int file = openat(root, path, O_CREAT | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (file >= 0) close(file);
  return true;
}

static bool below(const char *path, const char *folder) {
  size_t length = strlen(folder);
  return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

/* Only folders that nobody inside can write to: no link can then lead the mount elsewhere. */
static bool allowed_target(const char *target) {
  if (target[0] != '/' || target[1] == '\0' || strstr(target, "/../") != NULL) return false;
  return !below(target, "/tmp") && !below(target, "/proc") && !below(target, "/dev");
}

bool view_place(struct view *view, int mount, const char *target, char *error, size_t size) {
  bool placed = setns(view->sandbox_ns, CLONE_NEWNS) == 0 && sys_move_mount(mount, "", AT_FDCWD, target, 4 /* F_EMPTY_PATH */) == 0;
  if (!placed) snprintf(error, size, "mounting on %s: %s", target, strerror(errno));
  if (setns(view->own_ns, CLONE_NEWNS) < 0) send_fatal("returning to the own mount namespace: %s", strerror(errno));
  return placed;
}

bool view_attach(struct view *view, const char *source, const char *target, char *error, size_t size) {
  if (!allowed_target(target)) {
    snprintf(error, size, "%s cannot be a mount target", target);
    return false;
  }
  struct stat about;
  int mount = sys_open_tree(AT_FDCWD, source, OPEN_TREE_CLONE | AT_RECURSIVE);
  if (mount < 0 || fstat(mount, &about) < 0) {
    snprintf(error, size, "opening %s: %s", source, strerror(errno));
    return false;
  }
  bool done = sys_restrict(mount, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, 0, true);
  if (!done) snprintf(error, size, "making %s read-only: %s", source, strerror(errno));
  if (done && !make_target(view->root, target, S_ISDIR(about.st_mode))) {
    snprintf(error, size, "making the target %s: %s", target, strerror(errno));
    done = false;
  }
  done = done && view_place(view, mount, target, error, size);
  close(mount);
  return done;
}
