"""Tasks that the examples name; this file is read and never run."""


def idle() -> None: ...


def send(results: Sender) -> None: ...


def receive(results: Receiver) -> None: ...


def relay(requests: Receiver, results: Sender) -> None: ...


def write(pose: Writer[Pose]) -> None: ...


def read(pose: Reader[Pose]) -> None: ...


def digest(file: Input) -> None: ...


def tick(period: u32) -> None: ...


def plot(points: list[float], title: str) -> None: ...


def fan(left: Sender, right: Sender) -> None: ...


@unmarked
def helper() -> None: ...


@metal
def smooth() -> None: ...


def talk(com1: Stream) -> None: ...


def chat(left: Stream, right: Stream) -> None: ...


@periodic(period=1_000_000, budget=100_000)
def step() -> None: ...


@periodic
def poll() -> None: ...


@periodic(period=1_000_000, budget=100_000)
def sense(pose: Writer[Pose]) -> None: ...


@periodic(period=1_000_000, budget=100_000)
def act(pose: Reader[Pose]) -> None: ...


def tune(gain: f32) -> None: ...


def remember(own: State) -> None: ...


def guard(lock: Mutex) -> None: ...


@periodic(period=1_000_000, budget=100_000)
def roam(pose: process.Writer[Pose]) -> None: ...


@periodic(period=1_000_000, budget=100_000)
def load(file: process.Input) -> None: ...
