"""Tasks with as many parameters as one can have; this file is read and never run."""


def send(a: Sender, b: Sender, c: Sender, d: Sender, e: Sender, f: Sender) -> None: ...


def receive(
    a: Receiver, b: Receiver, c: Receiver, d: Receiver, e: Receiver, f: Receiver
) -> None: ...
