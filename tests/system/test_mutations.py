"""Random systems keep all rules, and one change to one of them breaks the one rule against it."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from questv.system.bindings import TARGETS
from questv.system.description import OwnState, load, read_draft
from questv.system.rules import RULES, check, rule_name
from questv.system.tasks import ParameterKind, Periodic

from . import toml
from .fakes import INTEGERS
from .strategies import PAGE, RandomSystem, Use, systems

T = TypeVar("T")
Mutation = Callable[["Draw", RandomSystem], object]
MUTATIONS: dict[str, Mutation] = {}


class Draw:
    """What a mutation picks from."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data

    def number(self, least: int, most: int) -> int:
        return self._data.draw(st.integers(least, most))

    def one_of(self, *choices: T) -> T:
        """One of ``choices``; without any, the example is given up."""
        assume(choices)
        return self._data.draw(st.sampled_from(choices))

    def sandbox(self, system: RandomSystem) -> dict[str, Any]:
        return self.one_of(*system.sandboxes)

    def task(self, system: RandomSystem) -> dict[str, Any]:
        return self.one_of(*(t for s in system.sandboxes for t in s["task"]))

    def best_effort(self, system: RandomSystem) -> dict[str, Any]:
        return self.one_of(*(t for s in system.sandboxes for t in s["task"] if "priority" in t))

    def channel(self, system: RandomSystem, *kinds: str) -> dict[str, Any]:
        channels = system.values["channel"]
        return self.one_of(*(c for c in channels if not kinds or c["kind"] in kinds))

    def channel_use(self, system: RandomSystem) -> Use:
        return self.one_of(*(u for u in system.uses if "from" in u.target))

    def input_use(self, system: RandomSystem) -> Use:
        return self.one_of(*(u for u in system.uses if u.kind is ParameterKind.INPUT))

    def device(self, system: RandomSystem, *kinds: str) -> dict[str, Any]:
        devices = system.values["device"]
        return self.one_of(*(d for d in devices if not kinds or d["kind"] in kinds))

    def console(self, system: RandomSystem, name: str, **keys: Any) -> None:
        """Add a virtio console that keeps all rules but those that ``keys`` break."""
        console = self.device(system, "virtio-console")
        slot = neighbour(console["slot"])
        system.values["device"].append(console | {"name": name, "slot": slot} | keys)

    def part_of_page(self) -> int:
        return self.number(1, PAGE - 1)


def written(folder: Path, system: RandomSystem) -> Path:
    file = folder / "random.toml"
    file.write_text(toml.document(system.values))
    return file


@settings(deadline=None)  # Files are written, however long that takes.
@given(systems())
def test_random_systems_keep_all_rules(
    tmp_path_factory: pytest.TempPathFactory, system: RandomSystem
) -> None:
    add_real_time(system)
    system.values["machine"]["memory"] = system.memory_given()
    description = load(written(tmp_path_factory.getbasetemp(), system), system.source())
    assert list(description.tasks) == [sandbox["name"] for sandbox in system.sandboxes]
    for use in system.uses:
        [bound] = [
            each
            for each in description.tasks[use.sandbox["name"]]
            if each.task.name == use.task["name"]
        ]
        argument = bound.arguments[use.name]
        assert not isinstance(argument, int | float | OwnState)
        assert argument.name == use.target["name"]


def add_real_time(system: RandomSystem) -> None:
    """All that is for time, apart from budgets of tasks' own."""
    sandbox = {"name": "zz", "memory": 1 << 20, "input": []}
    system.sandboxes.append(sandbox)
    add_shared(system, sandbox)
    add_mutex(system, sandbox)
    add_io(system)
    add_chain(system)


def add_shared(system: RandomSystem, sandbox: dict[str, Any]) -> list[dict[str, Any]]:
    """A VCPU with two tasks."""
    vcpu = {"name": "zshared", "kind": "main", "period": "10 ms", "budget": "1 ms"}
    sandbox.setdefault("vcpu", []).append(vcpu)
    return [
        system.add_periodic(sandbox, f"zs{rank}", vcpu="zshared", priority=rank) for rank in (1, 2)
    ]


def add_io(system: RandomSystem) -> tuple[dict[str, Any], dict[str, Any]]:
    """A device with a VCPU and a task that drives it: the sandbox, and the device."""
    consoles = [each for each in system.values["device"] if each["kind"] == "virtio-console"]
    slot, owner = 3, system.sandboxes[0]["name"]
    if consoles:
        slot, owner = neighbour(consoles[0]["slot"]), consoles[0]["owner"]
    device = {"name": "zdevice", "kind": "virtio-console", "owner": owner, "slot": slot}
    device |= {"dma": "trusted", "vcpu": "zio"}
    system.values["device"].append(device)
    [sandbox] = [each for each in system.sandboxes if each["name"] == owner]
    sandbox.setdefault("vcpu", []).append({"name": "zio", "kind": "io", "utilization": 0.1})
    system.add_parameter(system.add_periodic(sandbox, "zd"), ParameterKind.STREAM, "zdevice")
    return sandbox, device


def add_mutex(system: RandomSystem, sandbox: dict[str, Any]) -> list[dict[str, Any]]:
    """A mutex with two tasks."""
    sandbox.setdefault("mutex", []).append({"name": "zlock", "hold": "5 us"})
    tasks = [system.add_periodic(sandbox, f"zm{number}") for number in (1, 2)]
    for task in tasks:
        system.add_parameter(task, ParameterKind.MUTEX, "zlock")
    return tasks


def add_chain(system: RandomSystem) -> dict[str, Any]:
    """A chain of two tasks in two sandboxes."""
    assume(len(system.sandboxes) > 1)
    ring = {"name": "zway", "kind": "ring", "size": PAGE}
    ends = [each["name"] for each in system.sandboxes[:2]]
    system.values["channel"].append(ring | {"from": ends[0], "to": ends[1]})
    kinds = (ParameterKind.SENDER, ParameterKind.RECEIVER)
    for sandbox, kind in zip(system.sandboxes, kinds, strict=False):
        system.add_parameter(system.add_periodic(sandbox, "zc"), kind, "zway")
    chain = {"name": "zchain", "tasks": [f"{name}.zc" for name in ends], "latency": "1 s"}
    system.values.setdefault("chain", []).append(chain)
    return chain


