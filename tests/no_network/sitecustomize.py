"""Refuse every address but this machine's own. `conftest.py` puts it into each Python process of the tests.

Python runs a file of this name at its start where the folder is in PYTHONPATH. An audit hook sees what `socket` does,
whoever calls it, and cannot be taken off again. It does not see sockets of C libraries, such as gloo's.
"""

import ipaddress
import socket
import sys
from typing import Any

_BY_ADDRESS = "socket.connect", "socket.sendto", "socket.sendmsg"
_BY_NAME = "socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"
_OWN = {None, "", "localhost", socket.gethostname().lower()}


def is_own(host: Any) -> bool:
    """Whether it names this machine."""
    name = host.decode("utf-8", "replace") if isinstance(host, bytes) else host
    if isinstance(name, str):
        name = name.lower()
    if name in _OWN:
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def refuse(event: str, args: tuple[Any, ...]) -> None:
    """An audit hook."""
    # A tuple is an address; a str is the path of a Unix socket.
    if event in _BY_ADDRESS and isinstance(args[1], tuple):
        address = args[1][0]
    elif event in _BY_NAME:
        address = args[0]
    else:
        return
    if not is_own(address):
        raise socket.gaierror(socket.EAI_FAIL, f"tests use no network: {address}")


sys.addaudithook(refuse)
