"""Checks of other names."""


def check_digest(run) -> None:
    assert run.sandboxes