def add_mover(system: RandomSystem) -> dict[str, Any]:
    """A task that moves between two sandboxes of its own."""
    for name in ("zone", "ztwo"):
        migration = {"period": "10 ms", "budget": "100 us"}
        sandbox = {"name": name, "memory": 1 << 20, "input": [], "migration": migration}
        system.sandboxes.append(sandbox)
    task = system.add_periodic(
        system.sandboxes[-2], "zmover", isolation="process", migrates_to=["ztwo"]
    )
    system.processes.add(task["run"])
    return task


def neighbour(slot: int) -> int:
    """Another slot on the same page; random systems use none that 8 divides."""
    return slot - 1 if slot % 8 > 1 else slot + 1


def mutation(function: Mutation) -> Mutation:
    """Note that ``function`` makes a system break the rule of its own name."""
    MUTATIONS[rule_name(function)] = function
    return function


@mutation
def sandbox_missing(draw: Draw, system: RandomSystem) -> None:
    system.values = {"version": 1, "name": system.values["name"]}


@mutation
def sandbox_name_taken(draw: Draw, system: RandomSystem) -> None:
    twin = {"name": draw.sandbox(system)["name"], "memory": 1 << 20}
    system.add_task(twin, "work", 1)
    system.sandboxes.append(twin)


@mutation
def task_name_taken(draw: Draw, system: RandomSystem) -> None:
    sandbox = draw.sandbox(system)
    sandbox["memory"] += 1 << 20
    system.add_task(sandbox, draw.one_of(*sandbox["task"])["name"], 255)


@mutation
def task_isolation(draw: Draw, system: RandomSystem) -> None:
    draw.one_of(*system.uses).task["isolation"] = "process"


@mutation
def channel_name_taken(draw: Draw, system: RandomSystem) -> None:
    system.values["channel"].append(dict(draw.channel(system)))


@mutation
def input_name_taken(draw: Draw, system: RandomSystem) -> None:
    use = draw.input_use(system)
    use.sandbox["input"].append(dict(use.target))


@mutation
def input_named_as_channel(draw: Draw, system: RandomSystem) -> None:
    use = draw.input_use(system)
    use.target["name"] = use.task["bind"][use.name] = draw.channel(system)["name"]


@mutation
def name_of_device(draw: Draw, system: RandomSystem) -> None:
    use = draw.input_use(system)
    use.target["name"] = use.task["bind"][use.name] = draw.device(system)["name"]


@mutation
def core_range(draw: Draw, system: RandomSystem) -> None:
    draw.sandbox(system)["core"] = draw.one_of(-1, -64, 64, 1 << 32)


@mutation
def core_taken(draw: Draw, system: RandomSystem) -> None:
    assume(len(system.sandboxes) > 1)
    for sandbox in system.sandboxes[:2]:
        sandbox["core"] = 63


@mutation
def cores_exhausted(draw: Draw, system: RandomSystem) -> None:
    for number in range(65 - len(system.sandboxes)):
        sandbox = {"name": f"z{number}", "memory": 1 << 20}
        system.add_task(sandbox, "work", 1)
        system.sandboxes.append(sandbox)


@mutation
def machine_memory_pages(draw: Draw, system: RandomSystem) -> None:
    system.values["machine"]["memory"] += draw.part_of_page()


@mutation
def sandbox_memory_pages(draw: Draw, system: RandomSystem) -> None:
    draw.sandbox(system)["memory"] += draw.part_of_page()


@mutation
def task_stack_pages(draw: Draw, system: RandomSystem) -> None:
    draw.task(system)["stack"] = draw.one_of(0, draw.part_of_page())


@mutation
def input_size_pages(draw: Draw, system: RandomSystem) -> None:
    draw.input_use(system).target["size"] = draw.one_of(0, draw.part_of_page())


@mutation
def inputs_too_many(draw: Draw, system: RandomSystem) -> None:
    sandbox = draw.sandbox(system)
    for number in range(17 - len(sandbox["input"])):
        sandbox["input"].append({"name": f"z{number}", "size": PAGE})
        task = draw.one_of(*sandbox["task"])
        system.add_parameter(task, ParameterKind.INPUT, f"z{number}")


@mutation
def stacks_exceed_memory(draw: Draw, system: RandomSystem) -> None:
    sandbox = draw.sandbox(system)
    sandbox["memory"] = sum(task["stack"] for task in sandbox["task"])


@mutation
def machine_memory_exceeded(draw: Draw, system: RandomSystem) -> None:
    system.values["machine"]["memory"] = system.memory_given() - PAGE


@mutation
def task_missing(draw: Draw, system: RandomSystem) -> None:
    system.sandboxes.append({"name": "zz", "memory": 1 << 20})


@mutation
def tasks_too_many(draw: Draw, system: RandomSystem) -> None:
    sandbox = draw.sandbox(system)
    sandbox["memory"] += 1 << 20
    free = set(range(256)) - {task.get("priority") for task in sandbox["task"]}
    sandbox["memory"] += 1 << 20
    for number in range(129 - len(sandbox["task"])):
        system.add_task(sandbox, f"z{number}", free.pop())


@mutation
def task_priority_range(draw: Draw, system: RandomSystem) -> None:
    draw.best_effort(system)["priority"] = draw.one_of(-1, 256, 1 << 32)


@mutation
def task_priority_taken(draw: Draw, system: RandomSystem) -> None:
    sandbox = draw.sandbox(system)
    sandbox["memory"] += 1 << 20
    ranked = [task for task in sandbox["task"] if "priority" in task]
    system.add_task(sandbox, "zz", draw.one_of(*ranked)["priority"])


@mutation
def period_missing(draw: Draw, system: RandomSystem) -> None:
    if draw.one_of(True, False):
        system.add_periodic(draw.sandbox(system), "zz", draw.one_of(None, TIMELESS), budget=5)
    else:
        sandbox = draw.sandbox(system)
        add_shared(system, sandbox)
        system.add_periodic(sandbox, "zz", TIMELESS, vcpu="zshared", priority=7)


