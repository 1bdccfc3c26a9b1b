"""Random systems that keep all rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from questv.diagnostics import Place
from questv.system.model import Isolation
from questv.system.tasks import ParameterKind, Periodic, TaskSignature

from .fakes import INTEGERS, KnownTasks, isolation_of

PAGE = 4096
_LETTERS = "abcdefghijklmnopqrstuvwxy"
NAMES = st.builds(
    str.__add__, st.sampled_from(_LETTERS), st.text(f"{_LETTERS}0123456789-", max_size=30)
)
"""Names that are right; none begins with z, so a name that does is new everywhere."""

EACH_10_MILLISECONDS = Periodic(10_000_000, 500_000)

END_KINDS = {
    ("ring", "from"): ParameterKind.SENDER,
    ("ring", "to"): ParameterKind.RECEIVER,
    ("four-slot", "from"): ParameterKind.WRITER,
    ("four-slot", "to"): ParameterKind.READER,
}


@dataclass(frozen=True)
class Use:
    """The parameter ``name`` of ``task``, in ``sandbox``, stands for ``target``: an end of a
    channel, an input or a device."""

    sandbox: dict[str, Any]
    task: dict[str, Any]
    name: str
    kind: ParameterKind
    target: dict[str, Any]


@dataclass
class RandomSystem:
    """A description as plain values, with the signatures of its tasks by ``run``."""

    values: dict[str, Any]
    kinds: dict[str, dict[str, ParameterKind]] = field(default_factory=dict)
    integers: dict[str, dict[str, range]] = field(default_factory=dict)
    uses: list[Use] = field(default_factory=list)
    periodic: dict[str, Periodic] = field(default_factory=dict)
    processes: set[str] = field(default_factory=set)
    """The functions that only processes can run."""

    @property
    def sandboxes(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.values["sandbox"]
        return found

    def add_function(self) -> str:
        """A function without parameters that no task runs yet: the text for ``run``."""
        run = f"tasks:f{len(self.kinds)}"
        self.kinds[run], self.integers[run] = {}, {}
        return run

    def add_task(
        self, sandbox: dict[str, Any], name: str, priority: int | None = None, **keys: object
    ) -> dict[str, Any]:
        task = {"name": name, "run": self.add_function(), "bind": {}, **keys}
        if priority is not None:
            task["priority"] = priority
        sandbox.setdefault("task", []).append(task)
        return task

    def add_periodic(
        self,
        sandbox: dict[str, Any],
        name: str,
        periodic: Periodic | None = EACH_10_MILLISECONDS,
        **keys: Any,
    ) -> dict[str, Any]:
        """A task without priority, of a periodic function unless ``periodic`` is None.

        There is memory for it.
        """
        sandbox["memory"] += 1 << 20
        task = self.add_task(sandbox, name, **keys)
        if periodic is not None:
            self.periodic[task["run"]] = periodic
        return task

    def add_integer(self, task: dict[str, Any], type_: str, value: object) -> None:
        name = f"z{len(self.kinds[task['run']])}"
        self.kinds[task["run"]][name] = ParameterKind.INTEGER
        self.integers[task["run"]][name] = INTEGERS[type_]
        task["bind"][name] = value

    def add_parameter(self, task: dict[str, Any], kind: ParameterKind, bound: object) -> str:
        name = f"z{len(self.kinds[task['run']])}"
        self.kinds[task["run"]][name] = kind
        task["bind"][name] = bound
        return name

    def source(self) -> KnownTasks:
        place = Place(Path("tasks.py"), 1)
        return KnownTasks(
            {
                run: TaskSignature(
                    run,
                    place,
                    kinds,
                    self.integers[run],
                    floats=True,
                    bits={name: 32 for name, kind in kinds.items() if kind is ParameterKind.FLOAT},
                    periodic=self.periodic.get(run),
                    isolation=Isolation.PROCESS if run in self.processes else isolation_of(kinds),
                )
                for run, kinds in self.kinds.items()
            }
        )

    def memory_given(self) -> int:
        """The bytes that sandboxes, inputs and channels take."""
        sizes = [sandbox["memory"] for sandbox in self.sandboxes]
        sizes += [each["size"] for sandbox in self.sandboxes for each in sandbox["input"]]
        for channel in self.values["channel"]:
            size = channel["size"] if channel["kind"] == "ring" else 4 * channel["message"]
            sizes.append((size + PAGE - 1) // PAGE * PAGE)
        return sum(sizes)


def _pages(draw: st.DrawFn, most: int) -> int:
    return PAGE * draw(st.integers(1, most))


@st.composite
def systems(draw: st.DrawFn) -> RandomSystem:
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    system = RandomSystem(
        {
            "version": 1,
            "name": draw(NAMES),
            "machine": {"memory": 1 << 40},
            "sandbox": [],
            "channel": [],
            "device": [],
        }
    )
    cores = draw(st.lists(st.integers(0, 62), min_size=4, max_size=4, unique=True))
    for name, core in zip(names, cores, strict=False):
        system.sandboxes.append(_sandbox(draw, system, name, core))
    _add_channels_and_inputs(draw, system)
    for port, owner in zip(("com1", "com2"), draw(st.permutations(names)), strict=False):
        if draw(st.booleans()):
            device = {"name": port, "kind": "uart", "owner": owner}
            system.values["device"].append(device)
            if draw(st.booleans()):
                [sandbox] = [each for each in system.sandboxes if each["name"] == owner]
                _use(draw, system, sandbox, ParameterKind.STREAM, device)
    for page, owner in enumerate(draw(st.permutations(names))[:3]):
        if draw(st.booleans()):
            device = {"name": f"zc{page}", "kind": "virtio-console", "owner": owner}
            device |= {"slot": 8 * page + draw(st.integers(1, 7)), "dma": "trusted"}
            system.values["device"].append(device)
            if draw(st.booleans()):
                [sandbox] = [each for each in system.sandboxes if each["name"] == owner]
                _use(draw, system, sandbox, ParameterKind.STREAM, device)
    if draw(st.booleans()):
        until = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
        system.values["run"] = {"until": until}
    return system


def _sandbox(draw: st.DrawFn, system: RandomSystem, name: str, core: int) -> dict[str, Any]:
    sandbox: dict[str, Any] = {"name": name, "input": [], "ports": [], "msr": []}
    if draw(st.booleans()):
        sandbox["core"] = core
    sandbox["apic"] = draw(st.sampled_from(["guarded", "direct"]))
    stacks = 0
    priorities = draw(st.lists(st.integers(0, 254), min_size=1, max_size=3, unique=True))
    for task_name, priority in zip(
        draw(st.lists(NAMES, min_size=3, max_size=3, unique=True)), priorities, strict=False
    ):
        task = system.add_task(sandbox, task_name, priority)
        _give_time(draw, system, task)
        task["stack"] = _pages(draw, 8)
        stacks += task["stack"]
        for _ in range(draw(st.integers(0, 2))):
            type_ = draw(st.sampled_from(sorted(INTEGERS)))
            held = INTEGERS[type_]
            system.add_integer(task, type_, draw(st.integers(held[0], held[-1])))
    sandbox["memory"] = stacks + _pages(draw, 1000)
    if draw(st.booleans()):
        sandbox["ports"].append({"first": 0x2000 + 8 * core, "last": 0x2001 + 8 * core})
    if draw(st.booleans()):
        access = draw(st.sampled_from(["r", "rw"]))
        sandbox["msr"].append({"number": 0xC0000102, "access": access})
    return sandbox


def _give_time(draw: st.DrawFn, system: RandomSystem, task: dict[str, Any]) -> None:
    """A budget of its own for some tasks, by keys, by the decorator or by both."""
    if draw(st.booleans()):
        return
    del task["priority"]
    period = draw(st.integers(10**8, 10**9))
    budget = draw(st.integers(2 * 10**6, period // 20))  # There is room for all of them together.
    keys = draw(st.sets(st.sampled_from(["period", "budget"])))
    times = {"period": period, "budget": budget}
    task |= {key: times[key] for key in keys}
    decorated = {key: None if key in keys else value for key, value in times.items()}
    if len(keys) < 2 or draw(st.booleans()):
        system.periodic[task["run"]] = Periodic(**decorated)
        if draw(st.booleans()):
            task["deadline"] = draw(st.integers(period // 2, period))
    if draw(st.booleans()):
        task["level"] = draw(st.integers(1, 3))
        task["overrun_budget"] = draw(st.integers(budget, period // 10))


def _add_channels_and_inputs(draw: st.DrawFn, system: RandomSystem) -> None:
    names = draw(st.lists(NAMES, min_size=7, max_size=7, unique=True))
    if len(system.sandboxes) > 1:
        for _ in range(draw(st.integers(0, 3))):
            sender, receiver = draw(st.permutations(system.sandboxes))[:2]
            channel = {"name": names.pop(), "from": sender["name"], "to": receiver["name"]}
            if draw(st.booleans()):
                channel |= {"kind": "ring", "size": PAGE << draw(st.integers(0, 12))}
            else:
                channel |= {"kind": "four-slot", "message": draw(st.integers(1, 1 << 20))}
            system.values["channel"].append(channel)
            for sandbox, end in ((sender, "from"), (receiver, "to")):
                _use(draw, system, sandbox, END_KINDS[channel["kind"], end], channel)
    for sandbox in system.sandboxes:
        if draw(st.booleans()):
            each = {"name": names.pop(), "size": _pages(draw, 1 << 18)}
            sandbox["input"].append(each)
            _use(draw, system, sandbox, ParameterKind.INPUT, each)


def _use(
    draw: st.DrawFn,
    system: RandomSystem,
    sandbox: dict[str, Any],
    kind: ParameterKind,
    target: dict[str, Any],
) -> None:
    """Give a task of ``sandbox`` a parameter for ``target``, of its name or bound to it."""
    task = draw(st.sampled_from(sandbox["task"]))
    own_name = target["name"].replace("-", "_")
    if own_name not in system.kinds[task["run"]] and draw(st.booleans()):
        name = own_name
        system.kinds[task["run"]][name] = kind
    else:
        name = system.add_parameter(task, kind, target["name"])
    system.uses.append(Use(sandbox, task, name, kind, target))
