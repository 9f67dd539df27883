"""The system calls that a learner's kernel may not make, as a filter that Linux runs before each one.

A list of what is refused: ways to new namespaces and mounts, into other processes, to the kernel's own state, and
sockets of families that no namespace holds back (a virtual machine's ``vsock`` among them). What is refused fails with
``EPERM``, and a program can go on. Another architecture's calls, by which a filter could be passed, end the process.
"""

import ctypes
import errno
import os
import platform
import struct

# number on x86-64, number on 64-bit ARM (None: there is none)
_REFUSED: dict[str, tuple[int | None, int | None]] = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "syslog": (103, 116),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "personality": (135, 92),
    "fanotify_init": (300, 262),
    "mbind": (237, 235),
    "set_mempolicy": (238, 237),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
    "vhangup": (153, 58),
    # memory that belongs to no process, where nobody would count it
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "vmsplice": (278, 75),
    "io_setup": (206, 0),
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424),
    "process_mrelease": (448, 448),
    "quotactl_fd": (443, 443),
    "set_mempolicy_home_node": (450, 450),
    "statmount": (457, 457),
    "listmount": (458, 458),
    "open_tree_attr": (467, 467),
    "fanotify_mark": (301, 263),
}
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_CLONE, _CLONE3, _IOCTL = (56, 220), (435, 435), (16, 29)
_SOCKETS = ((41, 198), (53, 199))  # socket, socketpair
_NEW_NAMESPACES = 0x7E020080  # CLONE_NEW{USER,PID,NET,IPC,UTS,CGROUP,NS,TIME}
_FAMILIES = (1, 2, 10)  # unix, and the internet's, of which the namespace has none
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C  # typing into a terminal

_LOAD, _EQUAL, _AND, _AT_LEAST, _RETURN = 0x20, 0x15, 0x54, 0x35, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCHITECTURE, _ARGUMENT = 0, 4, 16


def program(machine: str | None = None) -> bytes:
    """The filter in the kernel's form (classic BPF). Raises ``OSError`` on a machine whose calls aren't listed."""
    machine = machine or platform.machine()
    if machine not in _MACHINES:
        raise OSError(f"no list of system calls for {machine}; there are lists for {', '.join(_MACHINES)}")
    column, architecture = _MACHINES[machine]
    refuse = (_RETURN, 0, 0, _ERRNO | errno.EPERM)
    code = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if machine == "x86_64":  # the x32 calls, which have other numbers
        code += [(_AT_LEAST, 0, 1, 0x40000000), (_RETURN, 0, 0, _KILL)]
    for number in (numbers[column] for numbers in _REFUSED.values()):
        if number is not None:
            code += [(_EQUAL, 0, 1, number), refuse]
    # its flags lie in memory, where a filter can't look; the C library falls back to clone
    code += [(_EQUAL, 0, 1, _CLONE3[column]), (_RETURN, 0, 0, _ERRNO | errno.ENOSYS)]
    code += [
        (_EQUAL, 0, 4, _CLONE[column]),
        (_LOAD, 0, 0, _ARGUMENT),
        (_AND, 0, 0, _NEW_NAMESPACES),
        (_EQUAL, 1, 0, 0),
        refuse,
        (_LOAD, 0, 0, _NUMBER),
    ]
    for numbers in _SOCKETS:
        code += [(_EQUAL, 0, len(_FAMILIES) + 2, numbers[column]), (_LOAD, 0, 0, _ARGUMENT)]
        for i, family in enumerate(_FAMILIES):
            code.append((_EQUAL, len(_FAMILIES) - i, 0, family))
        # ZeroMQ asks for the network's interfaces, and takes this answer for none
        code += [(_RETURN, 0, 0, _ERRNO | errno.EOPNOTSUPP), (_LOAD, 0, 0, _NUMBER)]
    code += [
        (_EQUAL, 0, 4, _IOCTL[column]),
        (_LOAD, 0, 0, _ARGUMENT + 8),
        (_EQUAL, 1, 0, _TIOCSTI),
        (_EQUAL, 0, 1, _TIOCLINUX),
        refuse,
        (_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def install() -> None:
    """Filter this thread's calls from now on, and those of all it starts. Raises ``OSError`` if Linux refuses."""
    code = program()

    class Filter(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_char_p)]

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0):  # PR_SET_NO_NEW_PRIVS
        raise OSError(ctypes.get_errno(), "no_new_privs: " + os.strerror(ctypes.get_errno()))
    argument = Filter(len(code) // 8, code)
    if libc.prctl(22, 2, ctypes.byref(argument), 0, 0):  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
        raise OSError(ctypes.get_errno(), "seccomp: " + os.strerror(ctypes.get_errno()))