TIMELESS = Periodic(None, None)


@mutation
def budget_missing(draw: Draw, system: RandomSystem) -> None:
    keys = draw.one_of({}, {"period": 5})
    system.add_periodic(draw.sandbox(system), "zz", TIMELESS, **keys)


@mutation
def period_unwanted(draw: Draw, system: RandomSystem) -> None:
    sandbox = draw.sandbox(system)
    add_shared(system, sandbox)
    system.add_periodic(sandbox, "zz", None, vcpu="zshared", priority=7, period="1 ms")


@mutation
def budget_and_vcpu(draw: Draw, system: RandomSystem) -> None:
    draw.one_of(*add_shared(system, draw.sandbox(system)))["budget"] = "1 us"


@mutation
def budget_over_period(draw: Draw, system: RandomSystem) -> None:
    period = draw.number(1, 10**9)
    budget = draw.number(period + 1, 2 * 10**9)
    sandbox = draw.sandbox(system)
    match draw.number(1, 3):
        case 1:
            system.add_periodic(sandbox, "zz", None, period=period, budget=budget)
        case 2:
            system.add_periodic(sandbox, "zz", Periodic(period, budget))
        case _:
            add_shared(system, sandbox)
            sandbox["vcpu"][-1] |= {"period": period, "budget": budget}


@mutation
def overrun_budget_range(draw: Draw, system: RandomSystem) -> None:
    budget = draw.number(2, 10**6)
    second = draw.one_of(draw.number(1, budget - 1), draw.number(10**6 + 1, 10**9))
    system.add_periodic(
        draw.sandbox(system),
        "zz",
        period="1 ms",
        budget=budget,
        level=1,
        overrun_budget=second,
    )


@mutation
def overrun_budget_level(draw: Draw, system: RandomSystem) -> None:
    keys = draw.one_of({}, {"level": 0})
    system.add_periodic(draw.sandbox(system), "zz", overrun_budget="500 us", **keys)


@mutation
def level_range(draw: Draw, system: RandomSystem) -> None:
    system.add_periodic(draw.sandbox(system), "zz", level=draw.one_of(-1, 4, 1 << 32))


@mutation
def level_unwanted(draw: Draw, system: RandomSystem) -> None:
    task = draw.best_effort(system)
    if draw.one_of(True, False):
        [task, _] = add_shared(system, draw.sandbox(system))
    task |= draw.one_of({"level": 1}, {"overrun_budget": 10**9})


@mutation
def deadline_unwanted(draw: Draw, system: RandomSystem) -> None:
    keys = {"period": 5, "budget": 2}
    task = system.add_periodic(draw.sandbox(system), "zz", None, **keys)
    task = draw.one_of(task, *(t for s in system.sandboxes for t in s["task"] if "priority" in t))
    task["deadline"] = 3


@mutation
def deadline_over_period(draw: Draw, system: RandomSystem) -> None:
    period = draw.number(1, 10**9)
    deadline = draw.number(period + 1, 2 * 10**9)
    timing = draw.one_of(Periodic(period, 1), Periodic(1, 1))
    system.add_periodic(draw.sandbox(system), "zz", timing, period=period, deadline=deadline)


@mutation
def priority_missing(draw: Draw, system: RandomSystem) -> None:
    task = draw.best_effort(system)
    if draw.one_of(True, False):
        [task, _] = add_shared(system, draw.sandbox(system))
    del task["priority"]


@mutation
def priority_unwanted(draw: Draw, system: RandomSystem) -> None:
    system.add_periodic(draw.sandbox(system), "zz", priority=draw.number(0, 255))


@mutation
def vcpu_name_taken(draw: Draw, system: RandomSystem) -> None:
    sandbox = draw.sandbox(system)
    tasks = add_shared(system, sandbox)
    [vcpu] = sandbox["vcpu"]
    if draw.one_of(True, False):
        sandbox["vcpu"].append(dict(vcpu))
        return
    system.add_periodic(sandbox, "zz")
    vcpu["name"] = "zz"
    for task in tasks:
        task["vcpu"] = "zz"


@mutation
def vcpu_unknown(draw: Draw, system: RandomSystem) -> None:
    [task, _] = add_shared(system, draw.sandbox(system))
    task["vcpu"] = "zz"


@mutation
def vcpu_kind_wrong(draw: Draw, system: RandomSystem) -> None:
    sandbox, device = add_io(system)
    [task, _] = add_shared(system, sandbox)
    if draw.one_of(True, False):
        task["vcpu"] = "zio"
    else:
        device["vcpu"] = "zshared"
        sandbox["vcpu"] = [each for each in sandbox["vcpu"] if each["kind"] == "main"]


@mutation
def vcpu_unused(draw: Draw, system: RandomSystem) -> None:
    vcpu = draw.one_of(
        {"name": "zz", "kind": "main", "period": 5, "budget": 5},
        {"name": "zz", "kind": "io", "utilization": 0.5},
    )
    draw.sandbox(system).setdefault("vcpu", []).append(vcpu)


@mutation
def utilization_range(draw: Draw, system: RandomSystem) -> None:
    sandbox, _ = add_io(system)
    sandbox["vcpu"][-1]["utilization"] = draw.one_of(0, -0.5, 0.0009, 1.001, math.nan, math.inf)


@mutation
def device_vcpu_unused(draw: Draw, system: RandomSystem) -> None:
    sandbox, _ = add_io(system)
    task = sandbox["task"][-1]
    system.kinds[task["run"]].clear()
    task["bind"].clear()


@mutation
def device_vcpu_best_effort(draw: Draw, system: RandomSystem) -> None:
    sandbox, _ = add_io(system)
    task = sandbox["task"][-1]
    del system.periodic[task["run"]]
    task["priority"] = 255


