"""State machines over the world: how they begin, how long they run, what they leave behind.

    class Splits(Machine):
        promises = ("S1", "S2")

        @classmethod
        def build(cls, world): ...      # deploys, once; what it returns is `self.system`

        @rule(...)
        def pay(self, ...): ...         # self.world, self.system

    def test_splits():
        run(Splits)

Every example begins where `build` ended. SECONDS=<n> runs each machine that long at random; without
it the budget is small and the same each time.
"""

import os
import time
from typing import Any, ClassVar

import audit_log
import scenario
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test
from world import ENGINE, World, open_world

SHRINKS = os.environ.get("IMMURTAL_SHRINK") != "0"
"""Whether a failure is made small first; who only asks whether there is one need not wait."""
ROUND = 50
"""Examples between two looks at the clock."""
APE_BUDGET = (2, 8)
"""Examples, and steps of each: anvil through ape makes about ten calls a second."""


class Machine(RuleBasedStateMachine):
    """promises: their letters in DESIGN 10; examples, steps: the budget without SECONDS."""

    promises: ClassVar[tuple[str, ...]]
    examples: ClassVar[int] = 60
    steps: ClassVar[int] = 40
    _stage: ClassVar[tuple[type, World, Any, int] | None] = None

    @classmethod
    def build(cls, world: World) -> Any:
        """Deploys what the machine plays with."""
        raise NotImplementedError

    @classmethod
    def stage(cls) -> tuple[World, Any, int]:
        """The machine's world, its system, and the mark where every example begins."""
        if cls._stage is None or cls._stage[0] is not cls:
            world = open_world()
            system = cls.build(world)
            cls._stage = (cls, world, system, world.snapshot())
        return cls._stage[1:]

    def __init__(self) -> None:
        super().__init__()
        self.world, self.system, mark = self.stage()
        self.world.restore(mark)


def run(machine: type[Machine]) -> None:
    """Runs a machine, logs it for the audit, and shows the scenario if it fails."""
    world = machine.stage()[0]
    transactions, views, started = world.transactions, world.views, time.monotonic()
    result = "interrupted"
    broken = ""
    try:
        _play(machine, started)
        result = "passed"
    except Exception as error:
        result = "failed"
        broken = getattr(error, "promise", "")
        path = scenario.write_test(machine.__name__, world, error)
        error.add_note(f"\n{scenario.text(world, error)}\n\nAs an ape test: {path}")
        raise
    finally:
        audit_log.write(
            machine.promises,
            machine.__name__,
            ENGINE,
            world.transactions - transactions,
            world.views - views,
            time.monotonic() - started,
            result,
            broken,
        )


def _play(machine: type[Machine], started: float) -> None:
    seconds = float(os.environ.get("SECONDS") or 0)
    examples, steps = (machine.examples, machine.steps) if ENGINE == "revm" else APE_BUDGET
    if not seconds:
        run_state_machine_as_test(machine, settings=_settings(examples, steps, True))
        return
    if ENGINE == "revm":
        examples = ROUND
    while time.monotonic() - started < seconds:
        run_state_machine_as_test(machine, settings=_settings(examples, steps, False))


def _settings(examples: int, steps: int, repeatable: bool) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        derandomize=repeatable,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink) if SHRINKS else (Phase.generate,),
    )
