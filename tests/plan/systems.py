"""Random systems that can be built: descriptions for one module of tasks."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import strategies as st

from tests.running import foreign_text, sandbox_text, system_text, task_text, timed_text

TASKS = """
@task
def idle() -> None:
    pass

@task
def send(end: Sender) -> None:
    end.reserve(8, FOREVER)
    end.commit()

@task
def receive(end: Receiver) -> None:
    end.receive(FOREVER)
    end.done()

@task
def write(end: Writer) -> None:
    end.begin(8)
    end.publish()

@task
def read(end: Reader) -> None:
    end.await_news(FOREVER)

class Kept(State):
    page: Array[u8, 4096]
    more: u64

@periodic(period="1 ms", budget="100 us")
def keep(first: Kept, second: Kept) -> None:
    first.more = second.more

@task
def look(file: Input) -> None:
    log(f"{file.length}")
"""

PORTS = [(0x70, 0x71), (0x300, 0x30F), (0x1000, 0x10FF), (0xFFFF, 0xFFFF)]
MSRS = [(0x11, "r"), (0xC000_0100, "rw"), (0xC000_0103, "rw")]
KIB = 1 << 10


@st.composite
def descriptions(draw: st.DrawFn, *, recovers: bool = True) -> str:
    """One to five sandboxes on any cores, with channels, inputs, ports, MSRs and a device; if
    ``recovers``, some are restarted, and some watch others.

    One more may have a foreign kernel.
    """
    names = [f"s{index}" for index in range(draw(st.integers(1, 5)))]
    cores = draw(st.lists(st.integers(0, 9), min_size=5, max_size=5, unique=True))
    tasks: defaultdict[str, list[str]] = defaultdict(list)

    def add(sandbox: str, function: str, **bind: str) -> None:
        number = len(tasks[sandbox])
        stack = draw(st.sampled_from(["4 KiB", "8 KiB", "20 KiB"]))
        tasks[sandbox].append(
            task_text(function, number + 1, name=f"t{number}", stack=stack, **bind)
        )

    channels = []
    if len(names) > 1:
        for index in range(draw(st.integers(0, 6))):
            one, other = draw(st.permutations(names))[:2]
            name = f"c{index}"
            if draw(st.booleans()):
                size = 1 << draw(st.integers(12, 18))
                detail, roles = f'kind = "ring"\nsize = {size}', ("send", "receive")
            else:
                size = draw(st.sampled_from([1, 63, 64, 1000, 5000, 100_000]))
                detail, roles = f'kind = "four-slot"\nmessage = {size}', ("write", "read")
            channels.append(
                f'[[channel]]\nname = "{name}"\n{detail}\nfrom = "{one}"\nto = "{other}"\n'
            )
            add(one, roles[0], end=name)
            add(other, roles[1], end=name)
    beats = recovers and len(names) > 1 and draw(st.booleans())
    beating = names[: draw(st.integers(2, 5))] if beats else []
    ports, msrs = draw(st.permutations(PORTS)), draw(st.permutations(MSRS))
    sandboxes = []
    for index, name in enumerate(names):
        parts = []
        for number in range(draw(st.integers(0, 2))):
            input_name = f"i{index}{number}"
            size = draw(st.sampled_from([4, 12, 2048 - 4, 2048, 2048 + 4])) * KIB
            add(name, "look", file=input_name)
            parts.append(f'[[sandbox.input]]\nname = "{input_name}"\nsize = {size}\n')
        if draw(st.booleans()) and index < len(ports):
            first, last = ports[index]
            parts.append(f"[[sandbox.ports]]\nfirst = {first}\nlast = {last}\n")
        if draw(st.booleans()):
            number, access = msrs[index % len(msrs)]
            parts.append(f'[[sandbox.msr]]\nnumber = {number}\naccess = "{access}"\n')
        if draw(st.booleans()):
            parts.append(timed_text("keep", budget=draw(st.integers(50_000, 900_000))))
        if not tasks[name]:
            add(name, "idle")
        if recovers and draw(st.booleans()):
            limit = draw(st.integers(1, 5))
            parts.append(f'[sandbox.recovery]\non_fault = "restart"\nlimit = {limit}\n')
        if name in beating:
            others = [other for other in beating if other != name]
            watches = [next(iter(others)), *(other for other in others[1:] if draw(st.booleans()))]
            whom = ", ".join(f'"{other}"' for other in watches)
            parts.append(f'[sandbox.heartbeat]\nperiod = "1 ms"\nwatches = [{whom}]\n')
        apic = draw(st.sampled_from(["guarded", "direct"]))
        memory = draw(st.integers(128, 700)) * 4
        sandboxes.append(
            sandbox_text(
                name,
                *tasks[name],
                *parts,
                memory=f"{memory} KiB",
                keys=f'core = {cores[index]}\napic = "{apic}"',
            )
        )
    if draw(st.booleans()):  # the module of the tasks itself is as good as any bytes
        memory = draw(st.integers(16, 1500)) * 4
        load = draw(st.integers(0, 10)) * KIB
        sandboxes.append(
            foreign_text("foreign", "tasks.py", f"load = {load}", memory=f"{memory} KiB")
        )
        names.append("foreign")
    devices = []
    if draw(st.booleans()):
        owner = draw(st.sampled_from(names))
        devices.append(f'[[device]]\nname = "com1"\nkind = "uart"\nowner = "{owner}"\n')
    return system_text(*sandboxes, *channels, *devices, machine='memory = "96 MiB"')