@mutation
def name_of_mutex(draw: Draw, system: RandomSystem) -> None:
    sandbox = draw.sandbox(system)
    name = draw.one_of(draw.channel(system)["name"], draw.device(system)["name"])
    for task in add_mutex(system, sandbox):
        [parameter] = task["bind"]
        task["bind"][parameter] = name
    sandbox["mutex"][-1]["name"] = name


@mutation
def mutex_name_taken(draw: Draw, system: RandomSystem) -> None:
    sandbox = draw.sandbox(system)
    add_mutex(system, sandbox)
    sandbox["mutex"].append({"name": "zlock", "hold": draw.number(1, 10**9)})


@mutation
def mutexes_too_many(draw: Draw, system: RandomSystem) -> None:
    sandbox = draw.sandbox(system)
    tasks = add_mutex(system, sandbox)
    for number in range(16):
        sandbox["mutex"].append({"name": f"zz{number}", "hold": "5 us"})
        for task in tasks:
            system.add_parameter(task, ParameterKind.MUTEX, f"zz{number}")


@mutation
def mutex_unused(draw: Draw, system: RandomSystem) -> None:
    sandbox = draw.sandbox(system)
    for task in add_mutex(system, sandbox)[draw.number(0, 1) :]:
        system.kinds[task["run"]].clear()
        task["bind"].clear()


@mutation
def chain_name_taken(draw: Draw, system: RandomSystem) -> None:
    chain = add_chain(system)
    system.values["chain"].append(chain | {"latency": draw.number(1, 10**9)})


@mutation
def chain_too_short(draw: Draw, system: RandomSystem) -> None:
    chain = add_chain(system)
    chain["tasks"] = chain["tasks"][: draw.number(0, 1)]


@mutation
def chain_task_repeated(draw: Draw, system: RandomSystem) -> None:
    chain = add_chain(system)
    chain["tasks"].append(chain["tasks"][-1])


@mutation
def chain_task_unknown(draw: Draw, system: RandomSystem) -> None:
    chain = add_chain(system)
    chain["tasks"][draw.number(0, 1)] = draw.one_of("zz.zc", chain["tasks"][0] + "z")


@mutation
def chain_task_best_effort(draw: Draw, system: RandomSystem) -> None:
    add_chain(system)
    task = draw.one_of(*system.sandboxes[:2])["task"][-1]
    del system.periodic[task["run"]]
    task["priority"] = 255


@mutation
def chain_unconnected(draw: Draw, system: RandomSystem) -> None:
    chain = add_chain(system)
    if draw.one_of(True, False):
        chain["tasks"].reverse()
    else:
        sandbox = draw.sandbox(system)
        system.add_periodic(sandbox, "zz")
        chain["tasks"].append(f"{sandbox['name']}.zz")


@mutation
def bind_float_missing(draw: Draw, system: RandomSystem) -> None:
    system.kinds[draw.task(system)["run"]]["zz"] = ParameterKind.FLOAT


@mutation
def bind_float_expected(draw: Draw, system: RandomSystem) -> None:
    system.add_parameter(draw.task(system), ParameterKind.FLOAT, "1.5")


@mutation
def bind_float_range(draw: Draw, system: RandomSystem) -> None:
    number = draw.one_of(1, -1) * draw.number(1 << 128, 1 << 1023)
    value = draw.one_of(number, float(number))
    system.add_parameter(draw.task(system), ParameterKind.FLOAT, value)


@mutation
def bind_state(draw: Draw, system: RandomSystem) -> None:
    bound = draw.one_of(1, 0.5, "zz")
    system.add_parameter(draw.task(system), ParameterKind.STATE, bound)


@mutation
def task_module_missing(draw: Draw, system: RandomSystem) -> None:
    draw.task(system)["run"] = "others:f0"


@mutation
def task_function_missing(draw: Draw, system: RandomSystem) -> None:
    draw.task(system)["run"] = "tasks:other"


@mutation
def bind_parameter_unknown(draw: Draw, system: RandomSystem) -> None:
    draw.task(system)["bind"]["zz"] = draw.one_of(1, "zz")


@mutation
def bind_missing(draw: Draw, system: RandomSystem) -> None:
    kind = draw.one_of(*TARGETS)
    system.kinds[draw.task(system)["run"]]["zz"] = kind


@mutation
def bind_integer_missing(draw: Draw, system: RandomSystem) -> None:
    run = draw.task(system)["run"]
    system.kinds[run]["zz"], system.integers[run]["zz"] = ParameterKind.INTEGER, range(256)


@mutation
def bind_integer_expected(draw: Draw, system: RandomSystem) -> None:
    system.add_integer(draw.task(system), "u8", "1")


@mutation
def bind_integer_range(draw: Draw, system: RandomSystem) -> None:
    type_ = draw.one_of(*INTEGERS)
    held = INTEGERS[type_]
    system.add_integer(draw.task(system), type_, draw.one_of(held[0] - 1, held[-1] + 1))


@mutation
def bind_name_expected(draw: Draw, system: RandomSystem) -> None:
    kind = draw.one_of(ParameterKind.SENDER, ParameterKind.READER, ParameterKind.INPUT)
    system.add_parameter(draw.task(system), kind, draw.number(-1, 1))


@mutation
def bind_name_unknown(draw: Draw, system: RandomSystem) -> None:
    kind = draw.one_of(ParameterKind.RECEIVER, ParameterKind.WRITER, ParameterKind.INPUT)
    system.add_parameter(draw.task(system), kind, "zz")


@mutation
def bind_kind_wrong(draw: Draw, system: RandomSystem) -> None:
    use = draw.one_of(*system.uses)
    other = ParameterKind.INPUT if use.kind is not ParameterKind.INPUT else ParameterKind.SENDER
    system.add_parameter(use.task, other, use.target["name"])


@mutation
def bind_input_foreign(draw: Draw, system: RandomSystem) -> None:
    use = draw.input_use(system)
    stranger = draw.one_of(*(s for s in system.sandboxes if s is not use.sandbox))
    system.add_parameter(stranger["task"][0], ParameterKind.INPUT, use.target["name"])


