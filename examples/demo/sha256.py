"""SHA-256 (FIPS 180-4), a piece at a time."""

from __future__ import annotations

from questv.metal.lang import Array, Ptr, byte_swap, constant, local, metal, ptr, u8, u32, u64
from questv.metal.structs import Struct

BLOCK = 64


def _primes(count: int) -> list[int]:
    found: list[int] = []
    candidate = 2
    while len(found) < count:
        if all(candidate % prime for prime in found):
            found.append(candidate)
        candidate += 1
    return found


def _root_fraction(number: int, degree: int) -> int:
    """The first 32 bits of the fraction of a prime's square or cube root."""
    scaled = number << 32 * degree
    root = round(scaled ** (1 / degree))
    while root**degree > scaled:
        root -= 1
    while (root + 1) ** degree <= scaled:
        root += 1
    return root & 0xFFFF_FFFF


INITIAL: Array[u32, 8] = constant([_root_fraction(prime, 2) for prime in _primes(8)])
ROUNDS: Array[u32, 64] = constant([_root_fraction(prime, 3) for prime in _primes(64)])


class Sha256(Struct):
    """A digest in the making."""

    state: Array[u32, 8]
    length: u64  # bytes so far
    pending: Array[u8, BLOCK]  # the bytes after the last whole block


@metal
def start(sha: Sha256) -> None:
    """Begin a digest."""
    sha.length = 0
    for i in range(u64(8)):
        sha.state[i] = INITIAL[i]


@metal
def update(sha: Sha256, data: Ptr[u8], length: u64) -> None:
    """Take in ``length`` bytes."""
    at: u64 = 0
    held = sha.length % BLOCK
    sha.length += length
    if held != 0:
        while held < BLOCK and at < length:
            sha.pending[held] = data[at]
            held += 1
            at += 1
        if held < BLOCK:
            return
        _block(sha, ptr(sha.pending[0]))
    while length - at >= BLOCK:
        _block(sha, ptr(data[at]))
        at += BLOCK
    held = 0
    while at < length:
        sha.pending[held] = data[at]
        held += 1
        at += 1


@metal
def finish(sha: Sha256, digest: Ptr[u8]) -> None:
    """Write the digest's 32 bytes."""
    bits = sha.length * 8
    held = sha.length % BLOCK
    sha.pending[held] = 0x80
    held += 1
    if held > BLOCK - 8:
        _zero(sha, held)
        _block(sha, ptr(sha.pending[0]))
        held = 0
    _zero(sha, held)
    for i in range(u64(8)):
        sha.pending[BLOCK - 1 - i] = u8(bits >> 8 * i & 0xFF)
    _block(sha, ptr(sha.pending[0]))
    for i in range(u64(32)):
        digest[i] = u8(sha.state[i // 4] >> 24 - 8 * u32(i % 4) & 0xFF)


@metal
def _zero(sha: Sha256, start: u64) -> None:
    for i in range(start, BLOCK):
        sha.pending[i] = 0


@metal(inline=True)
def _rotate(value: u32, by: u32) -> u32:
    return value >> by | value << 32 - by


@metal
def _block(sha: Sha256, data: Ptr[u8]) -> None:
    words = Ptr[u32](data)
    w: Array[u32, 64] = local()
    for i in range(u64(16)):
        w[i] = byte_swap(words[i])
    for i in range(u64(16), 64):
        s0 = _rotate(w[i - 15], 7) ^ _rotate(w[i - 15], 18) ^ w[i - 15] >> 3
        s1 = _rotate(w[i - 2], 17) ^ _rotate(w[i - 2], 19) ^ w[i - 2] >> 10
        w[i] = w[i - 16] + s0 + w[i - 7] + s1
    a = sha.state[0]
    b = sha.state[1]
    c = sha.state[2]
    d = sha.state[3]
    e = sha.state[4]
    f = sha.state[5]
    g = sha.state[6]
    h = sha.state[7]
    for i in range(u64(64)):
        s1 = _rotate(e, 6) ^ _rotate(e, 11) ^ _rotate(e, 25)
        chosen = e & f ^ ~e & g
        t1 = h + s1 + chosen + ROUNDS[i] + w[i]
        s0 = _rotate(a, 2) ^ _rotate(a, 13) ^ _rotate(a, 22)
        majority = a & b ^ a & c ^ b & c
        t2 = s0 + majority
        h = g
        g = f
        f = e
        e = d + t1
        d = c
        c = b
        b = a
        a = t1 + t2
    sha.state[0] += a
    sha.state[1] += b
    sha.state[2] += c
    sha.state[3] += d
    sha.state[4] += e
    sha.state[5] += f
    sha.state[6] += g
    sha.state[7] += h
