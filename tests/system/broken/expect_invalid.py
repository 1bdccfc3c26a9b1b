"""A check with a slip in it."""


def check(run) -> None
    assert run.sandboxes