@mutation
def bind_channel_foreign(draw: Draw, system: RandomSystem) -> None:
    use = draw.channel_use(system)
    ends = (use.target["from"], use.target["to"])
    stranger = draw.one_of(*(s for s in system.sandboxes if s["name"] not in ends))
    system.add_parameter(stranger["task"][0], use.kind, use.target["name"])


@mutation
def bind_channel_direction(draw: Draw, system: RandomSystem) -> None:
    use = draw.channel_use(system)
    ends = (use.target["from"], use.target["to"])
    [peer] = [s for s in system.sandboxes if s["name"] in ends and s is not use.sandbox]
    system.add_parameter(peer["task"][0], use.kind, use.target["name"])


@mutation
def bind_channel_kind(draw: Draw, system: RandomSystem) -> None:
    use = draw.channel_use(system)
    system.kinds[use.task["run"]][use.name] = {
        ParameterKind.SENDER: ParameterKind.WRITER,
        ParameterKind.WRITER: ParameterKind.SENDER,
        ParameterKind.RECEIVER: ParameterKind.READER,
        ParameterKind.READER: ParameterKind.RECEIVER,
    }[use.kind]


@mutation
def bind_device_foreign(draw: Draw, system: RandomSystem) -> None:
    device = draw.device(system)
    stranger = draw.one_of(*(s for s in system.sandboxes if s["name"] != device["owner"]))
    system.add_parameter(stranger["task"][0], ParameterKind.STREAM, device["name"])


@mutation
def bind_device_taken(draw: Draw, system: RandomSystem) -> None:
    device = draw.device(system)
    [owner] = [s for s in system.sandboxes if s["name"] == device["owner"]]
    for _ in range(2):
        task = draw.one_of(*owner["task"])
        system.add_parameter(task, ParameterKind.STREAM, device["name"])


@mutation
def input_unused(draw: Draw, system: RandomSystem) -> None:
    draw.sandbox(system)["input"].append({"name": "zz", "size": PAGE})


@mutation
def channel_end_unknown(draw: Draw, system: RandomSystem) -> None:
    draw.channel(system)[draw.one_of("from", "to")] = "zz"


@mutation
def channel_to_itself(draw: Draw, system: RandomSystem) -> None:
    sandbox = draw.sandbox(system)
    name = sandbox["name"]
    system.values["channel"].append({"name": "zz", "kind": "ring", "from": name, "to": name})
    for kind in (ParameterKind.SENDER, ParameterKind.RECEIVER):
        system.add_parameter(draw.one_of(*sandbox["task"]), kind, "zz")


@mutation
def channels_too_many(draw: Draw, system: RandomSystem) -> None:
    assume(len(system.sandboxes) > 1)
    ends = system.sandboxes[:2]
    kinds = (ParameterKind.SENDER, ParameterKind.RECEIVER)
    for number in range(65):
        ring = {"name": f"z{number}", "kind": "ring", "size": PAGE}
        sender, receiver = (sandbox["name"] for sandbox in ends)
        system.values["channel"].append(ring | {"from": sender, "to": receiver})
        for sandbox, kind in zip(ends, kinds, strict=True):
            system.add_parameter(draw.one_of(*sandbox["task"]), kind, ring["name"])


@mutation
def ring_size_range(draw: Draw, system: RandomSystem) -> None:
    draw.channel(system, "ring")["size"] = draw.one_of(0, 1, 2048, 32 << 20)


@mutation
def ring_size_power(draw: Draw, system: RandomSystem) -> None:
    draw.channel(system, "ring")["size"] = (PAGE << draw.number(0, 10)) * draw.one_of(3, 5, 7) // 2


@mutation
def four_slot_message_range(draw: Draw, system: RandomSystem) -> None:
    draw.channel(system, "four-slot")["message"] = draw.one_of(0, (1 << 20) + 1)


@mutation
def channel_end_taken(draw: Draw, system: RandomSystem) -> None:
    use = draw.channel_use(system)
    system.add_parameter(draw.one_of(*use.sandbox["task"]), use.kind, use.target["name"])


@mutation
def channel_end_unused(draw: Draw, system: RandomSystem) -> None:
    use = draw.channel_use(system)
    del system.kinds[use.task["run"]][use.name]
    use.task["bind"].pop(use.name, None)


@mutation
def device_unknown(draw: Draw, system: RandomSystem) -> None:
    name, owner = draw.one_of("com0", "com3", "COM1", ""), draw.sandbox(system)["name"]
    system.values["device"].append({"name": name, "kind": "uart", "owner": owner})


@mutation
def device_taken(draw: Draw, system: RandomSystem) -> None:
    owner = draw.sandbox(system)["name"]
    system.values["device"].append(draw.device(system, "uart") | {"owner": owner})


@mutation
def device_owner_unknown(draw: Draw, system: RandomSystem) -> None:
    draw.device(system)["owner"] = "zz"


