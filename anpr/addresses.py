"""Which network addresses are inside a network of somebody's own, where an outgoing request could do harm."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

# Addresses of IPv6 whose last 32 bits are one of IPv4: RFC 6052 (NAT64) and its local-use range, RFC 8215.
_EMBEDDING = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))
_GLOBAL = ip_network("2000::/3")  # all of IPv6 that IANA has given out to be routed
# What Python's `is_global` of some versions takes for public: RFC 6890, RFC 9637.
_SPECIAL = (ip_network("192.0.0.0/24"), ip_network("3fff::/20"))


def is_public(address: str) -> bool:
    """Whether an address is of the public internet: not private, loopback, link-local, shared, reserved or multicast.

    One of IPv6 that stands for one of IPv4 is as public as that. Raises ValueError where it is no address.
    """
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        inner = _inner(found)
        if inner is not None:
            return is_public(str(inner))
        if found not in _GLOBAL:
            return False
    return found.is_global and not found.is_multicast and not any(found in network for network in _SPECIAL)


def _inner(address: IPv6Address) -> IPv4Address | None:
    if any(address in network for network in _EMBEDDING):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    if address.teredo is not None:
        return address.teredo[1]
    return address.ipv4_mapped or address.sixtofour
