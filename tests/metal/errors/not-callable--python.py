from __future__ import annotations

import time

from questv.metal.lang import metal, u64



@metal
def wait(value: u64) -> None:
    print(value)
    time.sleep(1)
    text = str(value)
