"""Runs a command where no network is and writes down what its processes try all the same; reads that trace."""

import fcntl
import ipaddress
import os
import re
import shutil
import socket
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_NAME_PORTS = frozenset({53, 137, 853, 5353, 5355})
_SENDING = frozenset({"connect", "sendto", "sendmsg", "sendmmsg"})
_LINE = re.compile(r"^\d+<([^>]*)> +(\w+)\((.*)$")
_ADDRESS = re.compile(
    r'sin6?_port=htons\((\d+)\).*?(?:inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)")',
)
_RESOLVER = re.compile(r'sun_path=@?"[^"]*(?:nscd|resolve|avahi)[^"]*"')
_INTERFACE_FLAGS, _UP_AND_RUNNING = 0x8914, 0x41
_LISTENING = "0A"
ROUTE_PROBE = "2001:4860:4860::8888"
"""Chromium connects a datagram socket to it, over which it sends nothing, to learn whether IPv6 has a route; no switch
of its command line turns that off."""


def tracer() -> list[str]:
    """What stands before a command to run it without any network but loopback, traced with its children.

    Empty where this system has no strace or does not let us make a network of our own.
    """
    unshare = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--net", "--map-root-user"]
    strace = ["strace", "-f", "--seccomp-bpf", "-Y", "-qq", "-e", "trace=network", "-e", "signal=none"]
    if shutil.which("strace") is None or shutil.which("unshare") is None:
        return []
    tried = subprocess.run([*unshare, *strace, "-o", os.devnull, "true"], capture_output=True, check=False)
    return [*unshare, *strace] if tried.returncode == 0 else []


def raise_loopback() -> None:
    """In a network of our own, where it is down at first."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _INTERFACE_FLAGS, struct.pack("16sh14x", b"lo", _UP_AND_RUNNING))


@dataclass(frozen=True, slots=True)
class Attempt:
    """`name` is a look-up of a name, wherever it was sent; `port` 0 where there is none."""

    program: str
    call: str
    address: str
    port: int
    name: bool


def read_trace(path: Path) -> tuple[list[Attempt], int]:
    """Everything that was sent or listened beyond loopback, and every look-up; beside it the number of calls seen."""
    found, calls = [], 0
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            parts = _LINE.match(line)
            if parts is not None:
                calls += 1
                found += _attempts(*parts.groups())
    return found, calls


def _attempts(program: str, call: str, arguments: str) -> Iterator[Attempt]:
    if call in _SENDING:
        if _RESOLVER.search(arguments) and arguments.rstrip().endswith("= 0"):
            yield Attempt(program, call, "resolver of this machine", 0, name=True)
        for port, four, six in _ADDRESS.findall(arguments):
            is_name = int(port) in _NAME_PORTS
            if call == "connect" and program.startswith("Chrome_") and six == ROUTE_PROBE:
                continue
            if is_name or not is_loopback(four or six):
                yield Attempt(program, call, four or six, int(port), name=is_name)
    elif call == "bind":
        for port, four, six in _ADDRESS.findall(arguments):
            if not is_loopback(four or six):
                yield Attempt(program, call, four or six, int(port), name=False)


def is_loopback(address: str) -> bool:
    read = ipaddress.ip_address(address)
    inner = read.ipv4_mapped if isinstance(read, ipaddress.IPv6Address) else None
    return (inner or read).is_loopback


def listening_sockets() -> set[tuple[str, str, int]]:
    """Protocol, address and port of each socket of this network that takes calls, read where `ss` reads them."""
    found = set()
    for protocol in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/self/net/{protocol}").read_text().splitlines()[1:]:
            local, _, state = line.split()[1:4]
            if protocol.startswith("udp") or state == _LISTENING:
                address, port = local.split(":")
                found.add((protocol, _dotted(address), int(port, 16)))
    return found


def _dotted(address: str) -> str:
    """The kernel writes each four bytes as one number of this machine."""
    words = (int(address[start : start + 8], 16) for start in range(0, len(address), 8))
    return str(ipaddress.ip_address(b"".join(struct.pack("=I", word) for word in words)))