@mutation
def devices_too_many(draw: Draw, system: RandomSystem) -> None:
    console = draw.device(system, "virtio-console")
    first = 8 * (console["slot"] // 8)
    slots = [slot for slot in range(first + 1, first + 8) if slot != console["slot"]]
    for slot in slots[:4]:
        system.values["device"].append(console | {"name": f"zz{slot}", "slot": slot})


@mutation
def device_name_taken(draw: Draw, system: RandomSystem) -> None:
    draw.console(system, draw.device(system, "virtio-console")["name"])


@mutation
def device_slot_range(draw: Draw, system: RandomSystem) -> None:
    draw.console(system, "zz", slot=draw.one_of(-1, 0, 24, 1 << 32))


@mutation
def device_slot_taken(draw: Draw, system: RandomSystem) -> None:
    console = draw.device(system, "virtio-console")
    owner = draw.sandbox(system)["name"]
    system.values["device"].append(console | {"name": "zz", "owner": owner})


@mutation
def device_page_shared(draw: Draw, system: RandomSystem) -> None:
    console = draw.device(system, "virtio-console")
    stranger = draw.one_of(*(s for s in system.sandboxes if s["name"] != console["owner"]))
    draw.console(system, "zz", slot=neighbour(console["slot"]), owner=stranger["name"])


@mutation
def device_dma_untrusted(draw: Draw, system: RandomSystem) -> None:
    del draw.device(system, "virtio-console")["dma"]


@mutation
def ports_range(draw: Draw, system: RandomSystem) -> None:
    last = draw.number(0x10000, 1 << 32)
    draw.sandbox(system)["ports"].append({"first": 0xFFF0, "last": last})


@mutation
def ports_reversed(draw: Draw, system: RandomSystem) -> None:
    last = draw.number(0x1000, 0x1FFE)
    first = draw.number(last + 1, 0x1FFF)
    draw.sandbox(system)["ports"].append({"first": first, "last": last})


@mutation
def ports_taken(draw: Draw, system: RandomSystem) -> None:
    taken = draw.one_of(*(part for s in system.sandboxes for part in s["ports"]))
    port = draw.number(taken["first"], taken["last"])
    draw.sandbox(system)["ports"].append({"first": port, "last": port})


@mutation
def ports_of_device(draw: Draw, system: RandomSystem) -> None:
    base = {"com1": 0x3F8, "com2": 0x2F8}[draw.device(system, "uart")["name"]]
    port = draw.number(base, base + 7)
    draw.sandbox(system)["ports"].append({"first": port, "last": port})


@mutation
def ports_reserved(draw: Draw, system: RandomSystem) -> None:
    draw.sandbox(system)["ports"].append({"first": 0xCF0, "last": draw.number(0xCF8, 0xD00)})


@mutation
def msr_unmapped(draw: Draw, system: RandomSystem) -> None:
    number = draw.number(0xC0002000, 0xC000FFFF)
    draw.sandbox(system)["msr"].append({"number": number, "access": "r"})


@mutation
def msr_repeated(draw: Draw, system: RandomSystem) -> None:
    draw.sandbox(system)["msr"] += [{"number": 0x11, "access": "r"}, {"number": 17, "access": "rw"}]


@mutation
def msr_reserved(draw: Draw, system: RandomSystem) -> None:
    number = draw.number(0x800, 0x8FF)
    draw.sandbox(system)["msr"].append({"number": number, "access": "rw"})


def add_foreign(system: RandomSystem, **kernel: object) -> dict[str, Any]:
    """A new sandbox with a foreign kernel: the bytes of the description itself."""
    own = {"file": "random.toml", "load": 0x1000, **kernel}
    sandbox = {"name": "zz", "memory": 2 * PAGE, "ports": [], "msr": [], "kernel": own}
    system.sandboxes.append(sandbox)
    return sandbox


@mutation
def kernel_with_tasks(draw: Draw, system: RandomSystem) -> None:
    system.add_task(add_foreign(system), "work", 1)["stack"] = PAGE


@mutation
def kernel_with_input(draw: Draw, system: RandomSystem) -> None:
    add_foreign(system)["input"] = [{"name": "zz", "size": PAGE}]


@mutation
def kernel_direct(draw: Draw, system: RandomSystem) -> None:
    add_foreign(system)["apic"] = "direct"


@mutation
def kernel_channel(draw: Draw, system: RandomSystem) -> None:
    other = add_foreign(system)["name"]
    add_foreign(system)["name"] = "zy"
    ends = {"kind": "ring", "size": PAGE, "from": "zy", "to": other}
    system.values["channel"].append({"name": "zz", **ends})


@mutation
def kernel_device(draw: Draw, system: RandomSystem) -> None:
    guest = add_foreign(system)["name"]
    draw.device(system, "virtio-console")["owner"] = guest
    assume(not any(use.kind is ParameterKind.STREAM for use in system.uses))


@mutation
def kernel_file_missing(draw: Draw, system: RandomSystem) -> None:
    add_foreign(system, file="zz.elf")


@mutation
def kernel_entry_alone(draw: Draw, system: RandomSystem) -> None:
    kernel = add_foreign(system, entry=0x1000)["kernel"]
    del kernel["load"]


@mutation
def kernel_address(draw: Draw, system: RandomSystem) -> None:
    add_foreign(system, load=draw.number(2 * PAGE, 1 << 51))


@mutation
def kernel_command_line(draw: Draw, system: RandomSystem) -> None:
    add_foreign(system, command_line="z" * draw.number(2048, 3000))


@mutation
def until_empty(draw: Draw, system: RandomSystem) -> None:
    system.values["run"] = {"until": []}


@mutation
def until_unknown(draw: Draw, system: RandomSystem) -> None:
    system.values["run"] = {"until": [draw.sandbox(system)["name"], "zz"]}


@mutation
def until_repeated(draw: Draw, system: RandomSystem) -> None:
    system.values["run"] = {"until": [draw.sandbox(system)["name"]] * 2}


@mutation
def expect_module_missing(draw: Draw, system: RandomSystem) -> None:
    system.values["run"] = {"expect": "no_such_module:check"}


@mutation
def core_overloaded(draw: Draw, system: RandomSystem) -> None:
    sandbox = draw.sandbox(system)
    for name in ("zz", "zy"):
        system.add_periodic(sandbox, name, Periodic(10**6, draw.number(500_001, 10**6)))


@mutation
def deadline_missed(draw: Draw, system: RandomSystem) -> None:
    sandbox = draw.sandbox(system)
    system.add_periodic(sandbox, "zz", Periodic(10**6, 400_000))
    if draw.one_of(True, False):
        system.add_periodic(sandbox, "zy", Periodic(10**6, 100_000), deadline=450_000)
    else:
        sandbox["mutex"] = [{"name": "zlock", "hold": draw.number(700_000, 10**6)}]
        for name in ("zx", "zy"):
            task = system.add_periodic(sandbox, name, Periodic(10**7, 500_000))
            system.add_parameter(task, ParameterKind.MUTEX, "zlock")
        system.add_parameter(sandbox["task"][-3], ParameterKind.MUTEX, "zlock")


@mutation
def budget_too_small(draw: Draw, system: RandomSystem) -> None:
    system.add_periodic(draw.sandbox(system), "zz", Periodic(10**6, draw.number(1, 2_000)))


@mutation
def chain_unbounded(draw: Draw, system: RandomSystem) -> None:
    add_chain(system)["freshness"] = draw.number(1, 3600 * 10**9)
    sender = system.sandboxes[0]["task"][-1]
    del system.periodic[sender["run"]]
    sender |= {"period": "10 ms", "budget": "500 us"}


@mutation
def chain_too_slow(draw: Draw, system: RandomSystem) -> None:
    add_chain(system)["latency"] = draw.number(1, 10**7)


@mutation
def chain_too_stale(draw: Draw, system: RandomSystem) -> None:
    add_chain(system)["freshness"] = draw.number(1, 10**7)


@mutation
def migration_task(draw: Draw, system: RandomSystem) -> None:
    task = add_mover(system)
    if draw.one_of(True, False):
        task |= {"level": 1, "overrun_budget": "5 ms"}
    else:
        del task["isolation"]
        system.processes.clear()


@mutation
def migration_target(draw: Draw, system: RandomSystem) -> None:
    add_mover(system)["migrates_to"].append(draw.one_of("zone", "ztwo", "nowhere"))


def add_way(system: RandomSystem, task: dict[str, Any], to: str) -> None:
    """A ring from the task that moves to another one in the sandbox ``to``."""
    ring = {"name": "zway", "kind": "ring", "size": PAGE, "from": "zone", "to": to}
    system.values["channel"].append(ring)
    system.add_parameter(task, ParameterKind.SENDER, "zway")
    [sandbox] = [each for each in system.sandboxes if each["name"] == to]
    system.add_parameter(system.add_periodic(sandbox, "zend"), ParameterKind.RECEIVER, "zway")


@mutation
def migration_channel(draw: Draw, system: RandomSystem) -> None:
    add_way(system, add_mover(system), "ztwo")


@mutation
def migration_bind(draw: Draw, system: RandomSystem) -> None:
    task = add_mover(system)
    add_way(system, task, system.sandboxes[0]["name"])
    system.kinds[task["run"]] = {"zway": ParameterKind.SENDER}
    task["bind"].clear()


@mutation
def migration_input(draw: Draw, system: RandomSystem) -> None:
    task = add_mover(system)
    system.sandboxes[-2]["input"] = [{"name": "zfile", "size": PAGE}]
    system.add_parameter(task, ParameterKind.INPUT, "zfile")


@mutation
def migration_chain(draw: Draw, system: RandomSystem) -> None:
    home = system.sandboxes[0]["name"]
    add_way(system, add_mover(system), home)
    chain = {"name": "zchain", "tasks": ["zone.zmover", f"{home}.zend"], "latency": "1 s"}
    system.values.setdefault("chain", []).append(chain)


@mutation
def migration_missing(draw: Draw, system: RandomSystem) -> None:
    add_mover(system)
    del draw.one_of(*system.sandboxes[-2:])["migration"]


@mutation
def migration_unused(draw: Draw, system: RandomSystem) -> None:
    migration = {"period": "10 ms", "budget": "100 us"}
    draw.sandbox(system)["migration"] = migration


def add_heartbeats(system: RandomSystem) -> list[dict[str, Any]]:
    """Two sandboxes that watch each other; their heartbeats."""
    found = []
    for name, other in (("zone", "ztwo"), ("ztwo", "zone")):
        beat = {"period": "1 ms", "deadline": "4 ms", "watches": [other]}
        sandbox = {"name": name, "memory": 1 << 20, "input": [], "heartbeat": beat}
        system.add_task(sandbox, "work", 1)
        system.sandboxes.append(sandbox)
        found.append(beat)
    return found


@mutation
def heartbeat_foreign(draw: Draw, system: RandomSystem) -> None:
    add_heartbeats(system)[0]["watches"].append("zz")
    add_foreign(system)["heartbeat"] = {"period": "1 ms", "deadline": "4 ms"}


@mutation
def heartbeat_watches(draw: Draw, system: RandomSystem) -> None:
    others = [sandbox["name"] for sandbox in system.sandboxes]
    add_heartbeats(system)[0]["watches"].append(draw.one_of("zone", "ztwo", "nowhere", *others))


@mutation
def heartbeat_deadline(draw: Draw, system: RandomSystem) -> None:
    first, second = add_heartbeats(system)
    first["deadline"] = draw.one_of("1 us", "1999 us")
    first["watches"], second["watches"] = ["ztwo"], []


@mutation
def heartbeat_late(draw: Draw, system: RandomSystem) -> None:
    first, second = add_heartbeats(system)
    first["period"] = draw.one_of("1001 us", "2 ms")
    second["deadline"] = "2 ms"


@mutation
def heartbeat_checks(draw: Draw, system: RandomSystem) -> None:
    add_heartbeats(system)[0]["checks"] = draw.one_of(0, 4, 12, 4097, 8192)


@mutation
def heartbeat_unused(draw: Draw, system: RandomSystem) -> None:
    draw.sandbox(system)["heartbeat"] = {"period": "1 ms"}


def add_recovery(sandbox: dict[str, Any], **keys: object) -> None:
    """Let a sandbox be restarted."""
    sandbox["recovery"] = {"on_fault": "restart", "limit": 2, "back_off": "1 ms", **keys}


@mutation
def recovery_foreign(draw: Draw, system: RandomSystem) -> None:
    add_recovery(add_foreign(system))


@mutation
def recovery_migration(draw: Draw, system: RandomSystem) -> None:
    add_mover(system)
    add_recovery(draw.one_of(*system.sandboxes[-2:]))


@mutation
def recovery_limit(draw: Draw, system: RandomSystem) -> None:
    add_recovery(draw.sandbox(system), limit=draw.one_of(-1, 0, 17, 1 << 40))


@mutation
def recovery_back_off(draw: Draw, system: RandomSystem) -> None:
    add_recovery(draw.sandbox(system), window="1999 us")


@mutation
def recovery_unused(draw: Draw, system: RandomSystem) -> None:
    draw.sandbox(system)["recovery"] = draw.one_of(
        {"on_fault": "stop", "limit": 3}, {"on_fault": "restart", "to": "zz"}
    )


@mutation
def fail_over_to(draw: Draw, system: RandomSystem) -> None:
    home = add_standby(system)["home"]
    home["recovery"]["to"] = draw.one_of("nowhere", home["name"], add_foreign(system)["name"])


def add_standby(system: RandomSystem) -> dict[str, dict[str, Any]]:
    """A sandbox that fails over to another one, and a task in each, the one for the other."""
    home: dict[str, Any] = {"name": "zhome", "memory": 1 << 20, "input": []}
    home["recovery"] = {"on_fault": "fail-over", "to": "zstandby"}
    standby: dict[str, Any] = {"name": "zstandby", "memory": 1 << 20, "input": []}
    system.sandboxes.extend([home, standby])
    return {
        "home": home,
        "standby": standby,
        "original": system.add_periodic(home, "zoriginal"),
        "stand-in": system.add_periodic(standby, "zstandin", stands_in_for="zhome.zoriginal"),
    }


@mutation
def fail_over_again(draw: Draw, system: RandomSystem) -> None:
    standby = add_standby(system)["standby"]
    another: dict[str, Any] = {"name": "zthird", "memory": 1 << 20, "input": []}
    system.sandboxes.append(another)
    standby["recovery"] = {"on_fault": "fail-over", "to": "zthird"}
    system.add_periodic(another, "zlast", stands_in_for="zstandby.zstandin")


@mutation
def fail_over_shared(draw: Draw, system: RandomSystem) -> None:
    standby = add_standby(system)["standby"]
    another: dict[str, Any] = {"name": "zthird", "memory": 1 << 20, "input": []}
    another["recovery"] = {"on_fault": "fail-over", "to": "zstandby"}
    system.sandboxes.append(another)
    system.add_periodic(another, "zone")
    system.add_periodic(standby, "zmore", stands_in_for="zthird.zone")


@mutation
def fail_over_device(draw: Draw, system: RandomSystem) -> None:
    sandbox, _ = add_io(system)
    standby: dict[str, Any] = {"name": "zstandby", "memory": 1 << 20, "input": []}
    system.sandboxes.append(standby)
    sandbox["recovery"] = {"on_fault": "fail-over", "to": "zstandby"}
    system.add_periodic(sandbox, "zoriginal")
    system.add_periodic(standby, "zstandin", stands_in_for=f"{sandbox['name']}.zoriginal")


@mutation
def fail_over_migration(draw: Draw, system: RandomSystem) -> None:
    add_mover(system)
    target = draw.one_of(*system.sandboxes[-2:])
    parts = add_standby(system)
    system.sandboxes.remove(parts["standby"])
    parts["home"]["recovery"]["to"] = target["name"]
    system.add_periodic(target, "zstandin", stands_in_for="zhome.zoriginal")


@mutation
def fail_over_unused(draw: Draw, system: RandomSystem) -> None:
    del add_standby(system)["stand-in"]["stands_in_for"]


@mutation
def stand_in_unknown(draw: Draw, system: RandomSystem) -> None:
    standby = add_standby(system)["standby"]
    system.add_periodic(
        standby, "zmore", stands_in_for=draw.one_of("zhome.zother", "zstandby.zstandin")
    )


@mutation
def stand_in_taken(draw: Draw, system: RandomSystem) -> None:
    system.add_periodic(add_standby(system)["standby"], "zmore", stands_in_for="zhome.zoriginal")


@mutation
def stand_in_isolation(draw: Draw, system: RandomSystem) -> None:
    parts = add_standby(system)
    task = draw.one_of(parts["original"], parts["stand-in"])
    task["isolation"] = "process"
    system.processes.add(task["run"])


@mutation
def stand_in_channel(draw: Draw, system: RandomSystem) -> None:
    parts = add_standby(system)
    third: dict[str, Any] = {"name": "zthird", "memory": 1 << 20, "input": []}
    system.sandboxes.append(third)
    other = draw.one_of(third, parts["standby"])
    ring = {"name": "zring", "kind": "ring", "size": PAGE, "from": "zhome", "to": other["name"]}
    system.values["channel"].append(ring)
    system.add_parameter(parts["original"], ParameterKind.SENDER, "zring")
    system.add_parameter(system.add_periodic(other, "zother"), ParameterKind.RECEIVER, "zring")
    if third is not other:
        system.add_periodic(third, "zmore")


@mutation
def stand_in_chain(draw: Draw, system: RandomSystem) -> None:
    parts = add_standby(system)
    third: dict[str, Any] = {"name": "zthird", "memory": 1 << 20, "input": []}
    system.sandboxes.append(third)
    ring = {"name": "zring", "kind": "ring", "size": PAGE, "from": "zhome", "to": "zthird"}
    system.values["channel"].append(ring)
    for task in (parts["original"], parts["stand-in"]):
        system.add_parameter(task, ParameterKind.SENDER, "zring")
    system.add_parameter(system.add_periodic(third, "zother"), ParameterKind.RECEIVER, "zring")
    chain = {"name": "zchain", "tasks": ["zstandby.zstandin", "zthird.zother"], "latency": "1 s"}
    system.values.setdefault("chain", []).append(chain)


@pytest.mark.parametrize("rule", MUTATIONS)
@settings(max_examples=10, suppress_health_check=[HealthCheck.filter_too_much], deadline=None)
@given(system=systems(), data=st.data())
def test_a_change_breaks_the_rule_against_it(
    tmp_path_factory: pytest.TempPathFactory, rule: str, system: RandomSystem, data: st.DataObject
) -> None:
    MUTATIONS[rule](Draw(data), system)
    draft = read_draft(written(tmp_path_factory.getbasetemp(), system), system.source())
    assert {finding.rule for finding in check(draft)} == {rule}


def test_every_rule_has_a_change_that_breaks_it() -> None:
    about_sources = {"task-invalid", "expect-invalid", "expect-function-missing"}
    everything = {rule_name(rule) for topic in RULES.values() for rule in topic}
    assert everything - about_sources == set(MUTATIONS)
