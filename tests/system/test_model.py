from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from questv.system.model import (
    TABLES,
    ApicMode,
    FourSlotChannel,
    IoVcpu,
    MainVcpu,
    MsrAccess,
    RingChannel,
    System,
    VirtioConsoleDevice,
    keys,
)

from . import examples


def test_everything_arrives_in_its_model() -> None:
    system = System.model_validate(examples.values())
    reader, report = system.sandboxes
    assert (system.version, system.name, system.machine.memory) == (1, "demo", 1280 << 20)
    assert (system.run.until, system.run.expect) == (("report",), "expect:check")
    assert (reader.name, reader.core, reader.memory) == ("reader", 2, 2 << 20)
    assert (reader.apic, report.apic) == (ApicMode.DIRECT, ApicMode.GUARDED)
    assert (report.core, report.memory) == (None, 4 << 20)
    read, pose = reader.tasks
    assert (read.name, read.run, read.priority, read.stack) == ("read", "tasks:read", 10, 16384)
    assert read.bind == {"digest": "to-report", "period": 1000000}
    assert (pose.stack, pose.bind, pose.priority, pose.vcpu) == (8192, {}, None, None)
    assert (pose.period, pose.budget, pose.deadline) == (1_000_000, 100_000, 900_000)
    assert (pose.level, pose.overrun_budget) == (2, 200_000)
    show, listen = report.tasks
    assert (show.vcpu, show.priority, show.period, show.budget) == ("shared", 10, None, None)
    assert listen.bind == {"port": "console0", "gain": 0.5}
    shared, io = report.vcpus
    assert isinstance(shared, MainVcpu) and isinstance(io, IoVcpu)
    assert (shared.name, shared.period, shared.budget) == ("shared", 10_000_000, 1_000_000)
    assert (shared.level, shared.overrun_budget) == (1, 2_000_000)
    assert (io.name, io.utilization) == ("io", 0.05)
    assert [(each.name, each.hold) for each in report.mutexes] == [("lock", 5000)]
    assert [(each.name, each.size) for each in reader.inputs] == [("big-file", 1 << 30)]
    assert [(each.first, each.last) for each in reader.ports] == [(0x70, 0x71)]
    assert [(m.number, m.access) for m in reader.msrs] == [(0xC0000102, MsrAccess.READ_WRITE)]
    ring, register = system.channels
    assert isinstance(ring, RingChannel)
    assert (ring.sender, ring.receiver, ring.size) == ("reader", "report", 128 << 10)
    assert isinstance(register, FourSlotChannel)
    assert (register.sender, register.receiver, register.message) == ("reader", "report", 24)
    port, console = system.devices
    assert (port.name, port.kind, port.owner) == ("com1", "uart", "report")
    assert isinstance(console, VirtioConsoleDevice)
    assert (console.name, console.owner) == ("console0", "report")
    assert (console.slot, console.dma) == (8, "trusted")
    assert (port.vcpu, console.vcpu) == (None, "io")
    [chain] = system.chains
    assert (chain.name, chain.tasks) == ("pose-to-print", ("reader.pose", "report.print"))
    assert (chain.latency, chain.freshness) == (15_000_000, 20_000_000)


def test_what_is_left_out_has_its_default() -> None:
    values = examples.values()
    del values["machine"], values["run"], values["channel"][0]["size"]
    system = System.model_validate(values)
    assert system.machine.memory == 64 << 20
    assert (system.run.until, system.run.expect) == (None, None)
    [ring] = [each for each in system.channels if isinstance(each, RingChannel)]
    assert ring.size == 64 << 10


def test_models_do_not_change() -> None:
    system = System.model_validate(examples.values())
    with pytest.raises(ValidationError, match="frozen"):
        system.sandboxes[0].memory = 0  # type: ignore[misc]


def system_with_cores(cores: list[int | None]) -> System:
    sandboxes = [
        {"name": f"s{index}", "memory": 4096} | ({} if core is None else {"core": core})
        for index, core in enumerate(cores)
    ]
    return System.model_validate({"version": 1, "name": "cores", "sandbox": sandboxes})


@pytest.mark.parametrize(
    ("named", "given"),
    [
        ([], ()),
        ([None, None], (0, 1)),
        ([None, 0, None, 2], (1, 0, 3, 2)),
        ([5, None], (5, 0)),
    ],
)
def test_cores_left_out_are_the_lowest_free(named: list[int | None], given: tuple[int]) -> None:
    assert system_with_cores(named).cores() == given


def _identity(core: int | None) -> object:
    return object() if core is None else core


@given(st.lists(st.none() | st.integers(0, 63), max_size=64, unique_by=_identity))
def test_cores_are_distinct_and_kept_if_named(named: list[int | None]) -> None:
    cores = system_with_cores(named).cores()
    assert len(set(cores)) == len(named)
    assert all(0 <= core < 64 for core in cores)
    assert all(name in (None, core) for name, core in zip(named, cores, strict=True))


def test_every_key_has_a_description() -> None:
    for table in TABLES.values():
        for key, name in keys(table).items():
            assert table.model_fields[name].description, f"{table.header}: {key}"
