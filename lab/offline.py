"""`python -m lab.offline COMMAND …` runs a command that reaches nothing but a loopback of its own (Linux).

Exits with CANNOT where the system lets no process have a network of its own.
"""

import ctypes
import fcntl
import os
import socket
import struct
import sys

CANNOT = 77

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1


def main() -> None:
    """Leave the network, bring up a loopback, become the command."""
    if sys.platform != "linux":
        sys.exit(CANNOT)
    user, group = os.getuid(), os.getgid()
    libc = ctypes.CDLL(None, use_errno=True)
    as_root = user == 0
    if libc.unshare(_CLONE_NEWNET if as_root else _CLONE_NEWNET | _CLONE_NEWUSER) != 0:
        sys.exit(CANNOT)
    if not as_root:
        for path, line in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{path}", "w") as file:  # noqa: PTH123  # one write, no more, is what the kernel takes
                file.write(line)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        fcntl.ioctl(handle, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606  # the command is the caller's own


if __name__ == "__main__":
    main()
