from __future__ import annotations

from console import log

from questv.metal.lang import metal, u64



@metal
def show(done: u64, all: u64) -> None:
    log("late %d of %08x, %%" % (done, all))
    log("late " + str(done) + " of " + str(all))
    log("late {} of {:4}".format(done, all))
    log("late %d" % done)
