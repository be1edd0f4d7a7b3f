"""The walls around a decoder: what a child gives up for good before it looks at a byte of a file.

Strongest first; each holds without the others:

* **seccomp** (Linux with libseccomp): no sockets, no opening, making or renaming of files, no new processes or
  threads, no looking into or signalling other processes. Refused calls answer EPERM.
* **no new descriptors** (everywhere): the limit on open files is zero, so nothing can be opened or connected.
* **memory, CPU time, file size** (everywhere), no core dump, no privileges to gain.
* an **empty network namespace** and the user **nobody**, where the process may change them (it was started as root).

A deny list and not an allow list: which harmless calls a decoder makes changes with every C library, and a wrong
allow list refuses good pictures. What the list leaves open is bounded by the descriptor limit.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

NOBODY = 65534

_CLONE_NEWNET = 0x4000_0000
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38

_DENIED = (
    # network
    *("socket", "socketpair", "connect", "bind", "listen", "accept", "accept4", "sendto", "sendmsg", "sendmmsg"),
    *("recvfrom", "recvmsg", "recvmmsg", "setsockopt"),
    # files by name
    *("open", "openat", "creat", "open_by_handle_at", "name_to_handle_at", "unlink", "unlinkat", "rename", "renameat"),
    *("renameat2", "link", "linkat", "symlink", "symlinkat", "mkdir", "mkdirat", "rmdir", "mknod", "mknodat", "chmod"),
    *("fchmod", "fchmodat", "chown", "fchown", "lchown", "fchownat", "truncate", "utime", "utimes", "utimensat"),
    *("futimesat", "setxattr", "lsetxattr", "fsetxattr", "chdir", "fchdir", "chroot", "pivot_root", "mount", "umount2"),
    *("inotify_init", "inotify_init1", "fanotify_init", "memfd_create", "swapon", "quotactl", "acct"),
    # processes
    *("execve", "execveat", "fork", "vfork", "clone", "ptrace", "process_vm_readv", "process_vm_writev", "kill"),
    *("tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "setsid", "setpgid", "prctl", "unshare", "setns"),
    *("setpriority", "sched_setaffinity", "sched_setscheduler", "sched_setattr", "ioprio_set", "kcmp", "personality"),
    *("setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups", "capset"),
    # the kernel's larger surfaces
    *("bpf", "perf_event_open", "userfaultfd", "keyctl", "add_key", "request_key", "shmget", "shmat", "msgget"),
    *("semget", "mq_open", "init_module", "finit_module", "kexec_load", "seccomp", "modify_ldt", "ioctl"),
)
# From 424 on, numbers are the same on every architecture; names may be younger than the library that resolves them.
# pidfd_send_signal, io_uring (3), open_tree .. fspick (6), pidfd_open, clone3, openat2, pidfd_getfd,
# process_madvise, mount_setattr, landlock (3), memfd_secret, process_mrelease, fchmodat2.
_DENIED_NUMBERS = (*range(424, 436), 437, 438, 440, 442, *range(444, 449), 452)


@dataclass(frozen=True, slots=True)
class Strength:
    """What was tried from inside the walls, and held. Each is True if the child could not do it."""

    network: bool
    files: bool
    seccomp: bool
    namespace: bool
    nobody: bool

    @property
    def sentence(self) -> str:
        """One line for those who run the service."""
        means = [name for name, on in asdict(self).items() if on and name not in ("network", "files")]
        closed = " and ".join(name for name in ("network", "files") if getattr(self, name)) or "nothing"
        return f"decoders run with {closed} closed to them, by {', '.join(['descriptor limit', *means])}"


class Jail:
    """The walls, made ready once in the parent of all decoders and entered by each child."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
        self._filter = _filter()
        self._namespace = False

    def settle(self) -> None:
        """Give up what the parent of the decoders itself does not need. Call once, when all imports are done."""
        # If memory runs out, a decoder goes first, and not the service.
        with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
        if self._libc is not None:
            self._namespace = self._libc.unshare(_CLONE_NEWNET) == 0
        if os.geteuid() == 0:
            with suppress(OSError):
                os.setgroups([])
                os.setresgid(NOBODY, NOBODY, NOBODY)
                os.setresuid(NOBODY, NOBODY, NOBODY)

    def enter(self, *, memory: int, cpu_seconds: int, file_bytes: int) -> None:
        """Close the walls around the calling process, for ever. Sizes in bytes."""
        if self._libc is not None:
            self._libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            self._libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        _limit(resource.RLIMIT_CORE, 0)
        _limit(resource.RLIMIT_CPU, cpu_seconds)
        _limit(resource.RLIMIT_FSIZE, file_bytes)
        _limit(resource.RLIMIT_AS, memory)
        _limit(getattr(resource, "RLIMIT_NPROC", None), 0)
        _limit(resource.RLIMIT_NOFILE, 0)
        if self._filter is not None:
            self._filter.load()

    def measure(self) -> Strength:
        """Try the walls from inside, in a child of the caller, and say what held."""
        pid = os.fork()
        if pid == 0:
            code = 0x80
            try:
                self.enter(memory=1 << 31, cpu_seconds=5, file_bytes=0)
                code = _attempts()
            finally:
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        held = code if code >= 0 and not code & 0x80 else 0
        return Strength(
            network=bool(held & 1),
            files=bool(held & 2),
            seccomp=bool(held & 4),
            namespace=self._namespace,
            nobody=os.geteuid() == NOBODY,
        )


def _attempts() -> int:
    held = 0
    try:
        socket.socket().close()
    except OSError as refused:
        # The descriptor limit answers EMFILE; seccomp is asked before it and answers EPERM.
        held |= 1 | (4 if refused.errno == errno.EPERM else 0)
    try:
        os.close(os.open("/", os.O_RDONLY))
    except OSError:
        held |= 2
    return held


def _limit(what: int | None, value: int) -> None:
    if what is None:
        return
    hard = resource.getrlimit(what)[1]
    cap = value if hard == resource.RLIM_INFINITY else min(value, hard)
    # macOS has no usable limit on address space and answers ValueError.
    with suppress(ValueError, OSError):
        resource.setrlimit(what, (cap, cap))


def _filter() -> Any:
    """The seccomp filter, or None where the platform has none."""
    try:
        import pyseccomp as seccomp
    except (ImportError, OSError, RuntimeError):
        return None
    try:
        denied = seccomp.SyscallFilter(seccomp.ALLOW)
        refuse = seccomp.ERRNO(errno.EPERM)
        for call in (*_DENIED, *_DENIED_NUMBERS):
            # A name that this architecture does not have cannot be called on it either.
            with suppress(OSError, ValueError):
                denied.add_rule(refuse, call)
        # Its own limits a process may read; those of others it may not touch.
        denied.add_rule(refuse, "prlimit64", seccomp.Arg(0, seccomp.NE, 0))
    except (OSError, ValueError):
        return None
    return denied
