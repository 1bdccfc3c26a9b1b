"""The digest kernel: SHA-256 of everything that the reader sends."""

from __future__ import annotations

import sha256
from control import work_is_done
from messages import CHUNK, Digest
from sha256 import Sha256

from questv.api import FOREVER, Receiver, Sender, task
from questv.metal.lang import Array, Ptr, addr, ptr, static, u8
from questv.metal.structs import sizeof

buffer: Array[u8, CHUNK] = static()
state: Sha256 = static()


@task
def hash(to_digest: Receiver, digest_result: Sender) -> None:
    """Digest messages up to the empty one, and send the result."""
    sha256.start(state)
    while True:
        length = to_digest.read(ptr(buffer[0]), sizeof(buffer), FOREVER)
        if length == 0:
            break
        sha256.update(state, ptr(buffer[0]), min(length, sizeof(buffer)))
    result = Ptr[Digest](digest_result.reserve(sizeof(Digest), FOREVER))[0]
    result.bytes = state.length
    sha256.finish(state, Ptr[u8](addr(result.value)))
    digest_result.commit()
    work_is_done()
