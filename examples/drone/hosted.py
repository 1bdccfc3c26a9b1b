"""Flies the drone against its model on this host, in an ordinary run.

    python examples/drone/hosted.py [SECONDS]        all of the flight, or its beginning

The model is that of ``dynamics.py``, compiled for this host. It listens on a socket, starts
``questv run`` with the system's serial port connected to that, and then they take turns: the model
sends what the sensors see, and goes on by the time of one frame when it has the motors' command.
"""

from __future__ import annotations

import argparse
import socket
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import dynamics
from airframe import FRAME
from dynamics import Angles, Body
from expect import check_flight
from messages import NO_MORE, Command, Frame
from plant import FRAMES_PER_SAMPLE
from record import Sample

from questv.metal.jit import Jit
from questv.metal.structs import sizeof

FOLDER = Path(__file__).resolve().parent
PATIENCE = 60.0  # seconds that the system may take to boot, and then to answer


class Model:
    """The drone in the air, with what is bound to the plant in system.toml."""

    def __init__(self) -> None:
        """On the floor."""
        description = tomllib.loads((FOLDER / "system.toml").read_text())
        (plant,) = (each for each in description["sandbox"] if each["name"] == "plant")
        self.bound = plant["task"][0]["bind"]
        self._jit = Jit(dynamics)
        self._body = Body()
        self._jit[dynamics.place](self._body)

    @property
    def time(self) -> float:
        """Seconds of the flight."""
        return int(self._body.number) * FRAME

    @property
    def is_to_be_recorded(self) -> bool:
        """Whether this is a frame of the record."""
        return int(self._body.number) % FRAMES_PER_SAMPLE == 0

    def sample(self) -> Sample:
        """How things are."""
        body, angles = self._body, Angles()
        self._jit[dynamics.find_angles](body, angles)
        return Sample(
            self.time,
            tuple(float(body.position[i]) for i in range(3)),
            (float(angles.roll), float(angles.pitch), float(angles.yaw)),
            tuple(float(body.thrust[i]) for i in range(4)),
        )

    def measure(self) -> Frame:
        """What the sensors see."""
        frame = Frame()
        self._jit[dynamics.measure](self._body, frame)
        return frame

    def advance(self, command: Command) -> None:
        """Let the time of a frame pass."""
        gust, begin = self.bound["gust"], self.bound["gust_begin"]
        self._jit[dynamics.advance](self._body, command, gust, begin)


def fly(wire: socket.socket, seconds: float | None) -> Iterator[Sample]:
    """Take turns with the system until the flight's end; the record of it."""
    model = Model()
    end = model.bound["flight_time"] if seconds is None else seconds
    while model.time < end:
        if model.is_to_be_recorded:
            yield model.sample()
        frame = model.measure()
        wire.sendall(bytes(frame))
        answer = Command.view(receive(wire, sizeof(Command)))
        if answer.number != frame.number:
            raise ConnectionError(f"frame {frame.number} was answered with {answer.number}")
        model.advance(answer)
    wire.sendall(bytes(Frame(number=NO_MORE)))


def accepted(listener: socket.socket, system: subprocess.Popen[bytes]) -> socket.socket:
    """The system's end of the wire, once it is there."""
    listener.settimeout(0.1)
    while system.poll() is None:
        try:
            return listener.accept()[0]
        except TimeoutError:
            continue
    raise ConnectionError("the system has not begun")


def receive(wire: socket.socket, length: int) -> bytearray:
    """So many bytes."""
    data = bytearray()
    while len(data) < length:
        piece = wire.recv(length - len(data))
        if not piece:
            raise ConnectionError("the system has ended")
        data += piece
    return data


def main() -> int:
    """Fly, and tell how it was; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "seconds", type=float, nargs="?", help="of the flight's beginning; else all"
    )
    seconds: float | None = parser.parse_args().seconds
    if seconds is not None and seconds <= 0:
        parser.error("a flight takes more than no time")
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        place = str(Path(folder) / "wire")
        listener.bind(place)
        listener.listen()
        questv = str(Path(sys.executable).with_name("questv"))
        command = [questv, "run", str(FOLDER / "hosted.toml"), "--stream", f"com1={place}"]
        with subprocess.Popen(command) as system:
            try:
                with accepted(listener, system) as wire:
                    wire.settimeout(PATIENCE)
                    flight = list(fly(wire, seconds))
                    system.wait()
            except OSError as error:
                system.terminate()
                print(f"the flight was broken off: {error}", file=sys.stderr)
                return 1
    met = system.returncode == 0
    for each in check_flight(flight, complete=seconds is None):
        print(f"  {'met    ' if each.met else 'NOT MET'}  {each.name:20}  {each.detail}")
        met = met and each.met
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
